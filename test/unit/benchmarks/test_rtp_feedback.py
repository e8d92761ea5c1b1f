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

from aiortc.rtp import RTCP_PSFB_PLI, RTCP_RTPFB_NACK, RtcpPacket
from benchmarks.video.rtp_feedback import write_feedback, write_nack, write_pli
from pi_camera_stream.web.webrtc.transport_feedback import is_feedback, read_feedback
import pytest


@pytest.mark.parametrize('came_s', [
    {7: 100.0}, {65534: 100.0, 65535: 100.001, 65537: 100.5, 65540: 99.9},
    {number: 100 + number / 1000 for number in range(0, 300, 2)}])
def test_what_is_told_of_packets_is_understood(came_s):
    data = write_feedback(came_s)
    assert is_feedback(data)
    arrivals = read_feedback(data)
    assert [number for number, _ in arrivals] == [number & 0xFFFF for number in came_s]
    assert [at_s for _, at_s in arrivals] == pytest.approx(list(came_s.values()), abs=0.001)


def test_wishes_are_what_a_library_takes_them_for():
    nack, = RtcpPacket.parse(write_nack(5, 65537))
    assert (nack.fmt, nack.media_ssrc, nack.lost) == (RTCP_RTPFB_NACK, 5, [1])
    pli, = RtcpPacket.parse(write_pli(5))
    assert (pli.fmt, pli.media_ssrc) == (RTCP_PSFB_PLI, 5)
