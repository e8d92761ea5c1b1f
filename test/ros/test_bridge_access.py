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

"""The bridge lets in whom it is told to."""

from contextlib import closing, ExitStack
import http.client
import json
import socket
import ssl
from urllib.parse import quote, urlencode
import urllib.request

from pi_camera_stream.tools.secure import command
import pytest
from support import pictures
from support.guest import Camera
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.web import ask, bridge, get, parts, state

TOKEN = 'correct-horse/battery+1'
WRONG = 'wrong-horse-battery'
GUARDED = ('/', '/streams', '/state', '/metrics', '/stream.mjpg', '/stream.h264',
           '/stream?topic=/x', '/ws', '/snapshot.jpg', '/snapshot', '/stream_viewer', '/nothing')
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
ELSEWHERE = 'https://evil.example'


def log_in(port, token):
    body = urlencode({'token': token, 'next': '/?tier=low'})
    return ask(port, '/login', 'POST', body, **FORM)[:2]


def hello(program, tls=None, **headers):
    """Open a WebSocket; return its first message, or the status of the refusal."""
    connection = http.client.HTTPSConnection('127.0.0.1', program.port, context=tls) if tls else \
        http.client.HTTPConnection('127.0.0.1', program.port, WAIT_S)
    with closing(connection):
        connection.request('GET', '/ws', headers={
            'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', **headers})
        answer = connection.getresponse()
        with answer:
            if answer.status != 101:
                return answer.status
            kind, size = answer.fp.read(2)
            assert kind == 0x81  # a whole message of text (RFC 6455, 5.2)
            if size == 126:
                size = int.from_bytes(answer.fp.read(2), 'big')
            return json.loads(answer.fp.read(size))


def watch(port, headers=None, **options):
    """Open an endless picture; return the connection when the head of the answer has come."""
    viewer = socket.create_connection(('127.0.0.1', port), WAIT_S, **options)
    head = {'Host': '127.0.0.1', **(headers or {})}
    lines = [f'{name}: {value}' for name, value in head.items()]
    viewer.sendall('\r\n'.join(['GET /stream.mjpg HTTP/1.1', *lines, '', '']).encode())
    assert viewer.recv(12, socket.MSG_WAITALL) == b'HTTP/1.1 200'
    return viewer


def test_without_the_token_nothing_is_shown():
    with bridge(access_token=TOKEN) as program:
        for path in GUARDED:
            status, headers, text = ask(program.port, path)
            assert (status, headers['WWW-Authenticate']) == (401, 'Bearer'), path
            assert text.startswith('access token required')
        assert hello(program) == 401
        assert ask(program.port, '/', Accept='text/html')[1]['Location'] == './login?next=%2F'
        for path in ('/healthz', '/login', '/static/viewer/viewer.js'):
            assert ask(program.port, path)[0] == 200


