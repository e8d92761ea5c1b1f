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

"""What outlets that players connect to have in common."""

from abc import abstractmethod
import asyncio
from collections import Counter
import contextlib
import errno
import logging
import time
from typing import Protocol

from .outlet import Log, Outlet
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.server import address_in_network
from ..web.stream.catalog import Catalog
from ..web.stream.link import progress

_POLL_S = 1.0
_MOST_WAITING = 64  # connections that do not play
STUCK_S = 10.0  # in which a player has taken nothing of what there is for it
_BACKLOG = 128
_LIMIT_BYTES = 16384  # of what a client has said, and was not read yet


class PlayerConnection(Protocol):
    """One connection; the event loop calls it."""

    address: str
    since_s: float

    @property
    def plays(self) -> bool: ...

    async def run(self) -> None:
        """Serve the player until one of both ends it."""

    def poll(self, now_s: float) -> None:
        """End it, if it shows no sign of life; called once a second."""

    def abort(self) -> None: ...


class Progress:
    """Whether the other end of a connection takes what there is for it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._transport = writer.transport
        self._arrived, self._moved_s = -1, time.monotonic()
        self.arrived_s = self._moved_s  # when something has arrived

    def look(self, now_s: float) -> bool:
        """Return whether something has arrived since the last look; once a second."""
        owing, arrived = progress(self._transport)
        moves = arrived != self._arrived
        if moves:
            self._arrived, self.arrived_s = arrived, now_s
        if moves or not owing:
            self._moved_s = now_s
        return moves

    def is_stuck(self, now_s: float, longest_s: float | None = None) -> bool:
        """Return whether it has taken nothing for so long, which is `STUCK_S` usually."""
        return now_s - self._moved_s > (STUCK_S if longest_s is None else longest_s)


class ListeningOutlet(Outlet):
    """An outlet with a TCP port. Event loop only."""

    what: str  # for people
    parameter: str  # which has the port in it

    def __init__(self, address: str, port: int, catalog: Catalog, rules: AccessRules,
                 places: Admission, log: Log) -> None:
        """Make it; nothing listens yet."""
        super().__init__(catalog, rules, places, log)
        self._address, self.port = address, port  # after `open` the real one, where it was 0
        self._server: asyncio.Server | None = None
        self._connections: dict[PlayerConnection, asyncio.Task[object] | None] = {}
        self._polling: asyncio.Task[None] | None = None

    @abstractmethod
    def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
                   ) -> PlayerConnection:
        """Return what serves a player."""

    def host(self) -> str:
        """Return by which address others reach it, as in a URL."""
        host = self._address
        if host in ('0.0.0.0', '::', ''):  # noqa: S104 - compared, not listened at
            host = address_in_network()
        return f'[{host}]' if ':' in host else host

    async def open(self) -> None:
        try:
            self._server = await asyncio.start_server(
                self._serve, self._address or None, self.port, limit=_LIMIT_BYTES,
                backlog=_BACKLOG)
        except OSError as error:
            self.reason = self._explain(error)
            self.log(self.reason)
            return
        self.port = self._server.sockets[0].getsockname()[1]
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
        if self._server is not None:
            self._server.close()
        tasks = [task for task in self._connections.values() if task is not None]
        for connection in list(self._connections):
            connection.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def state(self) -> dict[str, object]:
        return {**super().state(), 'connections': len(self._connections)}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self.connection(reader, writer)
        self._connections[connection] = asyncio.current_task()
        self._make_room()
        try:
            with contextlib.suppress(asyncio.CancelledError):  # the server is stopping
                await connection.run()
        finally:
            del self._connections[connection]

    def _make_room(self) -> None:
        """Close the oldest of those who do not play, of who has most of them, if too many are."""
        waiting = [one for one in self._connections if not one.plays]
        if len(waiting) > _MOST_WAITING:
            counts = Counter(one.address for one in waiting)
            victim = max(counts, key=counts.__getitem__)
            min((one for one in waiting if one.address == victim),
                key=lambda one: one.since_s).abort()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            for connection in list(self._connections):
                try:
                    connection.poll(time.monotonic())
                except Exception:
                    logging.getLogger(__name__).exception('closing the connection')
                    connection.abort()

    def _explain(self, error: OSError) -> str:
        begin = f'no {self.what}; everything else keeps running: '
        if error.errno == errno.EADDRINUSE:
            return begin + (
                f'cannot bind port {self.port}, which is in use: stop the program that listens '
                f"on it (`ss -ltnp 'sport = :{self.port}'` shows which), or set the parameter "
                f"'{self.parameter}' to another port")
        if error.errno == errno.EACCES:
            return begin + (f'cannot bind port {self.port}, which needs root: set the parameter '
                            f"'{self.parameter}' to a port above 1023")
        return begin + (f"cannot listen on '{self._address}' port {self.port} ({error}): check "
                        "the parameter 'address'")
