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
Sound over WebRTC, as a client asks for it by HTTP (WHEP, draft-ietf-wish-whep).

`POST /whep/sound` with an offer (SDP) that has a section for audio is answered with 201, the
answer, and a `Location` where `DELETE` ends it. It is a connection of its own beside that of the
pictures, which browsers would hold back until the sound of the same moment is there.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
import logging
import secrets
from typing import Any, TYPE_CHECKING

from aiohttp import web

from .listeners import Listeners
from ..access.sessions import Connection
from ..webrtc.availability import why_missing
from ..webrtc.ice_servers import IceServer
from ..webrtc.requests import reachable_at, read_body
from ..webrtc.sdp import BadOfferError, Offer, read_sound_offer

if TYPE_CHECKING:
    from .peer import SoundPeer

_OFFER = 'application/sdp'
_ANSWER_S = 10.0
_CONNECT_S = 15.0
_CLOSE_S = 1.0
Door = Callable[[Connection], AbstractContextManager[object]]

_LOG = logging.getLogger(__name__)


class _Session:
    """One client, from its offer on."""

    def __init__(self, peer: 'SoundPeer') -> None:
        self.name, self.peer = secrets.token_hex(16), peer

    def abort(self) -> None:
        self.peer.ended.set()


class SoundWhep:
    """All who listen by WebRTC. Event loop only."""

    def __init__(self, listeners: Listeners, servers: Sequence[IceServer]) -> None:
        self._listeners, self._servers = listeners, tuple(servers)
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def offer(self, request: web.Request, door: Door) -> web.Response:
        """Answer an offer; `door` is what a listener comes through."""
        if request.content_type != _OFFER:
            raise web.HTTPUnsupportedMediaType(headers={'Accept-Post': _OFFER}, text=(
                f'send an offer (SDP) as {_OFFER}\n'))
        if reason := why_missing():
            raise web.HTTPNotImplemented(text=reason + '\n')
        try:
            offer = read_sound_offer(await read_body(request))
            name, answer = await self._begin(offer, door, reachable_at(request))
        except BadOfferError as error:
            raise web.HTTPBadRequest(text=f'{error}\n') from error
        response = web.Response(status=201, text=answer, content_type=_OFFER, headers={
            # Relative to /whep/sound.
            'Location': f'sound/{name}', 'Cache-Control': 'no-store',
            'Access-Control-Expose-Headers': 'Location, Link'})
        for server in self._servers:
            response.headers.add('Link', server.link())
        return response

    async def end(self, request: web.Request) -> web.Response:
        session = self._sessions.get(request.match_info['listener'])
        if session is None:
            raise web.HTTPNotFound(text='this listener has left: send a new offer to '
                                        '/whep/sound\n')
        session.abort()
        return web.Response()

    async def close(self) -> None:
        """End all: the server is stopping."""
        for session in list(self._sessions.values()):
            session.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)

    async def _begin(self, offer: Offer, door: Door, addresses: Sequence[str] | None
                     ) -> tuple[str, str]:
        """Return the name of a session, and its answer."""
        # In a thread: it takes a while on a small machine, the first time.
        module: Any = await asyncio.get_running_loop().run_in_executor(
            None, import_module, f'{__package__}.peer')
        session = _Session(module.SoundPeer(self._servers))
        with ExitStack() as stack:
            try:
                stack.enter_context(door(session))
                answer = await self._answer(session, offer, addresses)
            except BaseException:
                await session.peer.close()
                raise
            leave = stack.pop_all()
        self._sessions[session.name] = session
        task = asyncio.create_task(self._play(session, leave))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session.name, answer

    async def _answer(self, session: _Session, offer: Offer, addresses: Sequence[str] | None
                      ) -> str:
        try:
            return await asyncio.wait_for(session.peer.answer(offer, addresses), _ANSWER_S)
        except asyncio.TimeoutError:
            raise web.HTTPGatewayTimeout(text=(
                "the servers in the parameter 'ice_servers' do not answer: correct it, or leave "
                'it empty\n')) from None

    async def _play(self, session: _Session, leave: ExitStack) -> None:
        peer = session.peer
        with leave:
            try:
                await asyncio.wait_for(_first(peer.connected, peer.ended), _CONNECT_S)
                with self._listeners.join() as listener:
                    peer.play(listener)
                    await peer.ended.wait()
            except asyncio.TimeoutError:
                pass  # it never came
            except Exception:
                _LOG.exception('closing the WebRTC connection of a listener')
            finally:
                del self._sessions[session.name]
                await peer.close()


async def _first(*events: asyncio.Event) -> None:
    """Wait for one of them."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
