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

"""Systemd hears of a server only as long as it answers."""

import asyncio
from contextlib import ExitStack
import socket
import threading

from aiohttp import web
from pi_camera_stream.core.service_manager import ServiceManager
from pi_camera_stream.web.server import WebServer
from pi_camera_stream.web.watchdog import Watchdog
import pytest
from support.processes import wait_until
from support.supervisor import supervising

WATCHDOG_S = 0.6


class Server:
    """A server whose answers, loop and other threads can be held up."""

    def __init__(self, environment):
        self.answering, self.healthy = True, True
        watchdog = Watchdog(ServiceManager(environment), lambda: 'as it is', lambda: self.healthy)
        self.server = WebServer(self._build, '127.0.0.1', 0, watchdog=watchdog)

    def _build(self, reaper):
        app = web.Application(middlewares=[reaper.middleware])
        app.router.add_get('/healthz', self._answer)
        app.router.add_get('/slow', self._wait)
        self.reaper = reaper
        self.loop = asyncio.get_running_loop()
        return app

    async def _answer(self, _):
        if not self.answering:
            await asyncio.sleep(1000)
        return web.Response(text='ok')

    async def _wait(self, _):
        await asyncio.sleep(1000)


@pytest.fixture
def systemd(tmp_path):
    with supervising(f'{tmp_path}/notify', WATCHDOG_S) as systemd:
        yield systemd


@pytest.fixture
def server(systemd):
    server = Server(systemd.environment)
    server.server.start()
    assert systemd.next() == ['READY=1']
    assert systemd.next() == ['WATCHDOG=1', 'STATUS=as it is']
    yield server
    server.server.stop()


def after_silence(systemd, mend):
    """See that nothing is said any more, and again when that is mended."""
    while not systemd.silent_s(2 * WATCHDOG_S):
        pass
    mend()
    assert systemd.next() == ['WATCHDOG=1', 'STATUS=as it is']


def test_it_goes_on_saying_so(server, systemd):
    for _ in range(5):
        assert systemd.next()[0] == 'WATCHDOG=1'


def test_nothing_is_said_while_requests_are_not_answered(server, systemd):
    server.answering = False
    after_silence(systemd, lambda: setattr(server, 'answering', True))


def test_nothing_is_said_while_the_loop_hangs(server, systemd):
    hanging = threading.Event()
    server.loop.call_soon_threadsafe(hanging.wait)
    after_silence(systemd, hanging.set)


def test_nothing_is_said_while_other_threads_hang(server, systemd):
    server.healthy = False
    after_silence(systemd, lambda: setattr(server, 'healthy', True))


def test_a_flood_does_not_keep_it_from_saying_so(server, systemd):
    with ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(socket.socket())
            client.bind((f'127.0.0.{2 + number % 5}', 0))
            client.connect(('127.0.0.1', server.server.port))
            client.sendall(b'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
        wait_until(lambda: len(server.reaper._requests) >= 256)
        while not systemd.silent_s(0.001):
            pass
        assert not systemd.silent_s(20)


def test_it_is_ready_only_when_all_works(systemd):
    server = Server(systemd.environment)
    server.healthy = False
    server.server.start()
    try:
        assert systemd.silent_s(1.0)
        server.healthy = True
        assert systemd.next() == ['READY=1']
    finally:
        server.server.stop()