def test_the_token_opens_all_and_is_never_printed(guest):
    camera = Camera(guest)
    with bridge(access_token=TOKEN, access_log='true') as program:
        bearer, query = {'Authorization': f'Bearer {TOKEN}'}, f'?token={quote(TOKEN, safe="")}'
        status, headers = log_in(program.port, TOKEN)
        assert (status, headers['Location']) == (303, './?tier=low')
        assert {'HttpOnly', 'SameSite=Lax'} <= set(headers['Set-Cookie'].split('; '))
        assert 'Secure' not in headers['Set-Cookie']
        cookie = {'Cookie': headers['Set-Cookie'].partition(';')[0]}
        for path, known in (('/streams', bearer), (f'/streams{query}', {}), ('/streams', cookie)):
            assert ask(program.port, path, **known)[0] == 200
        assert hello(program, **cookie)['type'] == hello(program, **bearer)['type'] == 'hello'
        url = f'{program.url}stream.mjpg{query}&tier=full'
        with get(url) as response:
            camera.send_until(pictures.jpeg(), lambda: json.loads(ask(
                program.port, '/state', **cookie)[2])['streams'][0]['viewers'][0]['frames_sent'])
            viewer = parts(response)  # the first one may say that none comes yet
            wait_until(lambda: next(viewer)[1] == pictures.jpeg())
        assert ask(program.port, f'/{query}')[1]['Location'] == './'
        # Not where it belongs, and yet not told.
        for path in (f'/token={TOKEN}', f'/nothing{query}', f'/login{query}'):
            ask(program.port, path)
        program.wait_for(r'127\.0\.0\.1 POST /login 303 \d+ bytes')
        program.wait_for(r'127\.0\.0\.1 GET /stream\.mjpg 200 \d+ bytes')
        program.wait_for(r'127\.0\.0\.1 GET /token=\*\*\* 401')
        program.wait_for(r'127\.0\.0\.1 GET /login 200')
    secret = cookie['Cookie'].partition('=')[2]
    assert len(secret) > 20
    for word in (TOKEN, quote(TOKEN, safe=''), quote(TOKEN), 'horse', secret):
        assert word not in program.output


def test_a_wrong_token_is_refused_and_guessing_does_not_lock_out():
    with bridge(access_token=TOKEN) as program:
        cookie = {'Cookie': log_in(program.port, TOKEN)[1]['Set-Cookie'].partition(';')[0]}
        name = cookie['Cookie'].partition('=')[0]
        for path, headers in (('/streams', {'Authorization': f'Bearer {WRONG}'}),
                              (f'/streams?token={WRONG}', {}),
                              ('/streams', {'Cookie': f'{name}={WRONG}'}),
                              ('/streams', {'Cookie': f'{name}={TOKEN}'})):
            assert ask(program.port, path, **headers)[0] == 401
        status, headers = log_in(program.port, WRONG)
        assert (status, headers['Location']) == (
            303, './login?next=%2F%3Ftier%3Dlow&wrong=1')
        assert 'Set-Cookie' not in headers
        for _ in range(7):  # with the three above, ten
            assert log_in(program.port, WRONG)[0] == 303
        status, headers, _ = ask(program.port, '/streams', Authorization=f'Bearer {WRONG}')
        assert status == 429
        assert 0 < int(headers['Retry-After']) <= 60
        status, headers = log_in(program.port, TOKEN)  # which others must not lock out
        assert (status, 'Set-Cookie' in headers) == (303, True)
        assert ask(program.port, '/streams', **cookie)[0] == 200
        assert ask(program.port, f'/streams?token={quote(TOKEN, safe="")}')[0] == 200
        program.wait_for(r'127\.0\.0\.1 has sent 10 wrong access tokens within a minute')
    assert WRONG not in program.output


def test_two_bridges_on_one_machine_know_their_own_visitors():
    """A browser sends what it keeps for a machine to all of its ports."""
    with bridge(access_token=TOKEN) as first, bridge(access_token=f'{TOKEN}2') as second:
        kept = [log_in(program.port, token)[1]['Set-Cookie'].partition(';')[0]
                for program, token in ((first, TOKEN), (second, f'{TOKEN}2'))]
        assert len({cookie.partition('=')[0] for cookie in kept}) == 2
        for program in (first, second):
            assert ask(program.port, '/streams', Cookie='; '.join(kept))[0] == 200
        assert ask(first.port, '/streams', Cookie=kept[1])[0] == 401


