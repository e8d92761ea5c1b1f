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

import asyncio
from contextlib import asynccontextmanager
import socket
from types import SimpleNamespace

from aiohttp import web
from pi_camera_stream.web import connections as connections_module
from pi_camera_stream.web.connections import ConnectionReaper
import pytest
from support.listening import listen

GET = b'GET /%s HTTP/1.1\r\nHost: x\r\n\r\n'
LARGE = 8 * 2**20
BUFFERED = 60000  # below the mark from which on a writer would wait


class Bench:
    """A server, its reaper with a clock that is moved by hand, and those who connect."""

    def __init__(self, most_waiting=256):
        self.now_s = 1000.0
        self.reaper = ConnectionReaper(10.0, most_waiting, lambda: self.now_s)
        self.begun = asyncio.Event()
        self.release = asyncio.Event()
        self.writers = []

    def build(self):
        """Return the application."""
        app = web.Application(middlewares=[self.reaper.middleware])
        app.router.add_get('/', self._short)
        app.router.add_get('/endless', self._endless)
        app.router.add_get('/large', self._large)
        app.router.add_get('/buffered', self._buffered)
        return app

    async def _short(self, _):
        return web.Response(text='short')

    async def _endless(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        self.begun.set()
        await self.release.wait()
        return response

    async def _large(self, _):
        self.begun.set()
        return web.Response(body=bytes(LARGE))

    async def _buffered(self, request):
        request.transport.get_extra_info('socket').setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        return web.Response(body=bytes(BUFFERED))

    async def connect(self, data=b'', **options):
        """Open a connection, send something, and return its reader when the server has it."""
        known = len(self.server.connections)
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port, **options)
        self.writers.append(writer)
        writer.write(data)
        while len(self.server.connections) == known:
            await asyncio.sleep(0)
        return reader

    async def until(self, condition):
        """Let the server work."""
        while not condition():
            await asyncio.sleep(0)

    async def let_others_run(self):
        """Let happen what can happen without time or network."""
        for _ in range(100):
            await asyncio.sleep(0)

    def poll(self, after_s=0.0):
        """Let time pass and the reaper poll; return how many it closes."""
        self.now_s += after_s
        before = self.reaper.closed
        self.reaper.poll(self.server)
        return self.reaper.closed - before


@asynccontextmanager
async def _opened(bench):
    runner = await listen(bench.build(), access_log=None)
    bench.port, bench.server = runner.addresses[0][1], runner.server
    try:
        yield
    finally:
        bench.release.set()
        for writer in bench.writers:
            writer.close()
        await runner.cleanup()


def in_loop(test=None, **options):
    """Run an async test with a bench."""
    if test is None:
        return lambda test: in_loop(test, **options)

    async def run():
        bench = Bench(**options)
        async with _opened(bench):
            await test(bench)

    def wrapped():
        asyncio.run(run())
    wrapped.__name__ = test.__name__
    return wrapped


async def ended(reader):
    """Wait for the end of a connection; return whether nothing came before."""
    try:
        return await reader.read() == b''
    except ConnectionResetError:  # where the server had not read everything
        return True


@in_loop
async def test_who_sends_nothing_is_closed(bench):
    reader = await bench.connect()
    assert bench.poll() == 0
    assert bench.poll(after_s=9.9) == 0
    assert bench.poll(after_s=0.1) == 1
    assert await ended(reader)


@in_loop
async def test_who_does_not_come_to_the_end_of_a_head_is_closed(bench):
    reader = await bench.connect(b'GET / HTTP/1.1\r\nX-Slow: ')
    bench.poll()
    for _ in range(9):
        bench.writers[0].write(b'y')
        assert bench.poll(after_s=1) == 0
    assert bench.poll(after_s=1) == 1
    assert await ended(reader)


@in_loop
async def test_who_watches_is_never_closed(bench):
    reader = await bench.connect(GET % b'endless')
    await bench.begun.wait()
    await reader.readuntil(b'\r\n\r\n')
    assert [bench.poll(after_s=3600) for _ in range(3)] == [0, 0, 0]
    bench.release.set()
    assert await reader.readuntil(b'0\r\n\r\n') == b'0\r\n\r\n'


@in_loop
async def test_time_counts_from_the_end_of_the_last_answer(bench):
    reader = await bench.connect(GET % b'endless')
    await bench.begun.wait()
    bench.poll(after_s=3600)
    bench.release.set()
    await reader.readuntil(b'0\r\n\r\n')
    assert bench.poll(after_s=9.9) == 0
    bench.writers[0].write(GET % b'')
    await reader.readuntil(b'short')
    assert bench.poll(after_s=9.9) == 0
    assert bench.poll(after_s=0.1) == 1
    assert await ended(reader)


