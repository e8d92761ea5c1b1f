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

"""Access units to one viewer by WebRTC, as all else is delivered."""

import asyncio
import time
from typing import TYPE_CHECKING

from ..stream.delivery import Transport
from ..stream.link import Link, LinkState
from ..stream.rendition import Status
from ..stream.stream import Stream
from ..stream.tiers import allowed_s
from ..stream.viewer import Viewer
from ...core.frame import Frame

if TYPE_CHECKING:
    from .peer import Peer


class PeerLink(Link):
    """The way to a peer, of which no kernel tells anything."""

    def __init__(self, peer: 'Peer') -> None:
        self._peer = peer

    @property
    def closed(self) -> bool:
        return self._peer.ended.is_set()

    def abort(self) -> None:
        self._peer.ended.set()

    def backlog_bytes(self) -> int:
        return self._peer.backlog_bytes()

    def state(self) -> LinkState | None:
        return None


class WebRtcTransport(Transport):
    """Frames as RTP packets; what is late is lost, and is asked for again for a moment."""

    name = 'webrtc'
    tells_age = True  # by itself, below

    def __init__(self, stream: Stream, viewer: Viewer, peer: 'Peer') -> None:
        super().__init__(PeerLink(peer))
        self._stream, self._viewer, self._peer = stream, viewer, peer

    def take_transit_s(self) -> float | None:
        return self._peer.reports.transit_s(
            allowed_s(self._viewer.tier_index(), self._stream.interval_s), time.monotonic())

    async def write(self, frame: Frame, tier: int) -> None:
        await self._peer.wait_ready()
        self.write_now(frame, tier)

    def ready(self) -> bool:
        return self._peer.ready

    def write_now(self, frame: Frame, _tier: int) -> None:
        self._peer.send(frame)
        # Half of the round trip is what a packet takes.
        on_its_way_ms = (self._peer.reports.round_trip_s or 0.0) / 2 * 1e3
        self._viewer.age_ms.add(self._stream.arrivals.age_ms(frame) + on_its_way_ms)

    async def write_status(self, status: Status) -> None:
        """Show why there is no picture, until there is one again."""
        reader = self._viewer.reader
        if status.picture is None or reader is None:
            return
        frame = await asyncio.get_running_loop().run_in_executor(None, _still, status.picture)
        await self._peer.wait_ready()
        if frame is not None and reader is self._viewer.reader:
            self._peer.send(frame)
            reader.jump()  # what would build on the last picture cannot any more


def _still(picture: Frame) -> Frame | None:
    from .still import still  # which needs OpenCV, as little else does where JPEGs pass through
    return still(picture)
