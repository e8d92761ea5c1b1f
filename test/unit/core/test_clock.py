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

from pi_camera_stream.core.clock import to_clock


def test_a_moment_keeps_its_distance_from_now():
    assert to_clock(400, now_ns=lambda: 10_000, monotonic_now_ns=lambda: 1_000) == 9_400


def test_a_clock_that_was_set_is_followed():
    clocks = iter([10_000, 50_000])
    now_ns = lambda: next(clocks)  # noqa: E731
    assert to_clock(400, now_ns, lambda: 1_000) == 9_400
    assert to_clock(1_400, now_ns, lambda: 2_000) == 49_400


def test_clocks_that_were_not_read_at_once_are_read_again():
    """As when another process gets the processor between the two."""
    mine = iter([100, 10_000_100, 20_000_000, 20_001_000])
    theirs = iter([10**18 + 9_000_000, 10**18 + 20_000_500])
    assert to_clock(0, lambda: next(theirs), lambda: next(mine)) == 10**18
