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

"""One viewer by WHEP, who is sent pictures."""

import asyncio
from collections.abc import Sequence
import logging
import time
from typing import Any, TYPE_CHECKING

from aiohttp import web

from .ice_servers import IceServer
from .sdp import Offer, read_offer
from .transport import WebRtcTransport
from .whep import Wish
from .whep_session import WhepSession
from ..stream.delivery import deliver
from ..stream.stream import Stream
from ..stream.viewer import Viewer

if TYPE_CHECKING:
    from .peer import Peer

_SILENT_S = 5.0  # who says nothing for so long has gone, or is stuck
_LOOK_S = 0.5

_LOG = logging.getLogger(__name__)


class VideoSession(WhepSession):
    """One viewer. Event loop only."""

    peer: 'Peer'

    def __init__(self, offer: Offer, stream: Stream, viewer: Viewer, module: Any,
                 servers: Sequence[IceServer]) -> None:
        """Make it; `module` has the peer."""
        super().__init__(offer, viewer.address, module.Peer(servers, self._want_key))
        self.stream, self.viewer = stream, viewer

    def state(self) -> dict[str, Any]:
        """Return what the client may want to know of it."""
        peer, reports = self.peer, self.peer.reports
        return {
            **super().state(), 'topic': self.stream.name, 'tier': self.viewer.tier_name(),
            'rtp_timestamp': peer.rtp_time(),
            'stamp_ms': None if peer.clock.stamp_ns is None else peer.clock.stamp_ns / 1e6,
            'server_ms': self.stream.now_ns() / 1e6,
            'round_trip_ms': None if reports.round_trip_s is None
            else round(reports.round_trip_s * 1e3, 1),
            'loss': round(reports.loss, 3), 'estimate_bps': reports.estimate_bps,
        }

    def _want_key(self) -> None:
        # What comes before it is still sent: it may be shown when what is lost has come again. And
        # it says nothing of the decoder, whose frames would have to be smaller.
        reader = self.viewer.reader
        if reader is not None and not reader.until_key:  # otherwise, one is due already
            reader.rendition.want_key(self.viewer.name == self.stream.preferred)

    async def _serve(self) -> None:
        with self.stream.watch(self.viewer):
            await self._deliver()

    async def _deliver(self) -> None:
        transport = WebRtcTransport(self.stream, self.viewer, self.peer)
        self.viewer.link = transport.link
        self.viewer.on_video = lambda reason: transport.link.abort() if reason else None
        sending = asyncio.create_task(deliver(self.stream, self.viewer, transport))
        try:
            await self._see_to(sending)
        finally:
            self.viewer.on_video = lambda _: None
            sending.cancel()
            result, = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                _LOG.error('delivery by WebRTC failed', exc_info=result)

    async def _see_to(self, sending: asyncio.Task[None]) -> None:
        """Return when it is over, or the client has said nothing for too long."""
        peer, since_s = self.peer, time.monotonic()
        asking: asyncio.Task[None] | None = None
        try:
            while not sending.done() and not await self._wait(peer.ended, _LOOK_S):
                now_s = time.monotonic()
                if not peer.connected.is_set():
                    if now_s > self._deadline_s:
                        return
                    since_s = now_s
                    continue
                await peer.look()
                silent_s = now_s - max(peer.reports.heard_s, since_s)
                if silent_s >= _SILENT_S:
                    return
                if (asking is None or asking.done()) and peer.probes(now_s):
                    asking = asyncio.create_task(peer.probe())
        finally:
            if asking is not None:
                asking.cancel()


def watching(stream: Stream, viewer: Viewer) -> Wish:
    """Return what a viewer asks for."""
    def read(text: str) -> Offer:
        if reason := stream.video.reason():
            raise web.HTTPServiceUnavailable(headers={'Retry-After': '60'}, text=reason + '\n')
        return read_offer(text)

    return Wish(read, f'{__package__}.peer', lambda module, offer, servers: VideoSession(
        offer, stream, viewer, module, servers))
