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

import asyncio
from fractions import Fraction
from types import SimpleNamespace

from aiortc import RTCRtpSender, rtp
from aiortc.codecs import depayload, get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
import av
from pi_camera_stream.web.webrtc import aiortc_inside, shared_packets
from pi_camera_stream.web.webrtc.shared_packets import share_packets, Unit
import pytest

H264 = RTCRtpCodecParameters(mimeType='video/H264', clockRate=90_000, payloadType=102)
MID = 'urn:ietf:params:rtp-hdrext:sdes:mid'
# A parameter set, and a picture that takes three packets.
FRAME = b'\0\0\0\1' + b'\x67' + bytes(range(20, 40)) + b'\0\0\0\1' + b'\x65' + 3000 * b'\x55'


class Transport:
    """Takes what is sent, in place of an encrypted connection."""

    def __init__(self):
        self.state, self.sent = 'connected', []

    async def _send_rtp(self, data):
        self.sent.append(data)


class Sending:
    """A sender of aiortc that would send over that."""

    def __init__(self, *uris):
        self.transport, self._units = Transport(), []
        self.sender = RTCRtpSender('video', self.transport)
        self.numbers = iter(range(1000))
        self.extensions = aiortc_inside.OurExtensions(lambda: next(self.numbers))
        self.extensions.configure(SimpleNamespace(headerExtensions=[
            RTCRtpHeaderExtensionParameters(id=number, uri=uri)
            for number, uri in enumerate(uris, 1)]))
        self.sender._RTCRtpSender__rtp_header_extensions_map = self.extensions
        self.sender._RTCRtpSender__mid = '0'
        self.sender._RTCRtpSender__track = SimpleNamespace(id='', recv=self._recv)

    async def _recv(self):
        return self._units.pop()

    async def send(self, data, time=0):
        """Return the packets of a frame."""
        before = len(self.transport.sent)
        self._units.append(Unit(data, time))
        left = await self.sender._next_encoded_frame(H264)
        assert list(left.payloads) == []  # for aiortc to send
        return [rtp.RtpPacket.parse(one, self.extensions)
                for one in self.transport.sent[before:]]


def in_loop(test):
    def run(*arguments, **named):
        asyncio.run(test(*arguments, **named))
    run.__name__ = test.__name__
    return run


ALL = (MID, aiortc_inside._PLAYOUT_DELAY, aiortc_inside._NUMBER)


@pytest.mark.parametrize('uris', [(), (MID,), ALL])
def test_packets_are_as_aiortc_makes_them(uris):
    @in_loop
    async def test():
        sending = Sending(*uris)
        assert share_packets(sending.sender)
        packets = await sending.send(FRAME, 5) + await sending.send(FRAME, 3005)
        packet = av.Packet(FRAME)
        packet.pts, packet.time_base = 0, Fraction(1, 90_000)
        expected, _ = get_encoder(H264).pack(packet)
        assert [one.payload for one in packets] == 2 * expected
        assert [one.marker for one in packets] == 2 * [*[0] * (len(expected) - 1), 1]
        first = packets[0].sequence_number
        assert [one.sequence_number for one in packets] == list(range(first, first + len(packets)))
        assert {one.timestamp - packets[0].timestamp for one in packets} <= {0, 3000, 3000 - 2**32}
        assert {(one.payload_type, one.ssrc) for one in packets} == {(102, sending.sender._ssrc)}
        assert {one.extensions.mid for one in packets} == {'0' if MID in uris else None}
        if uris == ALL:
            assert next(sending.numbers) == len(packets)
        assert b''.join(depayload(H264, one.payload) for one in packets[:len(expected)]) == FRAME
    test()


@in_loop
async def test_who_watch_have_the_same_bytes():
    one, other = Sending(), Sending()
    for sending in (one, other):
        assert share_packets(sending.sender)
        await sending.send(FRAME)
    kept = [list(sending.sender._RTCRtpSender__rtp_history.values()) for sending in (one, other)]
    assert all(here.payload is there.payload for here, there in zip(*kept, strict=True))


@pytest.mark.parametrize('rtx', [None, 103])
def test_what_is_lost_is_sent_again(rtx):
    @in_loop
    async def test():
        sending = Sending(*ALL)
        share_packets(sending.sender)
        sending.sender._RTCRtpSender__rtx_payload_type = rtx
        lost = (await sending.send(FRAME))[1]
        await sending.sender._retransmit(lost.sequence_number)
        again = rtp.RtpPacket.parse(sending.transport.sent[-1], sending.extensions)
        if rtx:
            assert (again.payload_type, again.ssrc) == (rtx, sending.sender._rtx_ssrc)
            again = rtp.unwrap_rtx(again, lost.payload_type, lost.ssrc)
        assert (again.sequence_number, again.timestamp, again.marker, again.payload) == (
            lost.sequence_number, lost.timestamp, lost.marker, lost.payload)
    test()


@in_loop
async def test_sender_reports_count_what_was_sent():
    sending = Sending()
    share_packets(sending.sender)
    packets = await sending.send(FRAME, 9)
    stats, = (one for one in (await _stats(sending)).values() if one.type == 'outbound-rtp')
    assert stats.packetsSent == len(packets)
    assert stats.bytesSent == sum(len(one.payload) for one in packets)
    assert aiortc_inside.first_rtp_time(sending.sender, 0) == packets[0].timestamp


async def _stats(sending):
    sending.transport._stats_id, sending.transport._get_stats = '', dict
    return await sending.sender.getStats()


@pytest.mark.parametrize('version', ['1.3.9', '1.17.0', '2.0'])
def test_a_version_that_nobody_knows_sends_by_itself(monkeypatch, version):
    @in_loop
    async def test():
        sending = Sending()
        monkeypatch.setattr(shared_packets.metadata, 'version', lambda _: version)
        assert not share_packets(sending.sender)
        assert 'send_next' not in repr(sending.sender._next_encoded_frame)
    test()


@in_loop
async def test_one_without_that_inside_sends_by_itself():
    sending = Sending()
    del sending.sender._RTCRtpSender__rtp_history
    assert not share_packets(sending.sender)
    assert not share_packets(RTCRtpSender('video', Transport()))  # nothing has been agreed to
