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

"""Accept connections, and TLS on them, without ever holding more than a few that do nothing."""

import asyncio
from collections.abc import Callable
import contextlib
import errno
import logging
import socket
import ssl
import traceback
from typing import Any

from aiohttp import web

from .connections import Connection, ConnectionReaper
from ..core.pacing import Occasionally

_BACKLOG = 128
_AT_ONCE = 32  # connections that are accepted before others have their turn
_REST_S = 1.0  # before another attempt, where no more connections can be had
_LOG_PERIOD_S = 60.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_UNSENT_BYTES = 65536  # of an answer, which the kernel takes before it has been sent
_RECEIVED_BYTES = 8192  # the longest thing that anybody sends is the form of a page
_TCP_NOTSENT_LOWAT = getattr(socket, 'TCP_NOTSENT_LOWAT', None)  # Linux

Factory = Callable[[], Connection]


class Newcomer:
    """A connection that has been accepted, and is no HTTP connection yet."""

    def __init__(self, connection: socket.socket, visitor: str,
                 end: Callable[['Newcomer'], None]) -> None:
        self.connection, self.visitor, self._end = connection, visitor, end
        self.task: asyncio.Task[None] | None = None  # from its first byte on
        self.taken = False  # whether the socket is asyncio's

    def abort(self) -> None:
        if self.task is not None:
            self.task.cancel()
        else:
            self._end(self)


class Listener:
    """
    Listening sockets, and those who come through them until HTTP begins. Event loop only.

    Nothing is set up for a connection before its client has said a word, because asyncio's part of
    TLS takes 300 kB; `patience_s` after that TLS must have begun.
    """

    def __init__(self, server: web.Server, make: Factory, reaper: ConnectionReaper,
                 tls: ssl.SSLContext | None, counted: Callable[[str], str],
                 patience_s: float) -> None:
        """Make it; `counted` returns as what an address is counted."""
        self.sockets: list[socket.socket] = []
        self._server, self._make, self._reaper = server, make, reaper
        self._tls, self._counted, self._patience_s = tls, counted, patience_s
        self._loop = asyncio.get_running_loop()
        self._newcomers: set[Newcomer] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._complain = Occasionally(_LOG_PERIOD_S)

    async def open(self, host: str, port: int) -> None:
        """Listen at all addresses that `host` has; OSError when one cannot be had."""
        infos = await self._loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                             flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(infos):
                listening = socket.socket(family, kind, protocol)
                self.sockets.append(listening)
                _prepare(listening, family)
                listening.bind(address)
                listening.listen(_BACKLOG)
        except OSError:
            self.close()
            raise
        for listening in self.sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        for listening in self.sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self.sockets = []
        for timer in self._resting.values():
            timer.cancel()
        for newcomer in list(self._newcomers):
            newcomer.abort()

    async def wait_closed(self) -> None:
        """Wait for the end of those who were on their way in."""
        tasks = [one.task for one in self._newcomers if one.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(listening, error)
                return
            self._welcome(connection, str(address[0]))

    def _rest(self, listening: socket.socket, error: OSError) -> None:
        """Wait a little: as long as somebody waits to be accepted, the loop would spin."""
        if self._complain.due():
            logging.getLogger(__name__).warning(
                'no more connections can be accepted (%s): said once a minute at most; `ulimit '
                '-n` shows how many files a program may have open', error.strerror)
        if error.errno in _EXHAUSTED:
            self._reaper.relieve(self._server)
        self._loop.remove_reader(listening)
        self._resting[listening] = self._loop.call_later(_REST_S, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        del self._resting[listening]
        self._loop.add_reader(listening, self._accept, listening)

    def _welcome(self, connection: socket.socket, address: str) -> None:
        connection.setblocking(False)
        with contextlib.suppress(OSError):  # it has gone already
            if _TCP_NOTSENT_LOWAT is not None:
                connection.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        newcomer = Newcomer(connection, self._counted(address), self._end)
        self._newcomers.add(newcomer)
        self._reaper.arrive(newcomer)
        self._loop.add_reader(connection, self._begin, newcomer)
        self._reaper.make_room(self._server, newcomer.visitor)

    def _begin(self, newcomer: Newcomer) -> None:
        """Go on with one who has said something."""
        self._loop.remove_reader(newcomer.connection)
        newcomer.task = self._loop.create_task(self._let_in(newcomer))
        newcomer.task.add_done_callback(lambda _: self._settle(newcomer))

    def _end(self, newcomer: Newcomer) -> None:
        """Close the connection of one who has said nothing."""
        self._loop.remove_reader(newcomer.connection)
        self._settle(newcomer)

    def _settle(self, newcomer: Newcomer) -> None:
        self._newcomers.discard(newcomer)
        self._reaper.settle(newcomer)
        if not newcomer.taken:
            newcomer.connection.close()

    async def _let_in(self, newcomer: Newcomer) -> None:
        """Hand a connection to aiohttp, behind TLS where that is wanted."""
        def make() -> Connection:
            connection = self._make()
            connection.visitor = newcomer.visitor
            return connection

        tls: dict[str, Any] = {} if self._tls is None else {
            'ssl': self._tls, 'ssl_handshake_timeout': self._patience_s}
        newcomer.taken = True
        try:
            await self._loop.connect_accepted_socket(make, newcomer.connection, **tls)
        except OSError as error:  # it has gone, or speaks no TLS
            logging.getLogger(__name__).debug('a connection has ended: %s', type(error).__name__)
            _forget(error)
        except asyncio.CancelledError as error:
            with contextlib.suppress(OSError):  # TLS that has hardly begun would go on otherwise
                newcomer.connection.shutdown(socket.SHUT_RDWR)
            _forget(error)
            raise


class Site(web.BaseSite):
    """Where a runner of aiohttp listens, by a `Listener` of ours."""

    def __init__(self, runner: web.BaseRunner, listener: Listener, host: str, port: int) -> None:
        super().__init__(runner)
        self._listener, self._host, self._port = listener, host, port

    @property
    def name(self) -> str:
        return f'{self._host}:{self._port}'

    async def start(self) -> None:
        await super().start()
        await self._listener.open(self._host, self._port)
        self._server = self._listener  # type: ignore[assignment]  # which it closes


def _forget(error: BaseException) -> None:
    """Let go of what its frames hold, such as the 300 kB of TLS, without waiting for the GC."""
    traceback.clear_frames(error.__traceback__)


def _prepare(listening: socket.socket, family: int) -> None:
    """Set what is to be set before the address is taken; connections have it, too."""
    listening.setblocking(False)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVED_BYTES)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
