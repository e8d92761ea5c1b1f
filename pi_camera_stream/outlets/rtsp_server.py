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

"""An RTSP server, for players and recorders: `rtsp://robot:8554/camera`."""

import asyncio
from collections import Counter
from collections.abc import Callable
import contextlib
import errno
import logging
import time

from .outlet import Log, Outlet
from .rtp import Packer
from .rtsp_connection import DEFAULT_PATH, RtspConnection
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.server import address_in_network
from ..web.stream.catalog import Catalog

_POLL_S = 1.0
_MOST_WAITING = 64  # connections that do not play
_BACKLOG = 128
_LIMIT_BYTES = 16384  # of what a client has said, and was not read yet


class RtspServer(Outlet):
    """
    Serves H.264 by RTSP 1.0 (RFC 2326), as RTP in the connection or by UDP.

    `/camera` is the default topic, and any other topic has its name. Where there is an access
    token, players prove to know it; it is never sent.
    """

    kind = 'rtsp'

    def __init__(self, address: str, port: int, catalog: Catalog, rules: AccessRules,
                 places: Admission, note_wrong: Callable[[str], float], log: Log) -> None:
        """
        Make it; nothing listens yet.

        `note_wrong` hears of wrong passwords, and returns for how many seconds another one from
        that address is one too many.
        """
        super().__init__(catalog, rules, places, log)
        self.outlet: Outlet = self
        self.packer, self.note_wrong = Packer(), note_wrong
        self._address, self.port = address, port  # after `open` the real one, where it was 0
        self._server: asyncio.Server | None = None
        self._connections: dict[RtspConnection, asyncio.Task[object] | None] = {}
        self._polling: asyncio.Task[None] | None = None

    def url(self) -> str:
        host = self._address
        if host in ('0.0.0.0', '::', ''):  # noqa: S104 - compared, not listened at
            host = address_in_network()
        return f'rtsp://{f"[{host}]" if ":" in host else host}:{self.port}/{DEFAULT_PATH}'

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
        connection = RtspConnection(self, reader, writer)
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
                    logging.getLogger(__name__).exception('a connection is ended for this')
                    connection.abort()

    def _explain(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (f'there is no RTSP, everything else runs: port {self.port} is in use already. '
                    f"End the program that listens there (`ss -ltnp 'sport = :{self.port}'` shows "
                    "it), or set the parameter 'rtsp_port' to another one")
        if error.errno == errno.EACCES:
            return (f'there is no RTSP, everything else runs: port {self.port} is for root only. '
                    "Set the parameter 'rtsp_port' to one above 1023")
        return (f"there is no RTSP, everything else runs: it cannot listen at '{self._address}' "
                f'port {self.port} ({error})')
