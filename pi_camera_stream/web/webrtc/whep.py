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

<<<<<<< HEAD
    def __init__(self, offer: Offer, stream: Stream, viewer: Viewer, make_peer: Callable[
            [Sequence[IceServer], Callable[[], None]], 'Peer'],
            servers: Sequence[IceServer]) -> None:
        self.name, self.tag = secrets.token_hex(16), secrets.token_hex(8)
        self.offer, self.stream, self.viewer = offer, stream, viewer
        self.peer = make_peer(servers, self._want_key)
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.answered.add_done_callback(lambda answered: answered.exception())  # it may be unheard
        self.candidates = len(offer.candidates)
        self._deadline_s = time.monotonic() + _CONNECT_S
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def begin(self, addresses: Sequence[str] | None, on_end: Callable[[], None]
              ) -> asyncio.Task[None]:
        """Answer, and deliver until it ends."""
        self._task = asyncio.create_task(self._run(addresses, on_end))
        return self._task

    def abort(self) -> None:
        """End it, unless it is ending already, which is not to be disturbed."""
        if self._task is not None and not self._ending:
            self._task.cancel()

    def state(self) -> dict[str, object]:
        """Return what the client may want to know of it."""
        peer, reports = self.peer, self.peer.reports
        return {
            'topic': self.stream.name, 'tier': self.viewer.tier_name(),
            'connected': peer.connected.is_set(),
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

    async def _run(self, addresses: Sequence[str] | None, on_end: Callable[[], None]) -> None:
        try:
            self.answered.set_result(await self._answer(addresses))
            if await self._wait(self.peer.reached, self._deadline_s - time.monotonic()):
                with self.stream.watch(self.viewer):
                    await self._deliver()
        except BadOfferError as error:
            self.answered.set_exception(error)
        except Exception as error:
            if self.answered.done():
                _LOG.exception('closing the WebRTC connection of a viewer')
            else:
                self.answered.set_exception(error)
        finally:
            self._ending = True
            if not self.answered.done():
                self.answered.set_exception(web.HTTPServiceUnavailable(
                    text='the connection was closed before the offer was answered\n'))
            try:
                await self.peer.close()
            finally:
                on_end()

    async def _answer(self, addresses: Sequence[str] | None) -> str:
        try:
            return await asyncio.wait_for(self.peer.answer(self.offer, addresses), _ANSWER_S)
        except asyncio.TimeoutError:
            raise web.HTTPGatewayTimeout(text=(
                "the servers in the parameter 'ice_servers' do not answer: correct it, or leave "
                'it empty\n')) from None

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

    async def _wait(self, event: asyncio.Event, longest_s: float) -> bool:
        """Wait for an event, or the end; return whether the event has come by then."""
        waiting = [asyncio.ensure_future(one.wait()) for one in {event, self.peer.ended}]
        try:
            await asyncio.wait(waiting, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return event.is_set()
=======
    read: Callable[[str], Offer]  # of what was sent; BadOfferError where it does not ask for that
    module: str  # what is made needs it; it may take a while to import
    create: Callable[[Any, Offer, Sequence[IceServer]], WhepSession]  # by that module
>>>>>>> main


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
