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

"""What strangers can do to the server without a token, by real sockets."""

from contextlib import ExitStack
import http.client
import os
import resource
import select
import socket
import struct
import time
import urllib.request

from pi_camera_stream.web.access.access_rules import AccessRules
import pytest
from support.processes import running, WAIT_S, wait_until
from support.site import certificate, ended, GET, reset, site, UPGRADE

LARGE = 1600, 1200  # pixels: a picture of noise is larger than what the kernels take of it
BUFFER_BYTES = 4096
PATIENCE_S = 1.0
FORM = ('POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n'
        'Content-Type: application/x-www-form-urlencoded\r\n\r\n')  # which never comes


@pytest.fixture
def tls(tmp_path, missing):
    return certificate(tmp_path, missing)


def get(where, path='/healthz', tls=None, **headers):
    """Return status and text of an answer."""
    connection = http.client.HTTPConnection('localhost', where.server.port, WAIT_S) \
        if tls is None else http.client.HTTPSConnection('localhost', where.server.port,
                                                        timeout=WAIT_S, context=tls)
    try:
        connection.request('GET', path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(1 << 20 if answer.length is None else None)
    finally:
        connection.close()


def test_who_does_not_begin_to_speak_tls_is_let_go(tls):
    with site(tls=tls[0], patience_s=PATIENCE_S) as here, here.connected() as client:
        assert ended(client)


def test_who_does_not_go_on_with_tls_is_let_go(tls):
    with site(tls=tls[0], patience_s=PATIENCE_S) as here, here.connected('\x16') as client:
        assert ended(client)
        assert get(here, tls=tls[1]) == (200, b'ok\n')


@pytest.mark.parametrize('text', ['', '\x16\x03\x01'])
def test_of_those_who_say_nothing_the_oldest_of_the_most_numerous_visitor_goes(tls, text):
    with site(tls=tls[0], counted=str) as here, ExitStack() as stack:
        other = stack.enter_context(here.connected(text, source='127.0.0.2'))
        many = [stack.enter_context(here.connected(text)) for _ in range(140)]
        for client in many[:12]:
            assert ended(client)
        assert not reset(many[-1], 0) and not reset(other, 0)
        assert get(here, tls=tls[1]) == (200, b'ok\n')
        stack.close()
        wait_until(lambda: not here.reaper._newcomers)


def test_they_are_not_too_many_in_all_either(tls):
    with site(tls=tls[0], counted=lambda _: '') as here, ExitStack() as stack:
        many = [stack.enter_context(here.connected()) for _ in range(300)]
        for client in many[:44]:
            assert ended(client)
        assert not reset(many[-1], 0)
        assert get(here, tls=tls[1]) == (200, b'ok\n')


def test_who_speaks_something_else_is_let_go_and_nothing_is_said(tls, caplog):
    with site(tls=tls[0]) as here:
        for text in ('GET / HTTP/1.1\r\n\r\n', '\x16\x03', '\x80' * 600):
            with here.connected(text) as client:
                client.shutdown(1)
                while client.recv(1000):
                    pass
        assert get(here, tls=tls[1]) == (200, b'ok\n')
    assert not [record for record in caplog.records if record.levelname != 'DEBUG']


@pytest.mark.parametrize('secure', [False, True], ids=['http', 'https'])
@pytest.mark.parametrize('text', [
    GET.format('/stream.mjpg'), UPGRADE.format('/ws'), GET.format('/snapshot.jpg'),
    GET.format('/snapshot.jpg').replace('HTTP/1.1', 'HTTP/1.0'),
    GET.format('/static/driving/driving.css') * 15,
    GET.format('/metrics') * 15], ids=['mjpeg', 'websocket', 'snapshot', 'closing snapshot',
                                       'files', 'figures'])
def test_who_does_not_read_is_let_go(tls, text, secure, caplog):
    options = {'tls': tls[0]} if secure else {}
    with site(LARGE, patience_s=PATIENCE_S, **options) as here:
        with here.connected(text, BUFFER_BYTES, tls[1] if secure else None):
            wait_until(here.connections)
            wait_until(lambda: not here.connections())
            assert not here.viewers() and not here.app._snapshots.viewers
        assert get(here, tls=tls[1] if secure else None) == (200, b'ok\n')
    assert 'Traceback' not in caplog.text and 'failed' not in caplog.text


def test_who_reads_slowly_is_not_let_go():
    with site(LARGE, patience_s=PATIENCE_S) as here, here.connected(
            GET.format('/stream.mjpg'), BUFFER_BYTES) as client:
        poll_s, taken = PATIENCE_S / 4, 0
        while taken < 16 * BUFFER_BYTES:
            reset(client, poll_s)  # which lets the time pass
            came = client.recv(BUFFER_BYTES)
            assert came
            taken += len(came)
        assert here.viewers() == 1


def test_who_asks_far_ahead_without_reading_is_let_go():
    with site(LARGE) as here, here.connected(
            GET.format('/snapshot.jpg') * 200, BUFFER_BYTES) as client:
        assert reset(client)


def test_some_requests_may_be_sent_together():
    with site() as here, here.connected(GET.format('/healthz') * 10) as client:
        came = b''
        while came.count(b'ok\n') < 10:
            came += client.recv(4096)


def test_more_requests_at_a_time_than_are_good_are_refused():
    with site(rules=AccessRules(access_token='correct-horse'), counted=str) as here, \
            ExitStack() as stack:
        for _ in range(128):
            stack.enter_context(here.connected(FORM))
        wait_until(lambda: here.asking() == 128)
        with here.connected(GET.format('/healthz')) as client:
            assert client.recv(100).startswith(b'HTTP/1.1 503 ')
        with here.connected(GET.format('/healthz'), source='127.0.0.2') as client:
            assert client.recv(100).startswith(b'HTTP/1.1 200 ')


def test_where_they_are_too_many_in_all_those_of_the_most_numerous_visitor_make_room():
    with site(rules=AccessRules(access_token='correct-horse'), counted=str) as here, \
            ExitStack() as stack:
        clients = [stack.enter_context(here.connected(FORM, source=source))
                   for source in ['127.0.0.1'] * 128 + ['127.0.0.2'] * 127 + ['127.0.0.3']]
        wait_until(lambda: here.asking() == len(clients))
        with here.connected(GET.format('/healthz'), source='127.0.0.4') as client:
            assert client.recv(100).startswith(b'HTTP/1.1 200 ')
        wait_until(lambda: any(reset(client, 0) for client in clients[:128]))
        assert not any(reset(client, 0) for client in clients[128:])


def test_frames_that_make_no_message_are_not_read_without_end():
    """What a WebSocket sends is taken at some rate, whatever it is."""
    begin, piece = b'\x01\x80\0\0\0\0', b'\x00\x80\0\0\0\0' * 10000  # masked, and empty
    with site() as here, here.connected(UPGRADE.format('/ws'), 4 * 2**20) as client:
        client.sendall(begin)
        client.setblocking(False)
        begun_s, sent = time.monotonic(), 0
        while time.monotonic() < begun_s + 2:
            try:
                sent += client.send(piece)
            except BlockingIOError:
                select.select([], [client], [], 0.1)
        sender_bytes = client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert sent - sender_bytes < 131072 + 65536 * (time.monotonic() - begun_s) + 2**17


@pytest.mark.parametrize('path', ['/static/driving/driving.css', '/', '/snapshot.jpg',
                                  '/stream.mjpg'])
def test_who_goes_in_the_midst_of_an_answer_leaves_no_traceback(path, caplog):
    caplog.set_level('WARNING')
    with site(LARGE) as here:
        for taken in (0, 1, 1000, 20000):
            with here.connected(GET.format(path) * 3, BUFFER_BYTES) as client:
                client.recv(taken, socket.MSG_WAITALL)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        wait_until(lambda: not here.asking())
        assert get(here) == (200, b'ok\n')
    assert [record.getMessage() for record in caplog.records] == []


PROXY = {'trusted_proxies': ('127.0.0.2', '198.51.100.0/24'), 'max_viewers_per_address': 1}


@pytest.mark.parametrize(('source', 'forwarded', 'counted'), [
    ('127.0.0.1', '192.0.2.1', '127.0.0.1'),  # who is not trusted may say what it wants
    ('127.0.0.2', '192.0.2.1', '192.0.2.1'),
    ('127.0.0.2', '203.0.113.9, 192.0.2.1', '192.0.2.1'),  # the first is what its client said
    ('127.0.0.2', '192.0.2.1, 198.51.100.7', '192.0.2.1'),
    ('127.0.0.2', '[2001:db8::1]:4711', '2001:db8::1'),
    ('127.0.0.2', '192.0.2.1:80', '192.0.2.1'),
    ('127.0.0.2', '192.0.2.1, nonsense', '127.0.0.2'),
    ('127.0.0.2', '', '127.0.0.2')])
def test_of_proxies_only_the_trusted_ones_are_believed(source, forwarded, counted):
    head = f'\r\nX-Forwarded-For: {forwarded}\r\n\r\n' if forwarded else '\r\n\r\n'
    text = GET.format('/stream.mjpg').replace('\r\n\r\n', head)
    with site(rules=AccessRules(**PROXY)) as here, here.connected(text, source=source) as first:
        assert first.recv(12) == b'HTTP/1.1 200'
        viewer, = here.catalog.stream().viewers
        assert viewer.address == counted
        limited = counted not in ('127.0.0.1', '127.0.0.2')
        with here.connected(text, source=source) as second:
            assert second.recv(12) == (b'HTTP/1.1 429' if limited else b'HTTP/1.1 200')


def test_custom_sizes_of_one_address_are_few():
    with site(rules=AccessRules(trusted_proxies=('127.0.0.2',))) as here, ExitStack() as stack:
        def ask(width, address):
            text = GET.format(f'/stream.mjpg?width={width}').replace(
                '\r\n\r\n', f'\r\nX-Forwarded-For: {address}\r\n\r\n')
            client = stack.enter_context(here.connected(text, source='127.0.0.2'))
            answer = client.recv(4000)
            while b' 503 ' in answer[:20] and answer.endswith(b'\r\n\r\n'):  # its words follow
                answer += client.recv(4000)
            return answer.decode()
        for width in (16, 17, 18, 19):
            assert ask(width, '192.0.2.1').startswith('HTTP/1.1 200')
        refusal = ask(20, '192.0.2.1')
        assert refusal.startswith('HTTP/1.1 503') and '4 custom sizes and qualities' in refusal
        assert ask(19, '192.0.2.1').startswith('HTTP/1.1 200')  # which is made already
        assert ask(20, '192.0.2.2').startswith('HTTP/1.1 200')


def test_without_any_descriptors_left_it_says_so_once_and_goes_on_afterwards():
    with running('serve', '--source', 'pattern', '--size', '64x48', '--address', '127.0.0.1',
                 '--port', 0) as program:
        port = int(program.wait_for(r'Open http://\S+:(\d+)/').group(1))
        before = resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)
        few = len(os.listdir(f'/proc/{program.process.pid}/fd')) + 20
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, (few, before[1]))
        with ExitStack() as stack:
            for _ in range(60):
                stack.enter_context(socket.create_connection(('127.0.0.1', port), WAIT_S))
            program.wait_for('no more connections can be accepted')
            time.sleep(2)  # for more of the same
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, before)
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/healthz', timeout=WAIT_S) as answer:
            assert answer.read() == b'ok\n'
    assert program.output.count('accept') == 1
