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

"""The bit rate of a rendition that all its viewers share: what suits them, or who drives."""

from collections.abc import Callable
import math

from .tiers import LEAST_SHARE

_LATE_VIEWERS = 0.1  # more of them than that, and the rate falls
_LATELY_S = 1.0
_GRACE_S = 0.5  # in which the others may turn out to be late, too
_SETTLING_S = 0.4  # after it fell: what was larger is still on its way
_AIM = 0.75  # of the time that a frame may be on its way
_FALLS = (0.45, 0.85)  # by what it falls at once, at the most and at the least
_RISE = 1.08
_FIRST_HOLD_S, _LONGEST_HOLD_S = 3.0, 60.0
_TRIAL_S = 5.0  # a fall so soon after a rise was because of it
_COMFORT = 0.7  # of the time that a frame may be on its way
_UNCOMFORTABLE = 0.1  # so many frames may take longer than that, and the rate still rises


class VideoRateControl:
    """
    Choose the share of its usual bit rate that a rendition is encoded with. Event loop only.

    It falls at once, as far as those who are late need it, and rises slowly when all have been
    comfortable for long.

    Attributes
    ----------
    share
        Of the usual bit rate, LEAST_SHARE to 1.
    fixed
        Whether it cannot be changed: what a source encodes, and cannot be told.

    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Make it; `on_change` hears of another share."""
        self.share, self.fixed = 1.0, False
        self._on_change = on_change
        self._late: dict[str, tuple[float, float]] = {}  # viewers: when, and what they need
        self._since_s: dict[str, float] = {}  # since when they are late, while the rate stays
        self._fell_s = self._rose_s = self._tense_s = -math.inf
        self._hold_s = _FIRST_HOLD_S
        self._frames = self._uncomfortable = 0

    def restart(self, share: float) -> None:
        """Forget all: others will watch, beginning with that share."""
        self._late.clear()
        self._since_s.clear()
        self._fell_s = self._rose_s = self._tense_s = -math.inf
        self._hold_s, self.fixed = _FIRST_HOLD_S, False
        self._frames = self._uncomfortable = 0
        self._set(share)

    def note(self, transit_s: float, allowed_s: float) -> None:
        """Take in how long a frame was on its way to one of those whom the rate follows."""
        self._frames += 1
        self._uncomfortable += transit_s > _COMFORT * allowed_s

    def relieve(self, viewer: str, factor: float, viewers: int, drives: bool | None,
                now_s: float) -> bool:
        """
        Hear that a viewer's frames come late; return whether they will be smaller for it.

        `factor` is what the viewer would need of the present rate; `drives` whether they are who
        drives, None where nobody does.
        """
        if self.fixed or drives is False:
            return False
        since_s = self._since_s.setdefault(viewer, now_s)
        self._late[viewer] = now_s, factor
        self._tense_s = now_s
        if now_s - self._fell_s < _SETTLING_S:
            return True
        if self.share <= LEAST_SHARE:
            return False
        late = [needs for at_s, needs in self._late.values() if now_s - at_s < _LATELY_S]
        if drives or len(late) > _LATE_VIEWERS * viewers:
            self._fall(factor if drives else sorted(late)[len(late) // 2], now_s)
            return True
        return now_s - since_s < _GRACE_S

    def tick(self, now_s: float) -> None:
        """Rise, if all have been comfortable; to be called about once a second."""
        calm = self._frames and self._uncomfortable <= _UNCOMFORTABLE * self._frames
        self._frames = self._uncomfortable = 0
        if not calm:
            self._tense_s = now_s
        self._late = {name: late for name, late in self._late.items()
                      if now_s - late[0] < _LATELY_S}
        self._since_s = {name: at_s for name, at_s in self._since_s.items() if name in self._late}
        if (self.share < 1 and not self.fixed
                and now_s - max(self._tense_s, self._fell_s) >= self._hold_s):
            self._rose_s = now_s
            self._set(self.share * _RISE)
        elif self._rose_s > self._fell_s and now_s - self._rose_s > _LONGEST_HOLD_S:
            self._hold_s = _FIRST_HOLD_S

    def _fall(self, factor: float, now_s: float) -> None:
        if now_s - self._rose_s < _TRIAL_S:
            self._hold_s = min(2 * self._hold_s, _LONGEST_HOLD_S)
        self._fell_s = now_s
        self._late.clear()
        self._since_s.clear()
        self._set(self.share * min(max(_AIM * factor, _FALLS[0]), _FALLS[1]))

    def _set(self, share: float) -> None:
        self.share = min(max(share, LEAST_SHARE), 1.0)
        self._on_change()
