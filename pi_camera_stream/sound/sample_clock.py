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

"""When samples were taken, found out from when they have come."""

from collections import deque
import math

from ..core.sound import RATE

_SAMPLE_NS = 1_000_000_000 / RATE
_BUCKET_NS = 500_000_000  # of a sound card's lead, the least is kept for each
_BUCKETS = 8  # so many of them tell how the card's clock drifts
_FASTEST = 1e-3  # is followed of a drift; cheap cards have 1e-4
_RECENT_NS = 400_000_000  # all that has come in it is late: so much sound has been lost
_ENOUGH = 20  # arrivals in that time: a program that is stopped meanwhile knows nothing
_LOST_NS = 20_000_000  # what is less is lateness


class SampleClock:
    """
    Tell when a sample was taken, in ns of CLOCK_MONOTONIC. One thread uses it.

    Samples come when they have been taken, or somewhat later, never before: of many arrivals the
    soonest tells the truth. The clock of a sound card is never quite that of the machine, and what
    it is early or late by is followed slowly. When all arrivals are late from one moment on, sound
    has been lost.

    Attributes
    ----------
    count
        How many samples have come.

    """

    def __init__(self) -> None:
        self.count = 0
        self._begin_ns = math.inf  # when the first sample was taken, by what is known
        self._bucket_ns, self._bucket_least_ns = 0, math.inf  # when it began, and what is in it
        self._least_ns: deque[float] = deque(maxlen=_BUCKETS)
        self._recent: deque[tuple[int, float]] = deque()  # arrival, and the begin that it tells

    def arrived(self, count: int, now_ns: int) -> None:
        """Note that so many samples have come, the last of them by now."""
        self.count += count
        begin_ns = now_ns - self.count * _SAMPLE_NS
        self._begin_ns = min(self._begin_ns, begin_ns)
        self._recent.append((now_ns, begin_ns))
        while now_ns - self._recent[0][0] > _RECENT_NS:
            self._recent.popleft()
        recent_ns = min(begin for _, begin in self._recent)
        if len(self._recent) >= _ENOUGH and now_ns - self._recent[0][0] > 0.8 * _RECENT_NS \
                and recent_ns - self._begin_ns > _LOST_NS:
            self._begin_anew(recent_ns, now_ns)
            return
        self._bucket_least_ns = min(self._bucket_least_ns, begin_ns)
        if now_ns - self._bucket_ns >= _BUCKET_NS:
            self._follow(now_ns)

    def taken_ns(self, index: int) -> float:
        """Return when the sample of that number was taken, from 0; there must have been one."""
        return self._begin_ns + index * _SAMPLE_NS

    def _begin_anew(self, begin_ns: float, now_ns: int) -> None:
        self._begin_ns = self._bucket_least_ns = begin_ns
        self._bucket_ns = now_ns
        self._least_ns.clear()
        self._recent.clear()

    def _follow(self, now_ns: int) -> None:
        """Let the beginning be later, where all that has come for seconds says so."""
        self._least_ns.append(self._bucket_least_ns)
        later_ns = min(self._least_ns) - self._begin_ns
        if len(self._least_ns) == _BUCKETS and later_ns > 0:
            self._begin_ns += min(later_ns, _FASTEST * (now_ns - self._bucket_ns))
        self._bucket_ns, self._bucket_least_ns = now_ns, math.inf
