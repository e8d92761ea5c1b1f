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

"""Carry a moment from the monotonic clock, on which cameras stamp, to another clock."""

from collections.abc import Callable
import time

NowNs = Callable[[], int]
_READINGS = 4  # of both clocks, while others have the processor between the two
_AT_ONCE_NS = 50_000


def to_clock(monotonic_ns: int, now_ns: NowNs, monotonic_now_ns: NowNs = time.monotonic_ns) -> int:
    """
    Return the moment `monotonic_ns` on the clock that `now_ns` reads, in ns.

    Both clocks are read now, so the mapping follows a clock that NTP steps or slews, and a
    simulated one, which may have begun later: then it is 0, as stamps cannot be negative. Call it
    once a frame, at capture: a moment that is mapped twice gets two stamps.
    """
    found_ns, gap_ns = 0, -1
    for _ in range(_READINGS):
        before_ns, there_ns = monotonic_now_ns(), now_ns()
        after_ns = monotonic_now_ns()
        if gap_ns < 0 or after_ns - before_ns < gap_ns:
            gap_ns = after_ns - before_ns
            found_ns = there_ns - ((before_ns + after_ns) // 2 - monotonic_ns)
        if gap_ns <= _AT_ONCE_NS:
            break
    return max(0, found_ns)
