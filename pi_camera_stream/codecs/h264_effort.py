# Copyright 2026 pi_camera_stream contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""What H.264 may take of a link, and of a processor."""

from collections.abc import Callable
import time

from ..core.statistics import Recent

MOST_BPS = 6e6  # unless somebody says another number

_DEFAULT_BPS, _FOR_PIXELS_PER_S = 2e6, 1280 * 720 * 30
_LEAST_BPS = 100e3
_MOST_OF_INTERVAL = 0.8  # that encoding may take, of the time until the next picture
_MOST_INTERVALS = 2.0  # of the smallest size: players have nothing else, and half is a lot
_JUDGED_S, _JUDGED_FRAMES = 3.0, 8  # at the least, before a size is given up
_RETRY_S, _LONGEST_RETRY_S = 60.0, 960.0  # until the size above is tried again
_LESS_WORK = 0.8  # times as many pixels a second as were too many, which are tried at once


def default_bitrate_bps(width: int, height: int, fps: float, most_bps: float) -> float:
    """Return what is enough for pictures of that size and rate, and no more than `most_bps`."""
    wanted_bps = _DEFAULT_BPS * width * height * fps / _FOR_PIXELS_PER_S
    return min(max(wanted_bps, _LEAST_BPS), most_bps)


class H264Effort:
    """
    Choose the largest size that the processor encodes in time, by how long it took.

    The thread that encodes asks for the `level` of each picture, and adds what that took. A level
    is given up where encoding takes most of a picture's interval, the last one where it takes
    more than two; it is tried again later, less and less often, or at once where there is less
    to do.

    Attributes
    ----------
    reason
        Why it is not the first level, in a sentence without its full stop; empty where it is.
    retry_at_s
        When the level above is tried again, by the clock.

    """

    def __init__(self, levels: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it for so many sizes, which the caller knows: 0 is the largest."""
        self._levels, self._clock = levels, clock
        self.reason = ''
        self._level = self._given_up = 0  # now, and ever
        self._pixels_per_s = self._too_many_per_s = 0.0
        self._shares = Recent(256)  # of an interval
        self._judged_from_s = 0.0
        self.retry_at_s, self._retry_after_s = 0.0, _RETRY_S

    def level(self, pixels_per_s: float) -> int:
        """Return which size to encode of pictures that have so many pixels; `levels` for none."""
        self._pixels_per_s = pixels_per_s
        if self._level and pixels_per_s < _LESS_WORK * self._too_many_per_s:
            self._move(0)
            self._retry_after_s = _RETRY_S
        elif self._level and self._clock() >= self.retry_at_s:
            self._move(self._level - 1)
        return self._level

    def add(self, took_s: float, interval_s: float) -> bool:
        """
        Note how long one took of the time until the next.

        Returns True where its level is given up, for the first time: `reason` is to be said.
        """
        now_s = self._clock()
        if not len(self._shares):
            self._judged_from_s = now_s
        self._shares.add(took_s / interval_s)
        if now_s - self._judged_from_s < _JUDGED_S or len(self._shares) < _JUDGED_FRAMES:
            return False
        share = self._shares.median()
        if share <= (_MOST_OF_INTERVAL if self._level + 1 < self._levels else _MOST_INTERVALS):
            self._shares.clear()
            return False
        self._too_many_per_s = self._pixels_per_s
        self.retry_at_s = now_s + self._retry_after_s
        self._retry_after_s = min(2 * self._retry_after_s, _LONGEST_RETRY_S)
        self._move(self._level + 1)
        what = 'H.264 is not encoded' if self._level == self._levels \
            else 'H.264 is encoded in a smaller size'
        self.reason = (f'{what}, because this processor takes '
                       f'{share * interval_s * 1e3:.0f} ms for a picture, and the next one comes '
                       f'after {interval_s * 1e3:.0f} ms')
        first = self._level > self._given_up
        self._given_up = max(self._given_up, self._level)
        return first

    def _move(self, level: int) -> None:
        self._level = level
        self._shares.clear()
        if not level:
            self.reason = ''
