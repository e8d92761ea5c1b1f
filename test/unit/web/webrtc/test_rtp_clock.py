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

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.web.webrtc.rtp_clock import RtpClock

S_NS = 1_000_000_000
BEGIN_NS = 1_700_000_000 * S_NS


def times(*frames):
    """Return the RTP times of frames with these stamps, which came at these times, in ns."""
    clock = RtpClock()
    return [clock.time(Frame(b'', stamp_ns, n, 4, 4), now_ns)
            for n, (stamp_ns, now_ns) in enumerate(frames)]


def test_times_are_as_far_apart_as_stamps():
    apart_ns = S_NS // 30
    first, *_, last = times(*((BEGIN_NS + n * apart_ns, n) for n in range(301)))
    assert abs(last - first - 10 * 90_000) <= 1


def test_stamps_that_are_all_zero_give_the_times_of_arrival():
    assert times((0, 0), (0, S_NS), (0, 2 * S_NS)) == [0, 90_000, 180_000]


def test_a_clock_that_is_set_does_not_make_time_jump():
    later_ns = BEGIN_NS + 3600 * S_NS
    assert times((BEGIN_NS, 0), (later_ns, S_NS), (later_ns + S_NS, 5 * S_NS),
                 (BEGIN_NS, 6 * S_NS)) == [0, 90_000, 180_000, 270_000]


def test_no_two_frames_have_the_same_time():
    assert times((BEGIN_NS, 0), (BEGIN_NS, 0), (BEGIN_NS, 0)) == [0, 1, 2]
