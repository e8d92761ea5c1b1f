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


"""What outlets have in common that call a receiver by TCP."""

from abc import abstractmethod
import asyncio
from collections.abc import AsyncIterator
import contextlib
from contextlib import asynccontextmanager
import socket
import time

from .address import Address, TCP
from .listening import Progress
from .names import Place
from .outlet import Log, wake
from .raw_tcp import RawTransport
from .sending import SendingOutlet
from ..core.pacing import TokenBucket
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.stream import Stream

_CONNECT_S = 2.0
STUCK_S = 5.0  # in which a receiver has taken nothing: a new connection may be quicker
_READ_BYTES, _BYTES_A_SECOND = 4096, 65536.0


class CallingOutlet(SendingOutlet):
    """An outlet that calls, and calls again when the connection has ended. Event loop only."""

    def __init__(self, address: Address, catalog: Catalog, rules: AccessRules, places: Admission,
                 log: Log) -> None:
        """Make it; nobody is called yet."""
        super().__init__(address, catalog, rules, places, log)
        self._writer: asyncio.StreamWriter | None = None
        self._progress: Progress | None = None

    @property
    def _kind(self) -> socket.SocketKind:
        return socket.SOCK_STREAM

    @abstractmethod
    async def _talk(self, stream: Stream, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
        """Send by a connection until that ends."""

    async def _send(self, stream: Stream, place: Place) -> None:
        async with _connected(place) as (reader, writer):
            self._writer, self._progress = writer, Progress(writer)
            try:
                await self._talk(stream, reader, writer)
            finally:
                self._writer = self._progress = None

    def _poll(self, now_s: float) -> None:
        if self._writer is None or self._progress is None:
            return
        self._progress.look(now_s)
        if self._progress.is_stuck(now_s, STUCK_S):
            self._writer.transport.abort()
        if self._writer.transport.is_closing() and self._viewer is not None:
            wake(self._viewer)


class TcpCaller(CallingOutlet):
    """Sends who answers the parameter sets, a key frame, and what follows."""

    kind = TCP

    async def _talk(self, stream: Stream, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
        self.reason = ''
        reading = asyncio.get_running_loop().create_task(_pass_over(reader))
        try:
            await self._play_to(stream, RawTransport(writer))
        finally:
            reading.cancel()


@asynccontextmanager
async def _connected(place: Place
                     ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to an address; OSError where that cannot be."""
    loop, (family, peer) = asyncio.get_running_loop(), place
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.wait_for(loop.sock_connect(connection, peer), _CONNECT_S)
        reader, writer = await asyncio.open_connection(sock=connection)
    except asyncio.TimeoutError:
        connection.close()
        raise TimeoutError from None  # which it is from Python 3.11 on
    except BaseException:
        connection.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _pass_over(reader: asyncio.StreamReader) -> None:
    """Let what a receiver says go by."""
    limit = TokenBucket(_BYTES_A_SECOND, _READ_BYTES)
    with contextlib.suppress(OSError):
        while data := await reader.read(_READ_BYTES):
            await asyncio.sleep(limit.owe_s(len(data), time.monotonic()))
