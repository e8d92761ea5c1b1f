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
Pictures, or sound, over WebRTC, as a client asks for it by HTTP (WHEP, draft-ietf-wish-whep).

`POST` with an offer (SDP) to `/whep?topic=…&tier=…`, or to `/whep/sound`, is answered with 201,
the answer, and a `Location` that is the client's own: `DELETE` there ends it, `PATCH` adds
candidates (trickle ICE), and `GET` tells of it; of pictures, which stamp the last frame had, and
which RTP time.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from aiohttp import web

from .availability import why_missing
from .ice_servers import IceServer
from .requests import reachable_at, read_body
from .sdp import (
    BadOfferError,
    MOST_CANDIDATES,
    NoH264Error,
    Offer,
    read_candidates,
    read_ufrag,
)
from .whep_session import WhepSession
from ..access.sessions import Connection

_CLOSE_S = 1.0
_OFFER, _FRAGMENT = 'application/sdp', 'application/trickle-ice-sdpfrag'
_NO_STORE = {'Cache-Control': 'no-store'}

Door = Callable[[Connection], AbstractContextManager[object]]
"""Lets a client in as long as the context lasts, and cuts them where their login ends."""


@dataclass(frozen=True)
class Wish:
    """What a client asks for."""

    read: Callable[[str], Offer]  # of what was sent; BadOfferError where it does not ask for that
    module: str  # what is made needs it; it may take a while to import
    create: Callable[[Any, Offer, Sequence[IceServer]], WhepSession]  # by that module


class Whep:
    """All clients of a server. Event loop only."""

    def __init__(self, servers: Sequence[IceServer] = ()) -> None:
        self._servers = tuple(servers)
        self._sessions: dict[str, WhepSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def offer(self, request: web.Request, wish: Wish, door: Door) -> web.Response:
        """Answer an offer; `door` is what a client comes through."""
        if request.content_type != _OFFER:
            raise web.HTTPUnsupportedMediaType(headers={'Accept-Post': _OFFER}, text=(
                f'send an offer (SDP) as {_OFFER}\n'))
        if reason := why_missing():
            raise web.HTTPNotImplemented(text=reason + '\n')
        try:
            session = await self._begin(request, wish.read(await read_body(request)), wish, door)
        except NoH264Error as error:
            raise web.HTTPNotAcceptable(text=f'{error}\n') from error
        except BadOfferError as error:
            raise web.HTTPBadRequest(text=f'{error}\n') from error
        response = web.Response(status=201, text=session.answered.result(), headers={
            # Relative to where it was sent.
            'Location': f'{request.path.rpartition("/")[2]}/{session.name}',
            'ETag': f'"{session.tag}"', 'Accept-Patch': _FRAGMENT,
            'Access-Control-Expose-Headers': 'Location, ETag, Link',
            **_NO_STORE}, content_type=_OFFER)
        for server in self._servers:
            response.headers.add('Link', server.link())
        return response

    async def change(self, request: web.Request) -> web.Response:
        """Take in candidates of a client (RFC 9725, 4.3)."""
        session = self._session(request)
        if request.content_type != _FRAGMENT:
            raise web.HTTPUnsupportedMediaType(headers={'Accept-Patch': _FRAGMENT}, text=(
                f'send candidates as {_FRAGMENT}\n'))
        if request.headers.get('If-Match', '*') not in ('*', f'"{session.tag}"'):
            raise web.HTTPPreconditionFailed(text='this is another session: send the ETag of the '
                                                  'answer as If-Match\n')
        text = await read_body(request)
        if read_ufrag(text) not in ('', session.offer.ufrag):
            raise web.HTTPUnprocessableEntity(text=(
                f'ICE restart is not supported: send a new offer to {_place(request)}\n'))
        room = MOST_CANDIDATES - session.candidates
        candidates = read_candidates(text)[:room]
        session.candidates += len(candidates)
        await session.peer.add_candidates(candidates)
        return web.Response(status=204)

    async def end(self, request: web.Request) -> web.Response:
        self._session(request).abort()
        return web.Response()

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response(self._session(request).state(), headers=_NO_STORE)

    async def close(self) -> None:
        """End all: the server is stopping."""
        for session in list(self._sessions.values()):
            session.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)

    async def _begin(self, request: web.Request, offer: Offer, wish: Wish, door: Door
                     ) -> WhepSession:
        """Return the session of an offer when it has been answered."""
        # In a thread: it takes a while on a small machine, the first time.
        module: Any = await asyncio.get_running_loop().run_in_executor(
            None, import_module, wish.module)
        with ExitStack() as stack:
            session = wish.create(module, offer, self._servers)
            try:
                stack.enter_context(door(session))
            except BaseException:
                await session.peer.close()
                raise
            for other in self._sessions.values():
                # A client that has not got our answer asks again.
                if (type(other), other.address, other.offer.ufrag) == (
                        type(session), session.address, offer.ufrag) \
                        and not other.peer.connected.is_set():
                    other.abort()
            self._sessions[session.name] = session
            leave = stack.pop_all().close

        def on_end() -> None:
            del self._sessions[session.name]
            leave()

        task = session.begin(reachable_at(request), on_end)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(session.answered)
        return session

    def _session(self, request: web.Request) -> WhepSession:
        session = self._sessions.get(request.match_info['viewer'])
        if session is None:
            raise web.HTTPNotFound(text='this viewer has left: send a new offer to '
                                        f'{_place(request)}\n')
        return session


def _place(request: web.Request) -> str:
    """Return where offers are sent to, by the address of a client's own."""
    return request.path.rpartition('/')[0]