def test_who_was_logged_in_is_so_after_the_bridge_was_killed_and_started_again():
    values = {'access_token': TOKEN, 'address': '127.0.0.1'}
    program = Program('bridge', *parameters(port=0, **values))
    try:
        port = int(program.wait_for(r'at http://\S+:(\d+)/')[1])
        cookies = [{'Cookie': log_in(port, TOKEN)[1]['Set-Cookie'].partition(';')[0]}
                   for _ in range(3)]
        ask(port, '/logout', 'POST', **cookies[0])
        assert [ask(port, '/streams', **cookie)[0] for cookie in cookies] == [401, 200, 200]
    finally:
        program.process.kill()
        program.wait()
    with running('bridge', *parameters(port=port, **values)) as program:
        program.wait_for(r'showing ')
        program.port = port
        assert [hello(program, **cookie)['type'] for cookie in cookies[1:]] == ['hello'] * 2
    with running('bridge', *parameters(port=port, **values | {'access_token': f'{TOKEN}2'})
                 ) as program:
        program.wait_for(r'showing ')
        assert [ask(port, '/streams', **cookie)[0] for cookie in cookies] == [401] * 3


def test_pages_of_other_sites_may_not_open_a_websocket():
    with bridge(allowed_origins='https://friend.example') as program:
        own = program.url.rstrip('/')
        for origin in (own, 'https://friend.example'):
            assert hello(program, Origin=origin)['type'] == 'hello'
        assert hello(program)['type'] == 'hello'  # a program, not a browser
        for origin in (ELSEWHERE, 'null', 'http://friend.example', f'{own}0',
                       'https://friend.example.evil.example', 'http://localhost:1'):
            assert hello(program, Origin=origin) == 403
        status, headers, _ = ask(program.port, '/streams', Origin=ELSEWHERE)
        assert (status, headers['Access-Control-Allow-Origin']) == (200, None)  # cannot be read
        status, headers, _ = ask(program.port, '/streams', Origin='https://friend.example')
        assert (status, headers['Access-Control-Allow-Origin']) == (200, 'https://friend.example')
        assert ask(program.port, '/login', 'POST', '', Origin=ELSEWHERE, **FORM)[0] == 403
        program.wait_for("pages of 'https://evil.example' may not do this")
    assert program.output.count("pages of 'https://evil.example'") == 1


def test_names_that_are_not_its_own_are_refused():
    with bridge(allowed_hosts='robot.example, Camera.Example') as program:
        for host in ('127.0.0.1', f'localhost:{program.port}', '[::1]', '192.0.2.9:80',
                     socket.gethostname(), 'robot.example', 'camera.example:8080'):
            assert ask(program.port, '/streams', Host=host)[0] == 200, host
        for host in ('evil.example', 'robot.example.evil.example', 'x.robot.example', ''):
            for path in ('/', '/streams', '/stream.mjpg', '/healthz', '/nothing'):
                status, _, text = ask(program.port, path, Host=host)
                assert status == 403, (host, path)
                assert "add the name to the parameter 'allowed_hosts'" in text
        assert hello(program, Host='evil.example') == 403
        program.wait_for('allowed_hosts')
    assert program.output.count("'evil.example' is not a known") == 1


def test_no_more_than_so_many_may_watch():
    with bridge(max_viewers=2) as program, ExitStack() as viewers:
        first, _ = (viewers.enter_context(watch(program.port)) for _ in range(2))
        for path in ('/stream.mjpg', '/stream?tier=low'):
            status, headers, text = ask(program.port, path)
            assert (status, headers['Retry-After']) == (503, '10')
            assert 'max_viewers = 2' in text
        assert hello(program) == 503
        assert len(state(program.url)['viewers']) == 2
        first.close()
        wait_until(lambda: len(state(program.url)['viewers']) == 1)
        viewers.enter_context(watch(program.port))


def test_no_more_than_so_many_may_watch_from_one_address_of_which_proxies_tell():
    of_one = {'X-Forwarded-For': '192.0.2.1'}
    with bridge(max_viewers_per_address=1, trusted_proxies='127.0.0.2') as program, closing(
            watch(program.port, of_one, source_address=('127.0.0.2', 0))):
        status, headers, text = ask(program.port, '/stream.mjpg', source='127.0.0.2', **of_one)
        assert (status, headers['Retry-After']) == (429, '10')
        assert "the parameter 'max_viewers_per_address'" in text
        with closing(watch(program.port, of_one)), closing(watch(program.port)):
            assert [viewer['address'] for viewer in state(program.url)['viewers']] == [
                '192.0.2.1', '127.0.0.1', '127.0.0.1']


