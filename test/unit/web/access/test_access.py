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
import inspect
import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urljoin

import aiohttp
from aiohttp import web
from pi_camera_stream import web as web_room
from pi_camera_stream.web.access import access as access_module
from pi_camera_stream.web.access.access import Access
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.identity import role_of
from pi_camera_stream.web.access.login_throttle import LoginThrottle
from pi_camera_stream.web.access.sessions import LIFE_S
from pi_camera_stream.web.access.tokens import Token
import pytest
from support.listening import listen
from yarl import URL

TOKEN = 'correct-horse-battery'
DRIVER = 'at-the-wheel-of-it-all'
HTML = {'Accept': 'text/html,application/xhtml+xml,*/*;q=0.8'}
STATIC = Path(web_room.__file__).parent / 'static'


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: object
    text: str

    @property
    def cookie(self):
        """What a browser would send from now on."""
        return self.headers['Set-Cookie'].partition(';')[0]

    @property
    def place(self):
        """Where a browser would go, from a page or the login, below the root of the server."""
        assert self.headers['Location'].startswith('./')
        return urljoin('/login', self.headers['Location'])


class Door:
    """A small application behind the rules, and somebody who asks it."""

    def __init__(self, rules):
        self.rules = rules
        self.now_s = 1000.0
        self.said = []
        self.time_s = 1.8e9
        self.access = Access(rules, self.said.append, lambda: self.now_s, lambda: self.time_s)
        self.read = asyncio.Event()

    def build(self):
        """Return the application."""
        app = web.Application(client_max_size=2000)
        self.access.protect(app)
        for path, handler in {'/': _page, '/state': _state, '/healthz': _state, '/none': _none,
                              '/stream.mjpg': _stream, '/boom': _boom, '/begun': self._begun,
                              '/begun_error': _begun_error, '/json_error': _json_error,
                              '/gone': self._gone, '/ws': _websocket}.items():
            app.router.add_get(path, handler)
        app.router.add_post('/body', _body)
        app.router.add_static('/static/', STATIC)
        return app

    async def _begun(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'first')
        await self.read.wait()
        raise RuntimeError('in the midst of it')

    async def _gone(self, request):
        request.transport.abort()
        raise ConnectionResetError('lost')

    async def ask(self, path, headers=None, method='GET', data=None):
        """Send one request; nothing is followed and no cookie kept."""
        url = URL(f'http://127.0.0.1:{self.port}{path}', encoded=True)
        async with self.session.request(method, url, headers=headers, data=data,
                                        allow_redirects=False) as response:
            return Answer(response.status, response.headers,
                          await response.text(errors='replace'))

    async def log_in(self, token, headers=None, **fields):
        """Send the login form."""
        return await self.ask('/login', headers, 'POST', {'token': token, **fields})

    async def role(self, path='/state', **headers):
        """Return what somebody may do, or the status of the refusal."""
        answer = await self.ask(path, headers)
        return json.loads(answer.text)['role'] if answer.status == 200 else answer.status

    def cookie_value(self, token=Token.ACCESS):
        """Return what a new login gives."""
        return self.access._sessions.begin(token)


@asynccontextmanager
async def opened(rules):
    """Run a Door."""
    door = Door(rules)
    runner = await listen(door.build(), access_log=None, lingering_time=0)
    door.port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as door.session:
            yield door
    finally:
        await runner.cleanup()


def behind(**rules):
    """Run an async test with a door behind which these rules hold."""
    def decorate(test):
        def wrapped(**fixtures):
            async def run():
                async with opened(AccessRules(**rules)) as door:
                    await test(door, **fixtures)
            asyncio.run(run())
        wrapped.__name__ = test.__name__
        signature = inspect.signature(test)
        wrapped.__signature__ = signature.replace(
            parameters=list(signature.parameters.values())[1:])
        return wrapped
    return decorate


async def _page(_):
    return web.FileResponse(STATIC / 'viewer' / 'index.html')


async def _state(request):
    return web.json_response({'role': role_of(request).value})


