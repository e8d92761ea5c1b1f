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

"""One track to one client by aiortc, which is imported with this file."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
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
from aiortc.exceptions import OperationError
from aiortc.sdp import candidate_from_sdp

from . import aiortc_inside as inside
from .ice_servers import IceServer
from .sdp import BadOfferError, Offer

_CLOSING_S = 3.0

_LOG = logging.getLogger(__name__)


class WebRtcConnection:
    """
    Send one track to one client. Event loop only.

    Attributes
    ----------
    reached, connected, ended
        The client has been reached (ICE); what is sent arrives (DTLS, too); it is over.

    """

    def __init__(self, track: MediaStreamTrack, mime_types: Sequence[str],
                 servers: Sequence[IceServer]) -> None:
        """Make it; `mime_types` are what the track may be sent as."""
        self.reached, self.connected, self.ended = (asyncio.Event() for _ in range(3))
        self._mime_types = mime_types
        self._mid = ''
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[
            RTCIceServer(urls=server.url, username=server.user, credential=server.password)
            for server in servers]))
        self._sender: RTCRtpSender = self._connection.addTrack(track)
        track.on('ended', self.ended.set)

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
            codec for codec in RTCRtpSender.getCapabilities(sender.kind).codecs
            if codec.mimeType.lower() in self._mime_types])
        if addresses is not None:
            inside.use_addresses(sender.transport.transport, addresses)
        self._prepare(sender)
        inside.bear_garbage(sender)
        connection.on('iceconnectionstatechange', self._look)
        connection.on('connectionstatechange', self._look)
        sender.transport.on('statechange', self._look)
        self._mid = offer.mid
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer.text, 'offer'))
        except OperationError as error:  # no codec that both have
            raise self._no_codec() from error
        except Exception as error:  # a parser's, of whatever it did not expect
            _LOG.debug('cannot read an offer', exc_info=True)
            raise BadOfferError('the session description (SDP) is malformed') from error
        await self.add_candidates(offer.candidates)
        self._agree(transceiver, offer)
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

    async def close(self) -> None:
        self.ended.set()
        if self._sender.track is not None:  # it has been told of the end already
            self._sender.track.stop()
        try:
            await asyncio.wait_for(self._connection.close(), _CLOSING_S)
        except asyncio.TimeoutError:
            _LOG.warning('a WebRTC connection did not close within %g s', _CLOSING_S)

    def _prepare(self, sender: RTCRtpSender) -> None:
        """Do what comes before the offer is looked at."""

    def _agree(self, transceiver: Any, offer: Offer) -> None:
        """Do what comes between the offer and its answer."""

    def _no_codec(self) -> Exception:
        return BadOfferError('the offer has no codec that can be sent')

    def _look(self) -> None:
        ice, all_in_all = self._connection.iceConnectionState, self._connection.connectionState
        dtls = self._sender.transport.state
        if ice in ('completed', 'connected'):
            self.reached.set()
        if all_in_all == 'connected' and dtls == 'connected':
            self.connected.set()
        if {'failed', 'closed'} & {ice, all_in_all, dtls}:
            self.ended.set()
