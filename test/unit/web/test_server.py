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

from pi_camera_stream.web.access.access_rules import AccessRules
import pytest
from support.processes import WAIT_S, wait_until
from support.site import certificate, ended, GET, reset, site, UPGRADE

LARGE = 1600, 1200  # pixels: a picture of noise is larger than what the kernels take of it
BUFFER_BYTES = 4096
PATIENCE_S = 1.0


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
    form = ('POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n'
            'Content-Type: application/x-www-form-urlencoded\r\n\r\n')  # which never comes
    with site(rules=AccessRules(access_token='correct-horse'), counted=str) as here, \
            ExitStack() as stack:
        for _ in range(128):
            stack.enter_context(here.connected(form))
        wait_until(lambda: here.asking() == 128)
        with here.connected(GET.format('/healthz')) as client:
            assert client.recv(100).startswith(b'HTTP/1.1 503 ')
        with here.connected(GET.format('/healthz'), source='127.0.0.2') as client:
            assert client.recv(100).startswith(b'HTTP/1.1 200 ')
