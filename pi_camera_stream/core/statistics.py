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

"""What is counted and shown: rates over the last seconds, and the spread of recent values."""

from collections import deque
from collections.abc import Callable
import statistics
import threading
import time

_LATEST = 4  # intervals by which a silence is judged:
_TIMES = 2.5  # so many times the longest of these is unusual,
_UNKNOWN_S = 10.0  # or this, between the first beat and the second
_LONGEST_S = 60.0


class RateMeter:
    """Events and bytes a second over a sliding window; any thread may call any method."""

    def __init__(self, window_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._events: deque[tuple[float, int]] = deque()  # bounded: what is older than the window
        self._total = 0
        self._total_bytes = 0

    @property
    def total_bytes(self) -> int:
        return self._total_bytes

    @property
    def total(self) -> int:
        return self._total

    def add(self, size: int = 0) -> None:
        with self._lock:
            self._total += 1
            self._total_bytes += size
            self._events.append((self._clock(), size))
            self._forget()

    def per_second(self) -> float:
        with self._lock:
            span_s = self._forget()
            return len(self._events) / span_s

    def bytes_per_second(self) -> float:
        with self._lock:
            span_s = self._forget()
            return sum(size for _, size in self._events) / span_s

    def _forget(self) -> float:
        """Drop what is older than the window; return the seconds that the rest stands for."""
        now = self._clock()
        while self._events and self._events[0][0] <= now - self._window_s:
            self._events.popleft()
        # A meter younger than its window has less to divide by; 0.1 s keeps the first event sane.
        return min(self._window_s, max(now - self._started, 0.1))


class Recent:
    """The last values of a quantity; one thread adds, any thread asks."""

    def __init__(self, count: int = 64) -> None:
        self._values: deque[float] = deque(maxlen=count)

    def add(self, value: float) -> None:
        self._values.append(value)

    def clear(self) -> None:
        self._values.clear()

    def __len__(self) -> int:
        return len(self._values)

    def largest(self) -> float:
        """Return the largest of what is remembered; NaN when there is nothing."""
        return max(list(self._values), default=float('nan'))

    def median(self) -> float:
        """Return the median of what is remembered; NaN when there is nothing."""
        values = list(self._values)
        return statistics.median(values) if values else float('nan')


class Heartbeat:
    """How long nothing has come, and whether that is unusual. One thread beats, any asks."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()
        self.begun = False  # whether there was a beat since `restart`
        self._latest_s: deque[float] = deque(maxlen=_LATEST)

    def restart(self) -> None:
        """Count from now on; how far beats were apart stays known."""
        self._last_s, self.begun = time.monotonic(), False

    def beat(self) -> None:
        now_s = time.monotonic()
        if self.begun:
            self._latest_s.append(now_s - self._last_s)
        self._last_s, self.begun = now_s, True

    def silent_s(self) -> float:
        """Return the seconds since the last beat, or since `restart`."""
        return time.monotonic() - self._last_s

    def is_silent(self, least_s: float) -> bool:
        """
        Return whether that is longer than `least_s`, and than beats lately were apart.

        What comes every 5 s is not silent between two of them.
        """
        latest_s = tuple(self._latest_s)
        usual_s = _TIMES * max(latest_s) if latest_s else _UNKNOWN_S if self.begun else 0.0
        return self.silent_s() > max(least_s, min(usual_s, _LONGEST_S) if least_s > 0 else 0.0)
