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

"""
One listener by WHEP: `POST /whep/sound` with an offer that has a section for audio.

It is a connection of its own beside that of the pictures, which browsers would hold back until the
sound of the same moment is there.
"""

from collections.abc import Sequence
import time
from typing import Any, TYPE_CHECKING

from .listeners import Listeners
from ..webrtc.ice_servers import IceServer
from ..webrtc.sdp import Offer, read_sound_offer
from ..webrtc.whep import Wish
from ..webrtc.whep_session import WhepSession

if TYPE_CHECKING:
    from .peer import SoundPeer


class SoundSession(WhepSession):
    """One listener. Event loop only."""

    peer: 'SoundPeer'

    def __init__(self, offer: Offer, address: str, listeners: Listeners, module: Any,
                 servers: Sequence[IceServer]) -> None:
        """Make it; `module` has the peer."""
        super().__init__(offer, address, module.SoundPeer(servers))
        self._listeners = listeners

    async def _serve(self) -> None:
        if await self._wait(self.peer.connected, self._deadline_s - time.monotonic()):
            with self._listeners.join() as listener:
                self.peer.play(listener)
                await self.peer.ended.wait()


def listening(listeners: Listeners, address: str) -> Wish:
    """Return what a listener at that address asks for."""
    return Wish(read_sound_offer, f'{__package__}.peer', lambda module, offer, servers:
                SoundSession(offer, address, listeners, module, servers))
