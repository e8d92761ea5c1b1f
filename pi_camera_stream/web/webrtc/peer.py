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

"""One WebRTC connection by aiortc, which is imported with this file: access units go through."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
import logging
import time
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
import av

from . import aiortc_inside as inside
from .ice_servers import IceServer
from .receiver_reports import ReceiverReports
from .rtp_clock import RtpClock
from .sdp import BadOfferError, NoH264Error, Offer
from .shared_packets import share_packets, Unit
from .transport_feedback import Arrival
from ...core.frame import Frame

_TIME_BASE = Fraction(1, 90_000)
_CLOSING_S = 3.0
# The receiver may not have got it yet, and is not to wait for another one.
_KEY_ON_ITS_WAY_S = 0.3

_LOG = logging.getLogger(__name__)


class _Track(MediaStreamTrack):  # type: ignore[misc]
    """One frame at a time, for a sender that takes the next when it has sent the last."""

    kind = 'video'

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()  # for the next
        self._next: asyncio.Future[Any] | None = None

    @property
    def ready(self) -> bool:
        return self._next is not None and not self._next.done()

    async def recv(self) -> Any:
        if self.readyState != 'live':
            raise MediaStreamError
        self._next = asyncio.get_running_loop().create_future()
        self.asked.set()
        try:
            return await self._next
        finally:
            self._next = None

    def put(self, packet: Any) -> None:
        if self._next is not None and not self._next.done():
            self.asked.clear()
            self._next.set_result(packet)


class Peer:
    """
    Send access units to one client. Event loop only.

    Attributes
    ----------
    reached, connected, ended
        The client has been reached (ICE); frames can be sent; it is over.
    reports
        What the client says of its way.
    on_key
        Hears that its decoder needs a key frame.

    """

    def __init__(self, servers: Sequence[IceServer], on_key: Callable[[], None]) -> None:
        self.reached, self.connected, self.ended = (asyncio.Event() for _ in range(3))
        self.reports = ReceiverReports()
        self.clock = RtpClock()
        self._on_key = on_key
        self._key_s = 0.0  # when one was sent
        self._added = 0  # candidates
        self._mid = ''
        self._shares = False  # its packets with other peers
        self._track = _Track()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[
            RTCIceServer(urls=server.url, username=server.user, credential=server.password)
            for server in servers]))
        self._sender: RTCRtpSender = self._connection.addTrack(self._track)

    async def answer(self, offer: Offer, addresses: Sequence[str] | None) -> str:
        """
        Return the answer to an offer, from when on the client can connect.

        It is reached at these addresses of this machine, None for all. BadOfferError with a
        sentence where the offer cannot be answered.
        """
        connection, sender = self._connection, self._sender
        transceiver, = connection.getTransceivers()
        transceiver.direction = 'sendonly'
        # Before the offer is looked at, which decides on the codec.
        transceiver.setCodecPreferences([
            codec for codec in RTCRtpSender.getCapabilities('video').codecs
            if codec.mimeType in ('video/H264', 'video/rtx')])
        if addresses is not None:
            inside.use_addresses(sender.transport.transport, addresses)
        inside.hear(sender, self._on_report, self._on_estimate, self._on_key_wish)
        inside.limit_repeats(sender)
        inside.hear_arrivals(sender, self._on_arrivals)
        inside.bear_garbage(sender)
        connection.on('iceconnectionstatechange', self._look)
        connection.on('connectionstatechange', self._look)
        sender.transport.on('statechange', self._look)
        self._track.on('ended', self.ended.set)
        self._mid = offer.mid
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer.text, 'offer'))
        except OperationError as error:  # no codec that both have
            raise NoH264Error('cannot send the H.264 of this offer: it needs '
                              'packetization-mode 1, baseline') from error
        except Exception as error:  # a parser's, of whatever it did not expect
            _LOG.debug('cannot read an offer', exc_info=True)
            raise BadOfferError('the session description (SDP) is malformed') from error
        await self.add_candidates(offer.candidates)
        inside.agree(transceiver, offer.text, self._next_number)
        self._shares = share_packets(sender)
        answer = await connection.createAnswer()
        await connection.setLocalDescription(answer)
        return offer.answer(connection.localDescription.sdp)

    async def add_candidates(self, candidates: Sequence[str]) -> None:
        """Try to reach the client there, too."""
        for text in candidates:
            candidate = candidate_from_sdp(text.removeprefix('candidate:'))
            candidate.sdpMid = self._mid
            candidate.sdpMLineIndex = 0
            with suppress(ValueError):
                await self._connection.addIceCandidate(candidate)

    @property
    def ready(self) -> bool:
        """Return whether the last frame has been sent, and the next one can be."""
        return self._track.ready and not inside.backlog_bytes(self._sender)

    async def wait_ready(self) -> None:
        await self._track.asked.wait()
        while inside.backlog_bytes(self._sender) and not self.ended.is_set():
            await asyncio.sleep(0.002)

    def send(self, frame: Frame) -> None:
        """Send a frame, where it is ready."""
        rtp_time = self.clock.time(frame, time.monotonic_ns())
        packet: Any = Unit(frame.data, rtp_time)
        if not self._shares:
            packet = av.Packet(frame.data)
            packet.pts, packet.time_base = rtp_time, _TIME_BASE
        now_s = time.monotonic()
        if frame.key:
            self._key_s = now_s
        self.reports.note_sent(len(frame.data), now_s)
        self.reports.packets.next_frame()
        self._track.put(packet)

    def rtp_time(self) -> int | None:
        """Return the RTP time of the last frame, as it was sent; None where that is not known."""
        first = inside.first_rtp_time(self._sender, self.clock.last) if self._track.ready else None
        return None if first is None else (first + self.clock.last) & 0xFFFFFFFF

    def backlog_bytes(self) -> int:
        return inside.backlog_bytes(self._sender)

    async def look(self) -> None:
        """Take in what receiver reports have told."""
        stats = await self._sender.getStats()
        for one in stats.values():
            if one.type == 'remote-inbound-rtp':
                self.reports.note_loss(one.packetsReceived + one.packetsLost, one.packetsLost,
                                       self.reports.heard_s)

    async def probe(self) -> None:
        """Ask whether the client is there, and how long the way is at present."""
        took_s = await inside.round_trip_s(self._sender)
        if took_s is not None:
            self.reports.note_round_trip(took_s)
            self._on_report()

    async def close(self) -> None:
        self.ended.set()
        self._track.stop()
        try:
            await asyncio.wait_for(self._connection.close(), _CLOSING_S)
        except asyncio.TimeoutError:
            _LOG.warning('a WebRTC connection did not close within %g s', _CLOSING_S)

    def _look(self) -> None:
        ice, all_in_all = self._connection.iceConnectionState, self._connection.connectionState
        if ice in ('completed', 'connected'):
            self.reached.set()
        if all_in_all == 'connected' and self._sender.transport.state == 'connected':
            self.connected.set()
        if all_in_all in ('failed', 'closed') or ice in ('failed', 'closed') \
                or self._sender.transport.state in ('failed', 'closed'):
            self.ended.set()

    def _on_report(self) -> None:
        self.reports.heard_s = time.monotonic()

    def _next_number(self) -> int:
        return self.reports.packets.note_sent(time.monotonic())

    def _on_arrivals(self, arrivals: Sequence[Arrival]) -> None:
        self._on_report()
        self.reports.packets.note_arrivals(arrivals, self.reports.heard_s)

    def _on_estimate(self, bps: int) -> None:
        self.reports.note_estimate(bps, time.monotonic())

    def _on_key_wish(self) -> None:
        if time.monotonic() - self._key_s > _KEY_ON_ITS_WAY_S:
            self._on_key()