def test_https_shows_pictures_to_who_trusts_the_certificate(guest, certificate):
    camera, (certfile, keyfile) = Camera(guest), certificate
    trusting = ssl.create_default_context(cafile=certfile)
    with bridge(certfile=certfile, keyfile=keyfile, access_token=TOKEN) as program:
        assert program.url.startswith('https://')

        def fetch(path, data=None, **headers):
            request = urllib.request.Request(f'{program.url}{path}', data, headers)
            opener = urllib.request.build_opener(
                urllib.request.HTTPSHandler(context=trusting), NoRedirects())
            return opener.open(request, timeout=WAIT_S)

        with fetch('login', urlencode({'token': TOKEN}).encode()) as answer:
            assert 'Secure' in answer.headers['Set-Cookie'].split('; ')
            cookie = {'Cookie': answer.headers['Set-Cookie'].partition(';')[0]}
        with fetch('stream.mjpg?tier=full', **cookie) as response:
            camera.send_until(pictures.jpeg(), lambda: json.load(
                fetch('state', **cookie))['streams'][0]['viewers'][0]['frames_sent'])
            viewer = parts(response)  # the first one may say that none comes yet
            wait_until(lambda: next(viewer)[1] == pictures.jpeg())
        assert hello(program, trusting, **cookie)['type'] == 'hello'
        with pytest.raises(urllib.error.URLError, match='CERTIFICATE_VERIFY_FAILED'):
            get(f'{program.url}healthz')
        for unencrypted in (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', b'\0' * 100):
            with socket.create_connection(('127.0.0.1', program.port), WAIT_S) as plain:
                plain.sendall(unencrypted)
                assert_ends(plain)
        assert fetch('healthz').read() == b'ok\n'


def test_what_secure_has_made_is_taken(cryptography, tmp_path):
    assert command.main(['--folder', str(tmp_path), '--drive']) == 0
    with running('bridge', *parameters(port=0, address='127.0.0.1'), '--params-file',
                 tmp_path / 'secure.yaml') as program:
        program.wait_for(r'at https://127\.0\.0\.1:\d+/ to whoever has the access token')


class NoRedirects(urllib.request.HTTPErrorProcessor):
    """Hand every answer on as it came."""

    def https_response(self, _, response):
        return response


def assert_ends(connection):
    """See the other side end the connection, without a word of HTTP."""
    try:
        assert b'HTTP/' not in b''.join(iter(lambda: connection.recv(4096), b''))
    except ConnectionResetError:
        pass


@pytest.mark.parametrize(('damage', 'sentence'), [
    (lambda certfile, keyfile: (keyfile, keyfile), 'no certificate in PEM format'),
    (lambda certfile, keyfile: (certfile, certfile), 'no private key in PEM format'),
    (lambda certfile, keyfile: (f'{certfile}.cut', keyfile), r'cannot be used \('),
    (lambda certfile, keyfile: (certfile, '/nowhere.key'), "'/nowhere.key' cannot be read"),
], ids=['a key', 'no key', 'cut', 'nowhere'])
def test_a_bad_certificate_is_explained_in_one_sentence(certificate, damage, sentence):
    with open(certificate[0]) as whole, open(f'{certificate[0]}.cut', 'w') as cut:
        cut.write(whole.read()[:200] + '\n-----END CERTIFICATE-----\n')
    certfile, keyfile = damage(*certificate)
    program = Program('bridge', *parameters(port=0, certfile=certfile, keyfile=keyfile))
    assert program.wait() == 1
    line, = program.output.strip().splitlines()
    assert line.startswith('http_bridge_node: error: ')
    program.wait_for(sentence)
