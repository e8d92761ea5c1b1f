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
from collections.abc import Callable
import logging
import time

from aiohttp import web
from aiohttp.typedefs import Handler

_PERIOD_S = 1.0


class ConnectionReaper:
    """
    Close connections that wait too long for a request, or are too many.

    A connection waits from when it is opened until the whole head of a request has come, and
    again from the end of an answer. Whoever sends a head byte by byte, nothing at all, or keeps
    connections in stock, is among them. A connection inside a request, such as an endless
    picture, is never touched. All methods run in the event loop.

    Attributes
    ----------
    closed
        How many connections have been closed so far.

    """

    def __init__(self, timeout_s: float = 10.0, most_waiting: int = 256,
                 now_s: Callable[[], float] = time.monotonic) -> None:
        self.closed = 0
        self._timeout_s = timeout_s
        self._most_waiting = most_waiting
        self._now_s = now_s
        self._waiting_since_s: dict[object, float] = {}
        self._requests: dict[object, asyncio.Task[object]] = {}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note that a connection is inside a request; belongs before all other middlewares."""
        connection, task = request.protocol, asyncio.current_task()
        # aiohttp gives each request a task, in which it also sends the answer: its end is the
        # request's end. When this middleware is left, a slow client has not got anything yet.
        if task is not None:
            self._requests[connection] = task
            task.add_done_callback(lambda ended: self._end(connection, ended))
        return await handler(request)

    def _end(self, connection: object, task: asyncio.Task[object]) -> None:
        # The next request may have begun already, if it had been sent together with this one.
        if self._requests.get(connection) is task:
            del self._requests[connection]
            self._waiting_since_s[connection] = self._now_s()

    async def run(self, server: web.Server) -> None:
        """Look once a second, until it is cancelled; a task of its own."""
        try:
            while True:
                self.poll(server)
                await asyncio.sleep(_PERIOD_S)
        except Exception:
            logging.getLogger(__name__).exception('unused connections are not closed any more')
            raise

    def poll(self, server: web.Server) -> None:
        """Close what has waited too long, and the oldest of those above the greatest number."""
        now_s = self._now_s()
        waiting = [connection for connection in server.connections
                   if connection not in self._requests]
        self._waiting_since_s = {connection: self._waiting_since_s.get(connection, now_s)
                                 for connection in waiting}
        waiting.sort(key=self._waiting_since_s.__getitem__)
        surplus = len(waiting) - self._most_waiting
        for place, connection in enumerate(waiting):
            late = now_s - self._waiting_since_s[connection] >= self._timeout_s
            if (late or place < surplus) and connection.transport is not None:
                # Not close(), which would wait until the other side has taken what it was sent.
                connection.transport.abort()
                self.closed += 1
