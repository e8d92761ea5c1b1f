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
import errno
import gc
import logging
from pathlib import Path
import random
import re

from aiohttp import web
from pi_camera_stream import web as web_room
from pi_camera_stream.web.access.access import Access
from pi_camera_stream.web.access.access_log import access_logger, quiet_aiohttp
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.connections import ConnectionReaper
import pytest
from support.listening import listen

TOKEN = 'correct-horse-battery'
ALMOST = 'almost-right'
STATIC = Path(web_room.__file__).parent / 'static'
FUZZED = 500
HANDLING = r'Error handling request( from 127\.0\.0\.1)?'  # aiohttp 3.8 does not say whose


class Server:
    """Everything together, as the bridge has it, and what it says."""

    def __init__(self, token=TOKEN):
        self.said = []
        self.lines = []
        self._access = Access(AccessRules(access_token=token), self.said.append)

    def build(self):
        """Return the application."""
        app = web.Application(middlewares=[ConnectionReaper().middleware])
        self._access.protect(app)
        app.router.add_get('/', _hello)
        app.router.add_get('/healthz', _hello)
        app.router.add_get('/large', _large)
        app.router.add_get('/boom', _boom)
        app.router.add_post('/unread', _hello)
        app.router.add_post('/read', _read)
        app.router.add_static('/static/', STATIC)
        return app

    async def send(self, data, ended=False):
        """Send bytes, and their end if the server will not close by itself; return the answer."""
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port)
        writer.write(data)
        if ended:  # but not before it has been dealt with
            for _ in range(30):
                await asyncio.sleep(0)
            writer.write_eof()
        try:
            return await reader.read()
        except ConnectionError:
            return b''
        finally:
            writer.close()

    async def get(self, target, head=''):
        """Send a request; return the answer."""
        return await self.send(f'GET {target} HTTP/1.1\r\nHost: localhost\r\n{head}'
                               'Connection: close\r\n\r\n'.encode())


@asynccontextmanager
async def serving(**options):
    """Run a Server."""
    server = Server(**options)
    app = server.build()
    runner = await listen(app, access_log_class=access_logger(app, server.lines.append),
                          logger=quiet_aiohttp(), lingering_time=0.1, shutdown_timeout=0.1)
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


async def _hello(_):
    return web.Response(text='hello')


async def _large(_):
    return web.Response(body=bytes(10**7))


async def _boom(_):
    raise RuntimeError('a mistake')


async def _read(request):
    return web.Response(body=await request.read())


@pytest.fixture(autouse=True)
def _everything(caplog):
    caplog.set_level(logging.INFO, 'asyncio')  # not which selector it uses, and such
    caplog.set_level(logging.DEBUG)


def test_one_line_a_request_tells_who_what_and_how_much():
    async def test():
        async with serving(token='') as server:
            sent = await server.get('/?a=b&token=x')
            await server.get('/nowhere')
            while len(server.lines) < 2:
                await asyncio.sleep(0)
            return server.lines, len(sent)
    lines, size = asyncio.run(test())
    assert re.fullmatch(rf'127\.0\.0\.1 GET / 200 {size} bytes \d\.\d{{3}} s', lines[0])
    assert re.fullmatch(r'127\.0\.0\.1 GET /nowhere 404 \d+ bytes \d\.\d{3} s', lines[1])
    assert len(lines) == 2


def test_what_has_been_sent_of_an_answer_that_was_not_taken_is_told():
    async def test():
        async with serving(token='') as server:
            reader, writer = await asyncio.open_connection('127.0.0.1', server.port, limit=1024)
            writer.write(b'GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n')
            await reader.readuntil(b'\r\n\r\n')
            writer.transport.abort()
            while not server.lines:
                await asyncio.sleep(0)
            return server.lines
    line, = asyncio.run(test())
    assert int(re.fullmatch(r'127\.0\.0\.1 GET /large 200 (\d+) bytes .*', line)[1]) > 0


