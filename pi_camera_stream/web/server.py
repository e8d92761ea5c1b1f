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

"""Serve the web application from a thread of its own."""

import asyncio
from collections.abc import Callable
import errno
import logging
import socket
import ssl
import threading
from typing import Any, cast

from aiohttp import web

from .access.access_log import access_logger, quiet_aiohttp
from .access.addresses import is_loopback, network
from .connections import Connection, ConnectionReaper
from .listener import Listener, Site
from .watchdog import Watchdog
from ..core.errors import PermanentError

_STOP_TIMEOUT_S = 1.5
_PATIENCE_S, _HANDSHAKE_S = 10.0, 5.0


class WebServer:
    """
    An aiohttp server with its own thread and event loop.

    Its owner's thread starts and stops it.
    """

    def __init__(self, build: Callable[[ConnectionReaper], web.Application], address: str,
                 port: int, tls: ssl.SSLContext | None = None,
                 log_request: Callable[[str], None] | None = None,
                 watchdog: Watchdog | None = None,
                 counted: Callable[[str], str] = network,
                 patience_s: float = _PATIENCE_S) -> None:
        """
        Make the server; nothing listens yet. All functions are called in its thread.

        `counted` returns as what an address is counted among others, empty where it has no limit;
        who takes nothing of what is sent for `patience_s` is let go.
        """
        self._build = build
        self._address = address
        self._tls = tls
        self._log_request = log_request
        self._watchdog = watchdog
        self._counted, self._patience_s = counted, patience_s
        self.port = port  # after `start` the real one, where 0 was asked for
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='web', daemon=True)

    def start(self) -> None:
        """
        Listen; return when requests are answered.

        PermanentError when the address cannot be had.
        """
        self._thread.start()
        self._ready.wait()
        if isinstance(self._error, OSError):
            raise self._explain(self._error) from self._error
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(self._stopping.set)
            except RuntimeError:  # it ended in the meantime
                return
            self._thread.join(timeout=_STOP_TIMEOUT_S)

    def url(self) -> str:
        host = self._address
        if host in ('0.0.0.0', '::', ''):  # noqa: S104 - compared, not listened at
            host = address_in_network()
        return server_url('https' if self._tls else 'http', host, self.port)

    @property
    def local(self) -> bool:
        return self._address == 'localhost' or is_loopback(self._address)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._error = error
            if self._ready.is_set():
                logging.getLogger(__name__).exception('the web server has failed')
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        silence_s = min(_HANDSHAKE_S, self._patience_s)
        reaper = ConnectionReaper(patience_s=self._patience_s, silence_s=silence_s)
        app = self._build(reaper)
        logged = {'access_log': None} if self._log_request is None else {
            'access_log_class': access_logger(app, self._log_request)}
        options: dict[str, Any] = {'logger': quiet_aiohttp(), **logged}
        runner = web.AppRunner(app, **options)
        await runner.setup()
        server = cast(web.Server, runner.server)  # there is one after setup
        listener = Listener(server, lambda: Connection(server, loop=loop, **options),
                            reaper, self._tls, self._counted, silence_s)
        try:
            await Site(runner, listener, self._address, self.port).start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            tasks = [loop.create_task(reaper.run(server))]
            if self._watchdog is not None:
                tasks.append(loop.create_task(self._watchdog.run(server)))
            await self._stopping.wait()
            for task in tasks:
                task.cancel()
        finally:
            await runner.cleanup()
            await listener.wait_closed()

    def _explain(self, error: OSError) -> PermanentError:
        if error.errno == errno.EADDRINUSE:
            return PermanentError(
                f'cannot bind port {self.port}, which is in use: stop the program that listens '
                f"there (`ss -ltnp 'sport = :{self.port}'` shows it), or set the parameter 'port' "
                'to another one')
        if error.errno == errno.EACCES:
            return PermanentError(
                f"cannot bind port {self.port}, which needs root: set the parameter 'port' to one "
                'above 1023')
        return PermanentError(
            f"cannot listen on '{self._address}' port {self.port} ({error}): set the parameter "
            "'address' to an address of this machine, or to 0.0.0.0 for all")


def server_url(scheme: str, host: str, port: int) -> str:
    return f'{scheme}://{f"[{host}]" if ":" in host else host}:{port}/'


def address_in_network() -> str:
    """Return this machine's address as others in the network see it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))  # TEST-NET-1 (RFC 5737): only the route matters
            return str(probe.getsockname()[0])
        except OSError:
            return '127.0.0.1'
