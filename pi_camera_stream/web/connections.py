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

"""Close connections that nobody uses, so that they do not take the place of those who watch."""

import asyncio
from collections import Counter
from collections.abc import Callable
import logging
import socket
import struct
import time
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from .stream.link import progress
from ..core.heap import give_back
from ..core.pacing import TokenBucket

_PERIOD_S = 1.0
_MOST_AHEAD = 16  # requests of one connection that wait for their answers
_BYTES_A_SECOND, _BYTES_AT_ONCE = 65536.0, 131072.0  # from one client
_RELIEF = 16  # connections that are closed when no more can be had
_CROWD = 64  # connections whose memory is worth giving back
_FORGET = struct.pack('ii', 1, 0)  # struct linger


class Waiting(Protocol):
    """A connection that is not inside a request."""

    visitor: str  # as what its address is counted; empty for what has no limit

    def abort(self) -> None:
        """End it at once."""


class Connection(web.RequestHandler):
    """
    aiohttp's connection, which takes no more from a client than is good for the others.

    What comes faster waits in the client's machine, whatever it is: requests, messages, or frames
    of a WebSocket that make no message. Who asks for far more than is being answered is let go.
    """

    visitor = ''
    wire: asyncio.BaseTransport | None = None  # also while the last of an answer is flushed
    aborted = False
    _arrived = 0
    _arrived_s = 0.0  # when that was last another number

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bytes = TokenBucket(_BYTES_A_SECOND, _BYTES_AT_ONCE)

    def stuck_s(self, now_s: float) -> float:
        """Return for how long the client has taken nothing of what there is for it."""
        if self.wire is not None:
            owing, arrived = progress(self.wire)
            if owing and arrived == self._arrived:
                return now_s - self._arrived_s
            self._arrived, self._arrived_s = arrived, now_s
        return 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.wire = transport

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.wire = None  # or the two would hold each other, and TLS 300 kB, until a collection

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if len(self._messages) > _MOST_AHEAD:
            self.abort()
        wait_s = self._bytes.owe_s(len(data), time.monotonic())
        if wait_s > 0 and isinstance(self.wire, asyncio.Transport):
            self.wire.pause_reading()
            asyncio.get_running_loop().call_later(wait_s, self._read_on)

    def _read_on(self) -> None:
        if isinstance(self.wire, asyncio.Transport) and not self.wire.is_closing():
            self.wire.resume_reading()

    def abort(self) -> None:
        self.aborted = True
        if isinstance(self.wire, asyncio.Transport):
            connection = self.wire.get_extra_info('socket')
            if connection is not None and not self.wire.is_closing():
                # The kernel forgets at once what it was to send.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FORGET)
            self.wire.abort()


