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
from pi_camera_stream.web.webrtc import aiortc_inside
import pytest

MID, TIME = 'urn:ietf:params:rtp-hdrext:sdes:mid', \
    'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time'
NUMBER = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'
PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay'


def extensions(*uris):
    """Return those of a packet for somebody who has agreed to these, with numbers from 1."""
    agreed = aiortc_inside.OurExtensions(lambda: 0x789A)
    agreed.configure(SimpleNamespace(headerExtensions=[
        RTCRtpHeaderExtensionParameters(id=number, uri=uri)
        for number, uri in enumerate(uris, 1)]))
    packet = rtp.RtpPacket(payload_type=96, payload=b'picture')
    packet.extensions.mid, packet.extensions.abs_send_time = '0', 0x123456
    data = packet.serialize(agreed)
    assert data.endswith(b'picture')
    assert rtp.RtpPacket.parse(data, agreed).payload == b'picture'
    if not data[0] & 0x10:
        return {}
    size = 4 * int.from_bytes(data[14:16], 'big')
    return dict(rtp.unpack_header_extensions(int.from_bytes(data[12:14], 'big'),
                                             data[16:16 + size]))


def test_each_packet_says_that_it_is_to_be_shown_at_once():
    assert extensions(MID, TIME, PLAYOUT_DELAY) == {1: b'0', 2: b'\x12\x34\x56', 3: bytes(3)}


def test_it_may_be_all_that_a_packet_says():
    assert extensions(PLAYOUT_DELAY) == {1: bytes(3)}


def test_it_has_a_number_by_which_the_receiver_tells_of_it():
    assert extensions(NUMBER) == {1: b'\x78\x9a'}
    assert extensions(MID, PLAYOUT_DELAY, NUMBER, TIME) == {
        1: b'0', 2: bytes(3), 3: b'\x78\x9a', 4: b'\x12\x34\x56'}


def test_who_has_not_agreed_is_told_nothing_of_it():
    assert extensions(MID) == {1: b'0'}
    assert extensions() == {}


@pytest.mark.parametrize(('line', 'number'), [
    (f'a=extmap:5 {PLAYOUT_DELAY}', 5), (f'a=extmap:6/recvonly {PLAYOUT_DELAY}', 6),
    (f'a=extmap:15 {PLAYOUT_DELAY}', None), (f'a=extmap:0 {PLAYOUT_DELAY}', None),
    (f'a=extmap:4 {NUMBER}', 4), (f'a=extmap:x {PLAYOUT_DELAY}', None),
    (f'a=extmap:5 {MID}', None), ('a=extmap:5', None)])
def test_its_number_is_read_from_an_offer(line, number):
    extension = aiortc_inside._extension(line)
    assert (extension and extension.id) == number