@in_loop
async def test_who_takes_his_answer_slowly_is_not_closed_before_its_end(bench):
    reader = await bench.connect(GET % b'large', limit=1024)
    await bench.begun.wait()
    await bench.let_others_run()  # the handler returns, and the answer is on its way
    bench.poll()
    assert bench.poll(after_s=3600) == 0
    await reader.readuntil(b'\r\n\r\n')
    assert await reader.readexactly(LARGE) == bytes(LARGE)
    bench.poll()
    assert bench.poll(after_s=10) == 1


@in_loop
async def test_who_does_not_take_the_end_of_his_answer_is_closed_nevertheless(bench):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.connect(('127.0.0.1', bench.port))
    try:
        client.sendall(GET % b'buffered')
        await bench.until(lambda: bench.server.connections)
        transport = bench.server.connections[0].transport
        await bench.until(transport.get_write_buffer_size)
        await bench.let_others_run()
        bench.poll()
        assert bench.poll(after_s=10) == 1
        assert transport.get_write_buffer_size() == 0
        await bench.until(lambda: not bench.server.connections)
    finally:
        client.close()


@in_loop
async def test_a_request_that_was_sent_together_with_another_one_is_a_request(bench):
    reader = await bench.connect(GET % b'' + GET % b'' + GET % b'endless')
    await bench.begun.wait()
    await reader.readuntil(b'short')
    await bench.let_others_run()
    bench.poll()
    assert bench.poll(after_s=3600) == 0


@in_loop
async def test_the_next_request_may_begin_before_the_end_of_the_last_one_is_known(bench):
    await bench.connect()
    connection = bench.server.connections[0]
    # As aiohttp does it from Python 3.12 on, where tasks begin at once.
    asked = [asyncio.create_task(bench.reaper.middleware(
        SimpleNamespace(protocol=connection), handler)) for handler in (_nothing, _for_ever)]
    await bench.let_others_run()
    assert [task.done() for task in asked] == [True, False]
    bench.poll()
    assert bench.poll(after_s=3600) == 0
    asked[1].cancel()
    await bench.let_others_run()
    assert bench.poll(after_s=10) == 1


async def _nothing(_):
    pass


async def _for_ever(_):
    await asyncio.get_running_loop().create_future()


@in_loop(most_waiting=3)
async def test_of_too_many_the_oldest_are_closed(bench):
    watching = await bench.connect(GET % b'endless')
    await bench.begun.wait()
    await watching.readuntil(b'\r\n\r\n')
    readers = []
    for _ in range(3):
        readers.append(await bench.connect())
        assert bench.poll(after_s=1) == 0
    readers += [await bench.connect() for _ in range(2)]
    assert bench.poll(after_s=1) == 2
    for reader in readers[:2]:
        assert await ended(reader)
    await bench.until(lambda: len(bench.server.connections) == 4)
    assert bench.poll() == 0


@in_loop
async def test_a_connection_whose_task_has_died_is_closed(bench):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    # aiohttp 3.14 fails to read this address, and then neither answers nor closes; 3.8.1 answers.
    reader = await bench.connect(b'GET http://xn--a/ HTTP/1.1\r\nHost: x\r\n\r\n')
    await bench.let_others_run()
    bench.poll()
    assert bench.poll(after_s=10) == 1
    await ended(reader)
    await bench.until(lambda: not bench.server.connections)


@in_loop
async def test_nothing_is_kept_of_those_who_have_left(bench):
    for path in (b'', b'large'):
        reader = await bench.connect(GET % path)
        await reader.readuntil(b'\r\n\r\n')
    await bench.connect()
    bench.poll()
    for writer in bench.writers:
        writer.transport.abort()
    await bench.until(lambda: not bench.server.connections)
    await bench.let_others_run()
    bench.poll()
    assert bench.reaper._requests == {}
    assert bench.reaper._waiting_since_s == {}


@in_loop
async def test_the_task_looks_again_and_again_until_it_is_cancelled(bench):
    period_s, connections_module._PERIOD_S = connections_module._PERIOD_S, 0.0
    try:
        task = asyncio.create_task(bench.reaper.run(bench.server))
        for closed in (1, 2):
            reader = await bench.connect()
            await bench.let_others_run()
            bench.now_s += 10
            assert await ended(reader)
            assert bench.reaper.closed == closed
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        connections_module._PERIOD_S = period_s


def test_the_death_of_the_task_is_logged(caplog):
    with pytest.raises(AttributeError):
        asyncio.run(ConnectionReaper().run(None))
    assert 'unused connections are no longer closed' in caplog.text
