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

"""One WebRTC connection that sound goes through, by aiortc, which is imported with this file."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
import logging
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
import av

from .listeners import Listener
from ..webrtc import aiortc_inside as inside
from ..webrtc.ice_servers import IceServer
from ..webrtc.sdp import BadOfferError, Offer
from ...core.sound import PACKET_SAMPLES, RATE

_TIME_BASE = Fraction(1, RATE)
_CLOSING_S = 3.0
_LOOK_S = 1.0

_LOG = logging.getLogger(__name__)


class _Track(MediaStreamTrack):  # type: ignore[misc]
    """Packets as they come, to a sender that takes each."""

    kind = 'audio'

    def __init__(self) -> None:
        super().__init__()
        self.listener: Listener | None = None
        self.joined = asyncio.Event()

    async def recv(self) -> Any:
        await self.joined.wait()
        while self.readyState == 'live' and self.listener is not None:
            packet = await self.listener.take(_LOOK_S)
            if packet is not None:
                sound: Any = av.Packet(packet.data)
                sound.pts, sound.time_base = packet.sequence * PACKET_SAMPLES, _TIME_BASE
                return sound
        raise MediaStreamError


class SoundPeer:
    """
    Send sound to one client. Event loop only.

    Attributes
    ----------
    reached, ended
        The client has been reached (ICE, DTLS); it is over.

    """

    def __init__(self, servers: Sequence[IceServer]) -> None:
        self.reached, self.ended = asyncio.Event(), asyncio.Event()
        self._track = _Track()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[
            RTCIceServer(urls=server.url, username=server.user, credential=server.password)
            for server in servers]))
        self._sender: RTCRtpSender = self._connection.addTrack(self._track)

    async def answer(self, offer: Offer, addresses: Sequence[str] | None) -> str:
        """Return the answer to an offer; otherwise as that of `webrtc.peer.Peer`."""
        connection, sender = self._connection, self._sender
        transceiver, = connection.getTransceivers()
        transceiver.direction = 'sendonly'
        transceiver.setCodecPreferences([
            codec for codec in RTCRtpSender.getCapabilities('audio').codecs
            if codec.mimeType.lower() == 'audio/opus'])
        if addresses is not None:
            inside.use_addresses(sender.transport.transport, addresses)
        inside.bear_garbage(sender)
        connection.on('iceconnectionstatechange', self._look)
        connection.on('connectionstatechange', self._look)
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer.text, 'offer'))
        except Exception as error:  # a parser's, of whatever it did not expect
            _LOG.debug('cannot read an offer', exc_info=True)
            raise BadOfferError('the session description (SDP) is malformed') from error
        for text in offer.candidates:
            candidate = candidate_from_sdp(text.removeprefix('candidate:'))
            candidate.sdpMid, candidate.sdpMLineIndex = offer.mid, 0
            with suppress(ValueError):
                await connection.addIceCandidate(candidate)
        answer = await connection.createAnswer()
        await connection.setLocalDescription(answer)
        return offer.answer(connection.localDescription.sdp)

    def play(self, listener: Listener) -> None:
        """Send what that one hears."""
        self._track.listener = listener
        self._track.joined.set()

    async def close(self) -> None:
        self.ended.set()
        self._track.listener = None
        self._track.joined.set()
        self._track.stop()
        try:
            await asyncio.wait_for(self._connection.close(), _CLOSING_S)
        except asyncio.TimeoutError:
            _LOG.warning('a WebRTC connection did not close within %g s', _CLOSING_S)

    def _look(self) -> None:
        ice, all_in_all = self._connection.iceConnectionState, self._connection.connectionState
        if all_in_all == 'connected' and self._sender.transport.state == 'connected':
            self.reached.set()
        if 'failed' in (ice, all_in_all) or 'closed' in (ice, all_in_all):
            self.ended.set()
