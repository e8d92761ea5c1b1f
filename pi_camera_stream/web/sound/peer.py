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
from fractions import Fraction
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
import av

from .listeners import Listener
from ..webrtc.connection import WebRtcConnection
from ..webrtc.ice_servers import IceServer
from ...core.sound import PACKET_SAMPLES, RATE

_TIME_BASE = Fraction(1, RATE)
_LOOK_S = 1.0


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


class SoundPeer(WebRtcConnection):
    """Send sound to one client. Event loop only."""

    def __init__(self, servers: Sequence[IceServer]) -> None:
        self._track = _Track()
        super().__init__(self._track, ('audio/opus',), servers)

    def play(self, listener: Listener) -> None:
        """Send what that one hears."""
        self._track.listener = listener
        self._track.joined.set()

    async def close(self) -> None:
        self._track.listener = None
        self._track.joined.set()
        await super().close()
