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

"""What comes from a topic: when, and how old."""

from collections import deque
import math
import time

from ...core.clock import NowNs
from ...core.frame import Frame, StampedImage
from ...core.statistics import Recent

_REMEMBERED = 256  # frames
_ROUNDING_NS = 1000  # of a stamp in ms, as JavaScript has it


class Arrivals:
    """Take note of each frame that arrives. `add` belongs to one thread; any thread may ask."""

    def __init__(self, now_ns: NowNs) -> None:
        self.last: Frame | StampedImage | None = None  # since `restart`
        self._now_ns = now_ns
        self._ages_ms = Recent()
        self._intervals_s = Recent()
        self._moments: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._last_s = time.monotonic()
        self._clock_s = now_ns() / 1e9 - self._last_s  # the stamps' clock, seen from the monotonic

    def restart(self) -> None:
        """Forget what came, which may be hours old, but for what was counted."""
        self.last, self._last_s = None, time.monotonic()
        self._ages_ms.clear()
        self._intervals_s.clear()

    def add(self, frame: Frame | StampedImage) -> None:
        now_s = time.monotonic()
        if self.last is not None:
            self._intervals_s.add(now_s - self._last_s)
        self.last, self._last_s = frame, now_s
        now_ns = self._now_ns()
        self._clock_s = now_ns / 1e9 - now_s
        self._remember(frame.stamp_ns, now_s, now_ns)
        self._ages_ms.add(self.age_ms(frame))

    def note(self, stamp_ns: int) -> None:
        """Remember when a picture came that goes another way, so that `age_s` knows it."""
        self._remember(stamp_ns, time.monotonic(), self._now_ns())

    def _remember(self, stamp_ns: int, now_s: float, now_ns: int) -> None:
        self._moments.append((stamp_ns, now_s - max(0, now_ns - stamp_ns) / 1e9))

    def age_s(self, stamp_ns: int) -> float:
        """
        Return how old the frame of `stamp_ns` is at least, by a clock that nobody sets.

        It is not younger than the time since it first arrived, whatever the camera's clock says.
        NaN when no such frame has come lately.
        """
        taken_s = next((at_s for stamp, at_s in tuple(self._moments)
                        if abs(stamp - stamp_ns) < _ROUNDING_NS), math.nan)
        return time.monotonic() - taken_s

    def interval_s(self, default: float) -> float:
        """Return the median time between two frames; `default` while there are none."""
        interval_s = self._intervals_s.median()
        return interval_s if interval_s > 0 else default

    def age_ms(self, frame: Frame | StampedImage) -> float:
        return (time.monotonic() + self._clock_s) * 1e3 - frame.stamp_ns / 1e6

    def median_age_ms(self) -> float:
        """Return the median age of frames when they arrived; NaN before the first one."""
        return self._ages_ms.median()