@pytest.mark.parametrize(('target', 'shown'), [
    ('/%0aGET%20/%1b%5b31m', '/\\nGET\\x20/\\x1b[31m'),
    ('/%0d%00%7f%c2%85', '/\\r\\x00\\x7f\\x85'),
    ('/%ff%e2%80%ae', '/%ff\\u202e'),
    ('/' + 'x' * 5000, '/' + 'x' * 119 + '…'),
    ('/' + '%0a' * 1000, '/' + '\\n' * 59 + '\\…')])
def test_a_line_stays_a_line(target, shown):
    async def test():
        async with serving() as server:
            await server.get(target)
            return server.lines
    line, = asyncio.run(test())
    assert line.split(' ')[:4] == ['127.0.0.1', 'GET', shown, '401']
    assert line.isprintable()


def test_a_line_has_as_many_words_where_there_is_no_path():
    async def test():
        async with serving() as server:
            await server.send(b'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', True)
            while not server.lines:
                await asyncio.sleep(0)
            return server.lines
    line, = asyncio.run(test())
    assert re.fullmatch(r'127\.0\.0\.1 CONNECT (-|localhost:1) 401 \d+ bytes \S+ s', line)


def test_malformed_requests_leave_one_quiet_line_each(caplog):
    async def test():
        async with serving() as server:
            for data in (b'\x16\x03\x01\x02\x00\x01\x00\xfc', b'GET / HTTP/7\r\n\r\n',
                         b'\x00\r\n\r\n', b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\n\r\n',
                         b'GET / HTTP/1.1\r\nNo header\r\n\r\n',
                         b'GET / HTTP/1.1\r\nX: ' + b'y' * 9000 + b'\r\n\r\n',
                         b'POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
                         b'POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
                         b'ZZ\r\nx\r\n0\r\n\r\n'):
                caplog.clear()
                assert b' 400 Bad Request' in await server.send(data)
                message, = [record.getMessage() for record in caplog.records]
                assert re.fullmatch(rf'{HANDLING}: \w+', message)
                assert [record.levelname for record in caplog.records] == ['DEBUG']
                assert caplog.records[0].exc_info is None
    asyncio.run(test())


@pytest.mark.parametrize('head', [
    b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n', b'GET http://[::1 HTTP/1.1\r\nHost: a\r\n',
    b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 200])
def test_what_aiohttp_came_to_refuse_is_refused_quietly(caplog, head):
    async def test():
        async with serving() as server:
            return await server.send(head + b'Connection: close\r\n\r\n', True)
    # Up to aiohttp 3.8, some of it comes to us, and some ends the connection.
    assert asyncio.run(test())[8:13] in (b' 400 ', b' 403 ', b'')
    assert [record for record in caplog.records
            if record.exc_info or record.levelno > logging.DEBUG] == []


def test_malformed_bodies_leave_no_traceback(caplog):
    async def test():
        async with serving(token='') as server:
            for path, status in (('unread', b'200'), ('read', b'400')):
                caplog.clear()
                answer = await server.send(
                    f'POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n'
                    'Content-Length: 5\r\nConnection: close\r\n\r\nabcde'.encode())
                assert answer.split(b' ')[1] == status
                while not caplog.records:
                    await asyncio.sleep(0)
                record, = caplog.records
                assert record.getMessage() == 'Unhandled exception: RequestPayloadError'
                assert record.levelname == 'DEBUG'
    asyncio.run(test())


def test_an_expectation_that_is_no_text_leaves_no_traceback(caplog):
    async def test():
        async with serving() as server:  # aiohttp fails over it before it asks any middleware
            return await server.send(b'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: \xff\r\n'
                                     b'Connection: close\r\n\r\n')
    assert b'500 Internal Server Error' in asyncio.run(test())
    message, = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(f'{HANDLING}: UnicodeEncodeError', message)
    assert caplog.records[0].exc_info is None


def test_nothing_is_written_of_malformed_requests_unless_debugging(caplog):
    async def test():
        async with serving() as server:
            assert b' 400 ' in await server.send(b'GET / HTTP/7\r\n\r\n')
    caplog.set_level(logging.INFO)
    caplog.handler.setLevel(logging.NOTSET)  # it is the logger that keeps silent
    asyncio.run(test())
    assert caplog.records == []


