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

"""Sound of this machine's microphone for whoever may watch."""

from collections.abc import Callable, Mapping

from aiohttp import web

from .listeners import Listeners
from .websocket import listen_by_websocket
from ...core.sound import SoundSource


class Sound:
    """What pages and players hear. Event loop only."""

    def __init__(self, source: SoundSource, now_ns: Callable[[], int]) -> None:
        """Make it; nobody listens yet. `now_ns` reads the clock of the stamps."""
        self.listeners = Listeners(source)
        self._now_ns = now_ns

    def attach(self) -> None:
        """Begin, in the loop that serves."""
        self.listeners.attach()

    def state(self) -> Mapping[str, object]:
        """Return what `/state` says of it."""
        return {**self.listeners.source.state(), 'listeners': len(self.listeners),
                'packets_dropped': self.listeners.all_dropped}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket until either side closes it."""
        return await listen_by_websocket(request, self.listeners, self._now_ns)

    def end(self) -> None:
        """End all: the server is stopping."""
        self.listeners.end()