class ConnectionReaper:
    """
    Close connections that wait too long for a request, or are too many. Event loop only.

    A connection waits from when it is opened until the whole head of a request has come (perhaps
    byte by byte), and again from the end of an answer. A connection inside a request, such as an
    endless picture, has no such limit. Where there are too many that wait, or too many short
    requests, the oldest of the visitor who has most is closed: a flood is at its own cost.
    """

    def __init__(self, timeout_s: float = 10.0, most_waiting: int = 256,
                 now_s: Callable[[], float] = time.monotonic, patience_s: float = 10.0,
                 silence_s: float = 5.0) -> None:
        self.closed = 0  # connections so far
        self._timeout_s, self._patience_s, self._silence_s = timeout_s, patience_s, silence_s
        self._most_waiting = most_waiting  # in all; half of them of one visitor
        self._now_s = now_s
        self._newcomers: dict[Waiting, float] = {}  # whom aiohttp does not know yet, oldest first
        self._counts: Counter[str] = Counter()  # of these, by visitor
        self._waiting_since_s: dict[object, float] = {}
        self._requests: dict[object, asyncio.Task[object]] = {}
        self._most_there = 0  # connections, since memory was given back
        self._lasting: set[object] = set()  # those whose request is counted elsewhere

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection is inside a request; belongs before all other middlewares."""
        connection, task = request.protocol, asyncio.current_task()
        # aiohttp gives each request a task, in which it also sends the answer: its end is the
        # request's end. When this middleware is left, a slow client has not got anything yet.
        if task is not None:
            self._requests[connection] = task
            task.add_done_callback(lambda ended: self._end(connection, ended))
        if self._too_many_short(_visitor(connection)):
            response = web.Response(status=503, headers={'Retry-After': '2'}, text=(
                'too many requests at present: try again in 2 s\n'))
            response.force_close()
            return response
        return await handler(request)

    def keep(self, request: web.BaseRequest) -> None:
        """Note that a request is to last, and that somebody else sees to how many do."""
        self._lasting.add(request.protocol)

    def arrive(self, newcomer: Waiting) -> None:
        """Note one who has connected, until `settle`."""
        self._newcomers[newcomer] = self._now_s()
        self._counts[newcomer.visitor] += 1

    def settle(self, newcomer: Waiting) -> None:
        """Note that aiohttp has it now, or that it has gone."""
        if self._newcomers.pop(newcomer, None) is not None:
            self._counts[newcomer.visitor] -= 1
            if not self._counts[newcomer.visitor]:
                del self._counts[newcomer.visitor]

    def make_room(self, server: web.Server, visitor: str) -> None:
        """Close the oldest who wait where a new one of `visitor` is one too many."""
        new, most = len(self._newcomers), self._most_waiting
        waiting = new + len(server.connections) - len(self._requests)
        if waiting <= most // 2:
            return
        if new > waiting // 2:  # a flood is to cost little
            counts, found = self._counts, iter(self._newcomers)
        else:
            sorted_by_age = self._waiting(server)
            counts, found = Counter(map(_visitor, sorted_by_age)), iter(sorted_by_age)
        victim = visitor if visitor and counts[visitor] > most // 2 else \
            max(counts, key=counts.__getitem__) if waiting > most else None
        if victim is not None:
            # What has been aborted in this round of the loop is there until the next one.
            self._close(next((one for one in found if _visitor(one) == victim
                              and not getattr(one, 'aborted', False)), None))

    def relieve(self, server: web.Server) -> None:
        """Close some that wait: no more connections can be had."""
        for one in self._waiting(server)[:_RELIEF]:
            self._close(one)

    async def run(self, server: web.Server) -> None:
        """Look once a second, until it is cancelled; a task of its own."""
        try:
            while True:
                self.poll(server)
                if self._crowd_has_gone(server):
                    await asyncio.get_running_loop().run_in_executor(None, give_back)
                await asyncio.sleep(_PERIOD_S)
        except Exception:
            logging.getLogger(__name__).exception('unused connections are no longer closed')
            raise

    def poll(self, server: web.Server) -> None:
        """Close what has waited too long, and the oldest of those above the greatest number."""
        now_s = self._now_s()
        self._waiting_since_s = {
            one: self._waiting_since_s.get(one, now_s)
            for one in server.connections if one not in self._requests}
        waiting = self._waiting(server)
        surplus = len(waiting) - self._most_waiting
        for place, one in enumerate(waiting):
            longest_s = self._silence_s if one in self._newcomers else self._timeout_s
            if place < surplus or now_s - self._since_s(one) >= longest_s:
                self._close(one)
        for connection in server.connections:
            if isinstance(connection, Connection) \
                    and connection.stuck_s(now_s) >= self._patience_s:
                self._close(connection)

    def _crowd_has_gone(self, server: web.Server) -> bool:
        """Return, once for each crowd, whether far less are there than were."""
        there = len(server.connections) + len(self._newcomers)
        if there > self._most_there // 2 or self._most_there - there < _CROWD:
            self._most_there = max(there, self._most_there)
            return False
        self._most_there = there
        return True

    def _waiting(self, server: web.Server) -> list[Any]:
        """Return all who wait, the oldest first."""
        waiting = [*self._newcomers,
                   *(one for one in server.connections if one not in self._requests)]
        return sorted(waiting, key=self._since_s)

    def _since_s(self, one: Any) -> float:
        since_s = self._newcomers.get(one, self._waiting_since_s.get(one))
        return self._now_s() if since_s is None else since_s

    def _too_many_short(self, visitor: str) -> bool:
        """Tell whether a visitor has too many; of too many in all, close one of who has most."""
        most = self._most_waiting
        if len(self._requests) <= most // 2:
            return False
        short = [one for one in self._requests
                 if one not in self._lasting and not getattr(one, 'aborted', False)]
        counts = Counter(map(_visitor, short))
        if visitor and counts[visitor] > most // 2:
            return True
        if len(short) > most:
            victim = max(counts, key=counts.__getitem__)
            self._close(next(one for one in short if _visitor(one) == victim))
        return False

    def _end(self, connection: object, task: asyncio.Task[object]) -> None:
        # The next request may have begun already, if it had been sent together with this one.
        if self._requests.get(connection) is task:
            del self._requests[connection]
            self._lasting.discard(connection)
            self._waiting_since_s[connection] = self._now_s()

    def _close(self, one: Any) -> None:
        """Not by close(), which would wait until the other side has taken what it was sent."""
        self.settle(one)  # at once: it is not to be closed again in place of the next one
        abort = getattr(one, 'abort', None)
        transport = getattr(one, 'transport', None)
        if abort is not None:
            abort()
            self.closed += 1
        elif transport is not None:
            transport.abort()
            self.closed += 1


def _visitor(one: object) -> str:
    return getattr(one, 'visitor', '')