async def _stream(request):
    response = web.StreamResponse(headers={'Content-Type': 'multipart/x-mixed-replace'})
    await response.prepare(request)
    await response.write(b'pictures')
    return response


async def _none(_):
    raise web.HTTPNotFound(text='there is no such stream')


async def _boom(_):
    raise RuntimeError('a mistake')


async def _begun_error(request):
    await (await _stream(request)).write(b'')
    raise web.HTTPServiceUnavailable


async def _json_error(_):
    raise web.HTTPConflict(text='{"no": 1}', content_type='application/json')


async def _body(request):
    return web.Response(text=str(len(await request.read())))


async def _websocket(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.close()
    return socket


# Headers.


@pytest.mark.parametrize(('path', 'status'), [
    ('/', 200), ('/state', 200), ('/stream.mjpg', 200), ('/nowhere', 404), ('/boom', 500),
    ('/body', 405), ('/static/viewer/viewer.css', 200), ('/static/none', 404)])
@behind()
async def test_every_answer_has_the_security_headers(door, path, status):
    answer = await door.ask(path)
    assert answer.status == status
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    assert answer.headers['Referrer-Policy'] == 'no-referrer'
    assert answer.headers['X-Frame-Options'] == 'SAMEORIGIN'
    for name in ('Content-Security-Policy', 'Cross-Origin-Opener-Policy'):
        assert (name in answer.headers) == (path == '/')


@behind(access_token=TOKEN)
async def test_refusals_have_the_security_headers(door):
    for path, headers, status in (('/', {'Host': 'evil.example'}, 403), ('/state', {}, 401),
                                  ('/', HTML, 303), ('/', {'Expect': 'miracles'}, 417)):
        answer = await door.ask(path, headers)
        assert answer.status == status
        assert answer.headers['X-Content-Type-Options'] == 'nosniff'


@behind()
async def test_pages_may_only_load_from_here(door):
    policy = (await door.ask('/')).headers['Content-Security-Policy'].split('; ')
    assert policy == [
        "default-src 'none'", "script-src 'self'", "style-src 'self'",
        "img-src 'self' data: blob:", "media-src 'self'", "connect-src 'self'",
        "form-action 'self'", "base-uri 'none'", "frame-ancestors 'self'"]
    assert (await door.ask('/')).headers['Cross-Origin-Opener-Policy'] == 'same-origin'


# Hosts.


@behind(allowed_hosts=('cam.example.com',))
async def test_only_names_of_this_robot_are_answered(door):
    for host in ('cam.example.com', 'localhost:1', '192.168.1.20:8080'):
        assert (await door.ask('/state', {'Host': host})).status == 200
    answer = await door.ask('/state', {'Host': 'evil.example'})
    assert answer.status == 403
    assert answer.headers['Content-Type'] == 'text/plain; charset=utf-8'
    assert "'evil.example'" in answer.text
    assert "'allowed_hosts'" in answer.text
    assert door.said == [answer.text.strip()]


@behind()
async def test_what_is_shown_of_a_foreign_host_is_short_and_plain(door):
    answer = await door.ask('/', {'Host': '<script>' + 'x' * 4000})
    assert answer.status == 403
    assert len(answer.text) < 250
    assert '<' not in answer.text


@behind()
async def test_a_request_without_a_host_is_refused(door):
    reader, writer = await asyncio.open_connection('127.0.0.1', door.port)
    writer.write(b'GET /state HTTP/1.0\r\n\r\n')
    assert (await reader.read()).startswith(b'HTTP/1.0 403 ')
    writer.close()


@behind()
async def test_the_log_cannot_be_flooded_with_refusals(door):
    for number in range(100):
        await door.ask('/', {'Host': f'evil{number}.example'})
        await door.ask('/', {'Host': 'evil.example'})
    assert len(door.said) == 50


# Origins.


@behind(allowed_origins=('https://dash.example.com',))
async def test_allowed_pages_may_read(door):
    for path in ('/state', '/stream.mjpg', '/nowhere'):
        answer = await door.ask(path, {'Origin': 'https://dash.example.com'})
        assert answer.headers['Access-Control-Allow-Origin'] == 'https://dash.example.com'
        assert answer.headers['Vary'] == 'Origin'


@behind(allowed_origins=('https://dash.example.com',))
async def test_own_and_foreign_pages_get_no_permission_to_read_but_the_picture(door):
    for origin in (f'http://127.0.0.1:{door.port}', 'https://evil.example', 'null', 'x\udcff'):
        answer = await door.ask('/stream.mjpg', {'Origin': origin})
        assert (answer.status, answer.text) == (200, 'pictures')
        assert 'Access-Control-Allow-Origin' not in answer.headers


@behind(allowed_origins=('https://dash.example.com',), access_token=TOKEN)
async def test_allowed_pages_may_ask_beforehand_without_the_token(door):
    answer = await door.ask('/state', method='OPTIONS', headers={
        'Origin': 'https://dash.example.com', 'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization'})
    assert answer.status == 204
    assert answer.headers['Access-Control-Allow-Origin'] == 'https://dash.example.com'
    assert answer.headers['Access-Control-Allow-Methods'] == 'GET'
    assert answer.headers['Access-Control-Allow-Headers'] == 'Authorization'
    # A refusal can be read, too, so that the page can say what is wrong.
    answer = await door.ask('/state', {'Origin': 'https://dash.example.com'})
    assert answer.status == 401
    assert answer.headers['Access-Control-Allow-Origin'] == 'https://dash.example.com'


@behind()
async def test_foreign_pages_may_not_send_anything(door):
    for method in ('POST', 'PUT', 'DELETE', 'OPTIONS'):
        answer = await door.ask('/body', {'Origin': 'https://evil.example'}, method)
        assert answer.status == 403
        assert "'https://evil.example'" in answer.text
        assert "'allowed_origins'" in answer.text
        assert 'Access-Control-Allow-Origin' not in answer.headers
    assert (await door.ask('/body', {'Origin': f'http://127.0.0.1:{door.port}'}, 'POST',
                           b'abc')).text == '3'
    assert (await door.ask('/body', {}, 'POST', b'abc')).text == '3'
    assert (await door.ask('/state', {'Origin': 'https://evil.example'}, 'HEAD')).status == 200


@behind(allowed_origins=('https://dash.example.com',))
async def test_foreign_pages_may_not_open_a_websocket(door):
    url = f'http://127.0.0.1:{door.port}/ws'
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await door.session.ws_connect(url, origin='https://evil.example')
    assert caught.value.status == 403
    for origin in (None, 'https://dash.example.com', f'http://127.0.0.1:{door.port}'):
        await (await door.session.ws_connect(url, origin=origin)).close()


# The token.


@behind(access_token=TOKEN)
async def test_without_the_token_nobody_watches(door):
    for path in ('/', '/state', '/stream.mjpg', '/ws', '/nowhere', '/static/../state',
                 '/healthz/../state', '/%2e/state', '//state'):
        answer = await door.ask(path)
        assert answer.status == 401, path
        assert answer.headers['WWW-Authenticate'] == 'Bearer'
        assert answer.text.count('\n') == 1


@behind(access_token=TOKEN)
async def test_the_token_is_taken_from_the_head_the_query_or_the_cookie(door):
    for path, headers in (('/state', {'Authorization': f'Bearer {TOKEN}'}),
                          ('/state', {'Authorization': f'bearer  {TOKEN}'}),
                          (f'/state?token={TOKEN}', {}),
                          (f'/state?a=b&token={TOKEN}', {'Authorization': 'Basic cm9vdDo='}),
                          (f'/stream.mjpg?token={TOKEN}', {}),
                          ('/state', {'Cookie': _cookie(door)}),
                          ('/state', {'Cookie': f'a=b;; ü="; {_cookie(door)}; c'}),
                          ('/', {'Authorization': f'Bearer {TOKEN}'})):
        assert (await door.ask(path, headers)).status == 200, (path, headers)
    assert door.said == []


@behind(access_token=TOKEN)
async def test_nothing_else_is_taken_for_the_token(door):
    for path, headers in (('/state?token=', {}), (f'/state?Token={TOKEN}', {}),
                          (f'/state?token={TOKEN}!', {}), ('/state?token=%ff', {}),
                          ('/state', {'Authorization': TOKEN}),
                          ('/state', {'Authorization': f'Basic {TOKEN}'}),
                          ('/state', {'Authorization': 'Bearer \udcff'}),
                          ('/state', {'Cookie': f'pi_camera_stream_{door.port}={TOKEN}'}),
                          ('/state', {'Cookie': f'pi_camera_stream={door.cookie_value()}'}),
                          ('/state', {'Cookie': f'pi_camera_stream_1={door.cookie_value()}'}),
                          ('/state', {'Cookie': f'other={door.cookie_value()}'})):
        assert (await door.ask(path, headers)).status == 401, (path, headers)


@behind(access_token=TOKEN)
async def test_what_a_login_needs_is_open(door):
    for path in ('/login', '/healthz', '/static/login/login.css'):
        assert (await door.ask(path)).status == 200


@behind()
async def test_without_a_token_in_the_rules_nobody_is_asked(door):
    assert (await door.ask('/state')).status == 200
    assert (await door.ask('/?token=anything')).status == 200
    assert (await door.ask('/login')).place == '/'
    assert (await door.log_in('anything')).place == '/'


@behind(access_token=TOKEN)
async def test_a_browser_is_led_to_the_login_and_back(door):
    answer = await door.ask('/?topic=/a%20b&x=%3F', HTML)
    assert answer.status == 303
    location = URL(answer.place)
    assert location.path == '/login'
    assert URL(location.query['next']).query == {'topic': '/a b', 'x': '?'}
    answer = await door.ask(str(location))
    assert answer.status == 200
    assert f'value="{location.query["next"].replace("&", "&amp;")}"' in answer.text
    answer = await door.log_in(TOKEN, next=location.query['next'])
    assert answer.status == 303
    assert answer.place == location.query['next']
    assert (await door.ask(answer.place, HTML | {
        'Cookie': answer.cookie})).status == 200


@behind(access_token=TOKEN)
async def test_a_token_in_the_address_bar_becomes_a_cookie(door):
    for query, location in ((f'token={TOKEN}', '/'), (f'a=1&token={TOKEN}&b=2', '/?a=1&b=2')):
        answer = await door.ask(f'/?{query}', HTML)
        assert (answer.status, answer.place) == (303, location)
        assert answer.headers['Cache-Control'] == 'no-store'
        assert (await door.ask('/', HTML | {'Cookie': answer.cookie})).status == 200
    # A page that is opened again from a bookmark, with whatever token there is in it.
    answer = await door.ask('/?token=anything', HTML | {'Cookie': _cookie(door)})
    assert (answer.status, answer.place) == (303, '/')


@behind(access_token=TOKEN)
async def test_a_wrong_token_in_the_address_bar_is_not_carried_on(door):
    answer = await door.ask('/?token=almost-right&a=1', HTML)
    assert answer.status == 303
    assert URL(answer.place).query == {'next': '/?a=1', 'wrong': '1'}


@pytest.mark.parametrize('tls', [False, True])
def test_the_cookie_is_for_what_is_beside_the_page_only_and_not_for_scripts(tls):
    @behind(access_token=TOKEN, tls=tls)
    async def test(door):
        for answer in (await door.log_in(TOKEN), await door.ask(f'/?token={TOKEN}')):
            value, *attributes = answer.headers['Set-Cookie'].split('; ')
            assert (await door.ask('/state', {'Cookie': value})).status == 200
            assert sorted(attributes) == sorted(
                ['HttpOnly', f'Max-Age={LIFE_S}', 'SameSite=Lax'] + ['Secure'] * tls)
    test()


@behind(access_token=TOKEN)
async def test_the_login_page_says_when_a_token_was_wrong(door):
    answer = await door.ask('/login')
    assert answer.headers['Content-Type'] == 'text/html; charset=utf-8'
    assert 'role="alert"' not in answer.text
    answer = await door.log_in('almost-right', next='/?a=1&b=2')
    assert answer.status == 303
    assert 'Set-Cookie' not in answer.headers
    answer = await door.ask(answer.place)
    assert answer.text.count('role="alert"') == 1
    assert 'value="/?a=1&amp;b=2"' in answer.text
    assert answer.headers['Cache-Control'] == 'no-store'


@behind(access_token=TOKEN)
async def test_the_login_page_needs_no_script_and_names_its_field(door):
    text = (await door.ask('/login')).text
    assert '<script' not in text
    assert '<label for="token">' in text
    assert 'id="token" name="token" type="password"' in text


@behind(access_token=TOKEN)
async def test_a_browser_tells_the_origin_of_the_login_form(door):
    # With no-referrer it would send 'Origin: null', and be refused.
    assert (await door.ask('/login')).headers['Referrer-Policy'] == 'same-origin'
    answer = await door.ask('/login', {'Origin': 'null'}, 'POST', {'token': TOKEN})
    assert answer.status == 403
    origin = {'Origin': f'http://127.0.0.1:{door.port}'}
    assert (await door.ask('/login', origin, 'POST', {'token': TOKEN})).status == 303


@pytest.mark.parametrize('target', [
    '//evil.example', '/\\evil.example', 'https://evil.example', '\\\\evil.example', '/\t/evil',
    '/\r\nX: y', 'javascript:alert(1)', ''])
@behind(access_token=TOKEN)
async def test_a_login_leads_nowhere_else(door, target):
    assert (await door.log_in(TOKEN, next=target)).place == '/'
    page = await door.ask('/login?' + urlencode({'next': target}))
    assert 'name="next" value="/"' in page.text


@behind(access_token=TOKEN)
async def test_a_target_cannot_leave_its_attribute(door):
    page = await door.ask('/login?' + urlencode({'next': '/"><script>alert(1)</script>'}))
    assert '<script' not in page.text
    assert 'value="/&quot;&gt;&lt;script&gt;' in page.text


@behind(access_token=TOKEN)
async def test_a_form_that_is_none_is_refused(door):
    form = {'Content-Type': 'application/x-www-form-urlencoded'}
    for headers, data, status in (
            ({'Content-Type': 'application/json'}, b'{}', 415),
            ({'Content-Type': 'multipart/form-data'}, b'x', 415),
            (form, b'a=1&' * 20, 400), (form, b'token=' + b'x' * 3000, 413),
            (form, b'\xff\xfe\x00=;', 303),
            (form | {'Content-Encoding': 'gzip'}, b'not gzip', 400)):
        answer = await door.ask('/login', headers, 'POST', data)
        assert answer.status == status
        assert 'Set-Cookie' not in answer.headers
    assert answer.headers['Connection'] == 'close'  # it is not known where the body ends


@behind(access_token=TOKEN)
async def test_a_form_that_does_not_end_is_given_up(door, monkeypatch):
    monkeypatch.setattr(access_module, '_BODY_TIMEOUT_S', 0.0)
    reader, writer = await asyncio.open_connection('127.0.0.1', door.port)
    writer.write(b'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n'
                 b'Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=')
    assert (await reader.readline()).startswith(b'HTTP/1.1 408 ')
    writer.close()


# Guessing.


@behind(access_token=TOKEN)
async def test_guessing_is_told_and_slowed_but_the_right_one_is_taken_at_any_time(door):
    guess = [lambda: door.ask('/state?token=wrong'), lambda: door.log_in('wrong'),
             lambda: door.ask('/state', {'Authorization': 'Bearer wrong'})]
    for number in range(9):
        assert (await guess[number % 3]()).status in (401, 303)
        door.now_s += 1
    assert door.said == []
    for _ in range(3):
        answer = await door.ask('/state?token=wrong')
        assert answer.status == 429
        assert answer.headers['Connection'] == 'close'
    assert answer.headers['Retry-After'] == '53'
    assert len(door.said) == 1
    assert '127.0.0.1' in door.said[0]
    # Those behind the same router or proxy are not concerned.
    assert (await door.ask(f'/state?token={TOKEN}')).status == 200
    assert (await door.ask('/state', {'Authorization': f'Bearer {TOKEN}'})).status == 200
    assert 'Set-Cookie' in (await door.log_in(TOKEN)).headers
    assert (await door.ask(f'/?token={TOKEN}', HTML)).place == '/'
    assert (await door.ask('/state')).status == 401
    assert (await door.ask('/state', {'Cookie': _cookie(door)})).status == 200
    door.now_s += 60
    assert (await door.ask('/state?token=wrong')).status == 401


@behind(access_token=TOKEN)
async def test_ten_wrong_ones_in_more_than_a_minute_are_not_too_many(door):
    for _ in range(30):
        assert (await door.ask('/state?token=wrong')).status == 401
        door.now_s += 6.7
    assert door.said == []


@behind(access_token=TOKEN)
async def test_what_a_page_of_another_site_sends_is_not_its_visitors_guess(door):
    foreign = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors'}
    for _ in range(12):
        await door.ask('/snapshot.jpg?token=wrong', foreign)
    assert door.said == ['127.0.0.1 has sent 10 wrong access tokens within a minute, through a '
                         'page of another site']
    assert (await door.ask('/state?token=mistyped')).status == 401
    assert (await door.ask(f'/state?token={TOKEN}', foreign)).status == 200


@behind(access_token=TOKEN, driver_token=DRIVER)
async def test_who_is_in_may_not_guess_the_other_token_unseen(door):
    session = {'Cookie': _cookie(door)}
    for _ in range(10):
        assert await door.role('/state?token=wrong', **session) == 'watches'
    assert len(door.said) == 1


def test_each_address_has_its_guesses():
    guesses = LoginThrottle(lambda: 0.0)
    for address in ('192.0.2.1', '2001:db8::1', '::ffff:192.0.2.2', '?'):
        assert [guesses.add(address) for _ in range(11)] == [False] * 9 + [True, False]
    for address in ('192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2', '2001:db8::2', '?'):
        assert guesses.wait_s(address) == 60
    for address in ('192.0.2.3', '2001:db8:0:1::1', '::1'):
        assert guesses.wait_s(address) == 0


def test_the_table_of_guesses_does_not_grow():
    guesses = LoginThrottle(lambda: 0.0)
    for number in range(5000):
        guesses.add(f'2001:db8:{number:x}::1')
        guesses.add('192.0.2.1')  # who goes on is not forgotten
    assert guesses.wait_s('192.0.2.1') == 60
    assert len(guesses._times_s) <= 1024
    assert len(guesses._times_s['192.0.2.1']) == 10


@behind(access_token='12345678')
async def test_a_token_that_can_be_found_by_trying_is_told(door):
    assert len(door.said) == 1
    assert 'pi_camera_stream secure' in door.said[0]
    assert '12345678' not in door.said[0]


# Sessions.


@behind(access_token=TOKEN)
async def test_each_login_has_a_session_of_its_own_and_logs_out_alone(door):
    first, second = [(await door.log_in(TOKEN)).cookie for _ in range(2)]
    assert first != second
    answer = await door.ask('/logout', {'Cookie': first}, 'POST')
    assert (answer.status, answer.place) == (303, '/login')
    assert 'Max-Age=0' in answer.headers['Set-Cookie'].split('; ')
    assert await door.role(Cookie=first) == 401
    assert await door.role(Cookie=second) == 'equal'
    assert (await door.ask('/logout', {'Cookie': first}, 'POST')).status == 303  # once more


@behind(access_token=TOKEN)
async def test_only_our_own_pages_log_anybody_out(door):
    cookie = _cookie(door)
    for origin in ('https://evil.example', 'null', f'http://127.0.0.1:{door.port + 1}'):
        assert (await door.ask('/logout', {'Cookie': cookie, 'Origin': origin}, 'POST')
                ).status == 403
    assert (await door.ask('/logout', {'Cookie': cookie})).status == 405
    assert await door.role(Cookie=cookie) == 'equal'


@behind(access_token=TOKEN)
async def test_a_session_ends_by_itself(door):
    cookie = _cookie(door)
    door.time_s += LIFE_S - 1
    assert await door.role(Cookie=cookie) == 'equal'
    door.time_s += 1
    assert await door.role(Cookie=cookie) == 401


@behind(access_token=TOKEN)
async def test_what_a_session_has_open_ends_with_it(door):
    cookie, other = _cookie(door), _cookie(door)
    readers = []
    for one in (cookie, other):
        reader, writer = await asyncio.open_connection('127.0.0.1', door.port)
        writer.write(b'GET /begun HTTP/1.1\r\nHost: localhost\r\nCookie: %b\r\n\r\n'
                     % one.encode())
        await reader.readuntil(b'first\r\n')
        readers.append((reader, writer))
    await door.ask('/logout', {'Cookie': cookie}, 'POST')
    (ended, _), (going_on, _) = readers
    try:
        assert await ended.read() == b''
    except ConnectionResetError:
        pass
    assert not going_on.at_eof()
    for _, writer in readers:
        writer.transport.abort()
    door.read.set()


@behind(access_token=TOKEN)
async def test_a_link_from_elsewhere_leads_to_the_page(door):
    # The way on is a part of the same navigation: for a cookie that is Strict, still from there.
    answer = await door.ask(f'/?token={TOKEN}&a=1', HTML | {'Sec-Fetch-Site': 'cross-site'})
    assert (answer.status, answer.place) == (303, '/?a=1')
    assert 'SameSite=Lax' in answer.headers['Set-Cookie']


@behind(access_token=TOKEN)
async def test_who_comes_again_by_the_same_link_keeps_the_session(door):
    cookie = _cookie(door)
    answer = await door.ask(f'/?token={TOKEN}', HTML | {'Cookie': cookie})
    assert (answer.status, answer.place) == (303, '/')
    assert 'Set-Cookie' not in answer.headers
    assert await door.role(Cookie=cookie) == 'equal'


# Roles.


@behind(access_token=TOKEN, driver_token=DRIVER)
async def test_what_one_may_follows_from_the_token(door):
    assert await door.role() == 401
    for token, role in ((TOKEN, 'watches'), (DRIVER, 'leads')):
        assert await door.role(f'/state?token={token}') == role
        assert await door.role(Authorization=f'Bearer {token}') == role
        assert await door.role(Cookie=(await door.log_in(token)).cookie) == role
    watches, leads = _cookie(door), _cookie(door, Token.DRIVER)
    assert await door.role(f'/state?token={DRIVER}', Cookie=watches) == 'leads'
    assert await door.role(f'/state?token={TOKEN}', Cookie=leads) == 'leads'
    assert await door.role(Cookie=f'{watches}; {leads}') == 'leads'


@behind(access_token=TOKEN)
async def test_without_a_driver_token_all_may_the_same(door):
    assert await door.role(f'/state?token={TOKEN}') == 'equal'


@behind(driver_token=DRIVER)
async def test_the_driver_token_alone_lets_everyone_watch(door):
    assert await door.role() == 'watches'
    assert await door.role(f'/state?token={DRIVER}') == 'leads'
    assert await door.role('/state?token=wrong') == 401
    assert (await door.ask('/', HTML)).status == 200
    assert (await door.ask('/?token=wrong', HTML)).place == '/login?next=%2F&wrong=1'
    cookie = (await door.log_in(DRIVER)).cookie
    assert await door.role(Cookie=cookie) == 'leads'
    assert (await door.ask('/logout', {'Cookie': cookie}, 'POST')).place == '/'


@behind(access_token=TOKEN, driver_token=DRIVER)
async def test_who_logs_in_as_driver_is_one_and_no_viewer_any_more(door):
    for upgrade in (lambda known: door.log_in(DRIVER, known),
                    lambda known: door.ask(f'/?token={DRIVER}', HTML | known)):
        watches = {'Cookie': _cookie(door)}
        leads = (await upgrade(watches)).cookie
        assert await door.role(Cookie=leads) == 'leads'
        assert await door.role(**watches) == 401


@pytest.mark.parametrize(('rules', 'there', 'absent'), [
    ({'access_token': TOKEN}, ['access token'], ['driver token', 'Watch without', 'browser warn']),
    ({'access_token': TOKEN, 'driver_token': DRIVER, 'tls': True},
     ['access token', 'driver token', 'Did your browser warn', 'fingerprint'],
     ['Watch without']),
    ({'driver_token': DRIVER}, ['driver token', 'Watch without'],
     ['access token', 'browser warn'])])
def test_the_login_page_says_what_each_token_is_for(rules, there, absent):
    @behind(**rules)
    async def test(door):
        text = (await door.ask('/login')).text
        assert [words for words in there if words not in text] == []
        assert [words for words in absent if words in text] == []
    test()


# Errors.


@behind()
async def test_where_there_is_nothing_it_is_said_what_there_is(door):
    answer = await door.ask('/nowhere')
    assert answer.status == 404
    assert answer.headers['Content-Type'] == 'text/plain; charset=utf-8'
    assert '/, /begun' in answer.text
    assert '/stream.mjpg' in answer.text
    assert answer.text.count('\n') == 1


@behind()
async def test_errors_are_sentences(door):
    for path, status, text in (('/none', 404, 'there is no such stream\n'),
                               ('/body', 405, 'method not allowed\n'),
                               ('/json_error', 409, '{"no": 1}\n')):
        answer = await door.ask(path)
        assert (answer.status, answer.text) == (status, text)
        assert answer.headers['Content-Type'] == 'text/plain; charset=utf-8'
    assert (await door.ask('/body', method='POST', data=b'x' * 3000)).status == 413


@behind()
async def test_a_mistake_is_logged_and_not_told(door, caplog):
    answer = await door.ask('/boom?token=secret')
    assert (answer.status, answer.text) == (500, 'internal error\n')
    assert [record.levelname for record in caplog.records] == ['ERROR']
    assert caplog.records[0].getMessage() == 'GET /boom failed'
    assert 'a mistake' in caplog.text


@behind()
async def test_a_mistake_in_the_midst_of_an_answer_ends_it(door, caplog):
    reader, writer = await asyncio.open_connection('127.0.0.1', door.port)
    writer.write(b'GET /begun HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await reader.readuntil(b'first\r\n')
    door.read.set()
    assert await reader.read() == b''
    writer.close()
    assert len(caplog.records) == 1
    assert 'in the midst of it' in caplog.text


@behind()
async def test_a_refusal_in_the_midst_of_an_answer_ends_it(door, caplog):
    reader, writer = await asyncio.open_connection('127.0.0.1', door.port)
    writer.write(b'GET /begun_error HTTP/1.1\r\nHost: localhost\r\n\r\n')
    answer = await reader.read()
    writer.close()
    assert answer.endswith(b'8\r\npictures\r\n')
    assert caplog.records == []


@behind()
async def test_that_a_client_has_gone_is_no_mistake(door, caplog):
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await door.ask('/gone')
    assert caplog.records == []


@behind()
async def test_odd_requests_for_files_are_no_mistakes_of_ours(door, caplog):
    assert (await door.ask('/static/' + 'a' * 4000)).status == 404
    for name in ('If-Modified-Since', 'If-Unmodified-Since', 'If-Range'):
        answer = await door.ask('/static/login/login.css', {
            name: 'Mon, 01 Jan 99999999999999999999 00:00:00 GMT'})
        assert answer.status == 400
    assert caplog.records == []


def _cookie(door, token=Token.ACCESS):
    return f'pi_camera_stream_{door.port}={door.cookie_value(token)}'