def test_failures_of_the_server_itself_keep_their_tracebacks(caplog):
    async def fail():
        raise RuntimeError('a mistake')

    async def test():
        for _ in range(2):
            try:
                await fail()
            except RuntimeError:
                quiet_aiohttp().exception('Unhandled exception')
        asyncio.create_task(fail())  # noqa: RUF006 - nobody may hold it
        await asyncio.sleep(0)
    gc.collect()  # what tests before this one have left is not its own
    caplog.clear()
    asyncio.run(test())
    gc.collect()
    assert [record.levelname for record in caplog.records] == ['ERROR'] * 3
    assert caplog.text.count('RuntimeError: a mistake') == 3


def test_an_address_that_is_no_name_leaves_no_traceback(caplog):
    async def test():
        async with serving() as server:  # aiohttp's task dies of it, and cannot be asked
            answer = await server.send(b'GET http://xn--a/ HTTP/1.1\r\nHost: a\r\n\r\n', True)
            while not (answer or caplog.records):
                gc.collect()
                await asyncio.sleep(0)
            assert b'hello' in await server.get('/healthz')
            return answer
    answer = asyncio.run(test())
    if answer:  # aiohttp 3.8.1 has not read it
        assert b' 403 Forbidden' in answer
    assert [(record.levelname, record.exc_info, record.getMessage()) for record in caplog.records
            ] == ([] if answer else [('DEBUG', None, 'Unhandled exception: UnicodeError')])


def test_that_no_more_connections_can_be_had_is_a_line(caplog):
    async def test():
        quiet_aiohttp()
        asyncio.get_running_loop().call_exception_handler({
            'message': 'socket.accept() out of system resource', 'socket': None,
            'exception': OSError(errno.EMFILE, 'Too many open files')})
    asyncio.run(test())
    record, = caplog.records
    assert (record.levelname, record.exc_info) == ('WARNING', None)
    assert 'Too many open files' in record.getMessage()


def test_the_token_is_nowhere(caplog):
    """Neither in what is logged nor in what is answered, right or nearly so."""
    async def test():
        async with serving() as server:
            answers = []
            for token in (TOKEN, ALMOST):
                form = f'token={token}&next=/x'
                answers += [
                    await server.get(f'/?token={token}'),
                    await server.get(f'/?token={token}', 'Accept: text/html\r\n'),
                    await server.get(f'/boom?token={token}'),
                    await server.get('/boom', f'Authorization: Bearer {token}\r\n'),
                    await server.get(f'/nowhere?token={token}'),
                    await server.get(f'/login?token={token}'),
                    await server.get(f'/large&token={token}'),
                    await server.get(f'/large%3Ftoken={token}'),
                    await server.get('/', f'Cookie: pi_camera_stream={token}\r\n'),
                    await server.get('/', f'Origin: null\r\nX-Token: {token}\r\n'),
                    await server.get(f'/?token={token}', 'If-Modified-Since: now\r\n'),
                    await server.send(
                        'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: '
                        f'application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n'
                        f'Connection: close\r\n\r\n{form}'.encode()),
                ]
                # aiohttp repeats what it cannot read, but only to him who sent it.
                await server.send(f'GET /?token={token} HTTP/7\r\n\r\n'.encode())
                await server.send(f'GET /?token={token}\x01 HTTP/1.1\r\n\r\n'.encode())
            for _ in range(12):
                answers.append(await server.get(f'/?token={ALMOST}'))
            answers.append(await server.get(f'/?token={TOKEN}'))
            return answers, [*server.lines, *server.said]
    answers, lines = asyncio.run(test())
    assert {int(answer.split(b' ')[1]) for answer in answers} == {
        200, 303, 401, 404, 429, 500}
    written = '\n'.join([*lines, caplog.text, *map(repr, caplog.records)])
    assert 'Error handling request' in written
    assert 'a mistake' in written
    assert '/large&token=***' in written
    assert 'wrong access tokens' in written
    for secret in (TOKEN, ALMOST):
        assert secret not in written
        assert not any(secret.encode() in answer for answer in answers)


