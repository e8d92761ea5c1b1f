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

"""As long as the server answers, whoever supervises it is told so."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import socket

from aiohttp import web

from ..core.service_manager import ServiceManager

_UNTIL_READY_S = 0.2
_QUESTION = b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'


class Watchdog:
    """
    Asks the server as a client does, and tells systemd only when it has answered.

    What asks runs in the event loop, so that a loop that hangs asks nothing; and the question goes
    through the application, so that one that answers nobody is noticed, too. It comes by a pair of
    connected sockets: it depends neither on the network nor on a certificate.
    """

    def __init__(self, manager: ServiceManager, status: Callable[[], str],
                 healthy: Callable[[], bool] = lambda: True) -> None:
        """`healthy` says whether other threads work, too. Both are called in the event loop."""
        self._manager, self._status, self._healthy = manager, status, healthy

    async def run(self, server: web.Server) -> None:
        """Ask until it is cancelled, which is the end of the service."""
        if not self._manager.listens:
            return
        ready = False
        try:
            while True:
                if await self._all_well(server):
                    if not ready:
                        self._manager.tell_ready()
                        ready = True
                    self._manager.tell_alive(self._status())
                await asyncio.sleep(self._manager.period_s if ready else _UNTIL_READY_S)
        finally:
            self._manager.tell_stopping()

    async def _all_well(self, server: web.Server) -> bool:
        with suppress(OSError, asyncio.TimeoutError):
            return await asyncio.wait_for(_answers(server), self._manager.period_s) \
                and self._healthy()
        return False


async def _answers(server: web.Server) -> bool:
    here, there = socket.socketpair()
    try:
        await asyncio.get_running_loop().connect_accepted_socket(server, there)
    except BaseException:
        here.close()
        there.close()
        raise
    reader, writer = await asyncio.open_connection(sock=here)
    try:
        writer.write(_QUESTION)
        return b' 200 ' in await reader.readline()
    finally:
        writer.close()
