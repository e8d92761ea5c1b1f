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

"""Keep a rate: by waiting until the next picture is due, or by leaving pictures out."""

from collections.abc import Callable
import math
import time


def next_due(due: float, now: float, interval: float) -> float:
    """
    Return when the next picture is due, after the one of `due` was made at `now`.

    The schedule does not drift: each moment is one interval after the last one. But whoever is
    late by more than an interval starts anew from now, so that no burst follows a stall.
    """
    return due + interval if now - due <= interval else now + interval


class Pacer:
    """Wait until the next picture is due, for sources that make their own pictures."""

    def __init__(self, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due_s = clock()

    def wait(self, interval_s: float, timeout_s: float) -> bool:
        """Sleep until the picture is due; False when `timeout_s` was over before that."""
        now = self._clock()
        self._due_s = min(self._due_s, now + interval_s)  # a rate that has grown counts at once
        remaining_s = self._due_s - now
        if remaining_s > timeout_s:
            self._sleep(timeout_s)
            return False
        if remaining_s > 0:
            self._sleep(remaining_s)
        self._due_s = next_due(self._due_s, self._clock(), interval_s)
        return True


class RateLimit:
    """Say which pictures of a faster stream to keep; the others are counted in `skipped`."""

    def __init__(self) -> None:
        self._due_ns = 0.0
        self.skipped = 0

    def admits(self, stamp_ns: int, max_per_s: float) -> bool:
        """Return whether the picture of `stamp_ns` is one to keep; a limit of 0 keeps all."""
        if max_per_s <= 0:
            return True
        interval_ns = 1e9 / max_per_s
        self._due_ns = min(self._due_ns, stamp_ns + interval_ns)  # as in Pacer
        # A quarter of an interval early is on time: cameras jitter, and a stream that has just the
        # wanted rate must not lose every other picture for it.
        if stamp_ns < self._due_ns - interval_ns / 4:
            self.skipped += 1
            return False
        self._due_ns = next_due(self._due_ns, stamp_ns, interval_ns)
        return True


class Occasionally:
    """Say yes once in `period_s` at the most: for what would fill a log."""

    def __init__(self, period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s, self._clock = period_s, clock
        self._next_s = -math.inf

    def due(self) -> bool:
        now_s = self._clock()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._period_s
        return True


class Once:
    """Say yes once for each thing, to `most` of them: for logs of what others do."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[str] = set()

    def due(self, thing: str) -> bool:
        if thing in self._seen or len(self._seen) >= self._most:
            return False
        self._seen.add(thing)
        return True


class TokenBucket:
    """Say which events of a flood to deal with: `per_s` in the long run, `burst` at once."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._last_s = burst, 0.0

    def take(self, now_s: float) -> bool:
        self._fill(now_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def owe_s(self, count: float, now_s: float) -> float:
        """Take `count`, there or not; return for how long nothing more should come."""
        self._fill(now_s)
        self._tokens -= count
        return max(0.0, -self._tokens / self._per_s)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now_s - self._last_s) * self._per_s)
        self._last_s = now_s