def _garbage(dice):
    """Return what nobody would send who means well: noise, or a request with something wrong."""
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(1, 400)) + dice.choice([b'', b'\r\n\r\n'])
    body = dice.choice([b'', b'', b'token=x', b'a=%ff;&=', b'ZZ\r\n', dice.randbytes(50)])
    lines = [dice.choice(_ODD) for _ in range(dice.randrange(4))]
    if body and dice.random() < 0.9:
        lines.append(b'Content-Length: %d\r\n' % len(body))
    if dice.random() < 0.1:
        lines.append(dice.choice(_BAD))
    request = bytearray(b'%b %b HTTP/%b\r\nHost: %b\r\n%b\r\n%b' % (
        dice.choice([*[b'GET', b'POST'] * 5, b'HEAD', b'OPTIONS', b'CONNECT', b'PRI']),
        dice.choice(_TARGETS),
        dice.choice([*[b'1.1'] * 18, b'1.0', b'2.0', b'']),
        dice.choice([*[b'localhost'] * 9, b'', b'[::1', b'\xff', b'evil', b'a:b:c', b'[::1]:9']),
        b''.join(dict.fromkeys(lines)), body))
    for _ in range(dice.choice([0, 0, 0, 0, 1, 3])):
        request[dice.randrange(len(request))] = dice.randrange(256)
    return bytes(request) * dice.choice([1, 1, 1, 2])


_TARGETS = [
    b'/', b'/login', b'/?token=%ff&token', b'/static/%00', b'/static/../x', b'*', b'//x',
    b'/static/' + b'a' * 4000, b'http://[', b'http://a:99999/', b'/%', b'/read', b'/unread',
    b'/\xff', b'http://xn--a/',
    b'/static/login/login.css', b'/login?next=%0d', b'http://evil/?token', b'/?%ff=%00&&=']
_ODD = [
    b'Content-Type: application/x-www-form-urlencoded\r\n', b'Expect: 100-continue\r\n',
    b'Content-Type: multipart/form-data; boundary=\xff\r\n', b'Expect: much\r\n',
    b'Content-Type: application/x-www-form-urlencoded; charset=odd\r\n', b'Expect: \xff\r\n',
    b'Connection: upgrade\r\nUpgrade: websocket\r\n', b'Connection: upgrade\r\nUpgrade: h2c\r\n',
    b'Origin: http://[\r\n', b'Origin: \xff\r\n', b'Origin: null\r\n', b'Accept: text/html\r\n',
    b'Cookie: pi_camera_stream=\xff; =; ";\r\n', b'Authorization: Bearer \xff\r\n',
    b'Authorization:\r\n', b'Range: bytes=9-1\r\n', b'Range: bytes=' + b'9' * 5000 + b'-\r\n',
    b'If-Modified-Since: Mon, 01 Jan 99999999999999999999 00:00:00 GMT\r\n',
    b'If-Range: Mon, 01 Jan 0000 00:00:00 GMT\r\n', b'If-None-Match: "\xff\r\n',
    b'Content-Encoding: gzip\r\n', b'Accept-Encoding: gzip;q=x, \xff\r\n']
_BAD = [
    b'Transfer-Encoding: chunked\r\n', b'Content-Length: 99999999\r\n', b'Content-Length: -5\r\n',
    b'Content-Encoding: br\r\n', b'Folded: a\r\n b\r\n', b'X:\0\r\n', b': nameless\r\n']


@pytest.mark.parametrize('token', [TOKEN, ''])
def test_garbage_does_no_harm_and_leaves_no_traceback(caplog, token):
    async def test():
        dice = random.Random(5)
        async with serving(token=token) as server:
            for _ in range(FUZZED):
                await server.send(_garbage(dice), ended=True)
            assert b'hello' in await server.get('/healthz')
            gc.collect()
            return server.lines
    lines = asyncio.run(test())
    statuses = {line.split(' ')[3] for line in lines}
    assert statuses >= {'200', '400', '403', '417', '401' if token else '404'}
    assert len(caplog.records) > FUZZED / 10
    assert [record for record in caplog.records
            if record.exc_info or record.levelno > logging.DEBUG] == []
    assert all(line.isprintable() and len(line) < 250 for line in lines)
