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

from types import SimpleNamespace

from aiortc import rtp
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters
from benchmarks.video.rtp_frames import Frames, Head, unwrap
import pytest

MID = 'urn:ietf:params:rtp-hdrext:sdes:mid'
NUMBER = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'
FIRST = 65534  # sequence numbers begin anew in the midst of it


@pytest.mark.parametrize('numbered', [True, False])
def test_the_head_of_a_packet_is_read(numbered):
    extensions = rtp.HeaderExtensionsMap()
    extensions.configure(SimpleNamespace(headerExtensions=[
        RTCRtpHeaderExtensionParameters(id=number, uri=uri)
        for number, uri in ((9, MID), (13, NUMBER))]))
    packet = rtp.RtpPacket(payload_type=102, marker=1, sequence_number=7, timestamp=90_000,
                           ssrc=5, payload=bytes(1000))
    if numbered:
        packet.extensions.mid, packet.extensions.transport_sequence_number = '0', 0x1234
    data = packet.serialize(extensions)
    assert Head.read(data, 13) == Head(102, True, 7, 90_000, 5, 1000,
                                       0x1234 if numbered else None)


class Way:
    """Bring packets of frames of three packets each."""

    def __init__(self):
        self.frames = Frames()
        assert self.bring(-1) == []

    def bring(self, *packets, now_s=0.0):
        """Return which frames are whole then."""
        return [frame for packet in packets for frame, _ in self.frames.add(
            (FIRST + packet) & 0xFFFF, packet // 3, packet % 3 == 2, 100, now_s)]


def test_frames_are_whole_in_their_order():
    way = Way()
    assert way.bring(0, 1) == []
    assert way.bring(2, 3, 4, 5) == [0, 1]
    assert way.frames.add((FIRST + 6) & 0xFFFF, 2, True, 50, 0.0) == [(2, 50)]


def test_what_is_missing_is_asked_for_and_holds_up_the_rest():
    way = Way()
    assert way.bring(0, 2, 3, 4, 5) == []
    assert way.frames.missing(0.0) == [1 + FIRST]
    assert way.frames.missing(0.01) == []
    assert way.frames.missing(0.1) == [1 + FIRST]
    assert way.frames.oldest_asked() == 1 + FIRST
    assert way.bring(1) == [0, 1]
    assert way.frames.missing(1.0) == [] and way.frames.oldest_asked() is None


def test_what_does_not_come_is_given_up_after_a_while():
    way = Way()
    way.bring(0, 2, 3, 4, 5, now_s=1.0)
    assert not way.frames.give_up(1.1)
    assert way.frames.give_up(2.0) and way.frames.given_up == 1
    assert way.bring(6, 7, 8, 9, 10, 11, now_s=2.0) == [3]


def test_what_comes_twice_is_one():
    way = Way()
    assert way.bring(0, 0, 1, 1, 2, 2, 0) == [0]


def test_numbers_go_on():
    assert unwrap(1, 65535) == 65537
    assert unwrap(65535, 65537) == 65535
