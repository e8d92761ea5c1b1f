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

"""Who may watch, at the door: what every request passes before it is answered."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
import errno
from html import escape
from importlib.resources import files
import logging
import math
import re
import time
from typing import NoReturn
from urllib.parse import parse_qs, urlencode

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from .access_rules import AccessRules
from .client_address import client_address
from .identity import note, session_of
from .login_throttle import LoginThrottle
from .origins import local_path, relative, same_origin, shown
from .sessions import Connection, LIFE_S, Session, Sessions
from .tokens import Token
from ...core.pacing import Once

_COOKIE = 'pi_camera_stream_{port}'  # a browser sends it to all ports of a machine
_PAGES = ('/', '/latency', '/recordings')  # for people: who must log in is led there
_OPEN = ('/login', '/logout', '/healthz', '/static')  # resources that ask for no token
_BODY_TIMEOUT_S = 10.0
_MOST_FIELDS = 10
_MOST_SAID = 50  # refusals that are logged, one a name
_HEADERS = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'X-Frame-Options': 'SAMEORIGIN',
}
_HTML_HEADERS = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'self'",
}
_PREFLIGHT_HEADERS = {
    'Access-Control-Allow-Methods': 'GET',
    'Access-Control-Allow-Headers': 'Authorization',
    'Access-Control-Max-Age': '600',
}
_WHEP = '/whep'  # and what is below it: where to watch is more than a GET
_WHEP_PREFLIGHT_HEADERS = _PREFLIGHT_HEADERS | {
    'Access-Control-Allow-Methods': 'GET, POST, PATCH, DELETE',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
}


class Access:
    """
    The rules applied to an aiohttp application. All methods run in the event loop.

    Refusals are HTTP errors of one sentence, and so is every error of the application behind it.
    Pages may not load anything from elsewhere. Other web sites may show pictures, but neither read
    them nor open a WebSocket, unless they are allowed to.
    """

    def __init__(self, rules: AccessRules, log: Callable[[str], None],
                 now_s: Callable[[], float] = time.monotonic,
                 time_s: Callable[[], float] = time.time) -> None:
        """`log` hears of refusals, with nothing secret in them; `time_s` is since the epoch."""
        self._rules = rules
        self._log = log
        self._sessions = Sessions(rules, time_s)
        # What pages of other sites let their visitors send says nothing of these visitors.
        self._own_throttle, self._foreign_throttle = LoginThrottle(now_s), LoginThrottle(now_s)
        self._logged = Once(_MOST_SAID)
        page = files('pi_camera_stream.web') / 'static' / 'login' / 'login.html'
        self._login_page = page.read_text(encoding='utf-8')
        if weakness := rules.weakness():
            log(weakness)

    def protect(self, app: web.Application) -> None:
        app.middlewares.append(self.middleware)
        app.on_response_prepare.append(self.add_headers)
        app.router.add_get('/login', self._show_login)
        app.router.add_post('/login', self._log_in)
        app.router.add_post('/logout', self._log_out)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Complete the head of any response; those that a handler has set stay."""
        headers = _HEADERS | (_HTML_HEADERS if response.content_type == 'text/html' else {})
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        origin = request.headers.get('Origin')
        if origin is not None and self._allowed(request, origin) and not _same(request, origin):
            response.headers['Access-Control-Allow-Origin'] = origin
            response.headers.add('Vary', 'Origin')

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through who may come in; turn whatever goes wrong behind it into a sentence."""
        try:
            self._check_host(request)
            self._check_origin(request)
            self._check_token(request)
            _check_dates(request)
            with self.connected(request, request.transport):
                return await handler(request)
        except web.HTTPException as error:
            if error.status >= 400:
                _make_sentence(request, error)
            _end_what_has_begun(request)
            raise
        except web.RequestPayloadError:
            return _answer_malformed()
        except Exception as error:
            return _answer_failure(request, error)

    def _check_host(self, request: web.Request) -> None:
        host = request.headers.get('Host')
        if not self._rules.host_allowed(host):
            self._refuse(f"'{shown(host or '')}' is not a known name of this robot: use its IP "
                         "address, or add the name to the parameter 'allowed_hosts'")

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get('Origin')
        if origin is None or _same(request, origin):
            return
        if self._allowed(request, origin):
            if request.method == 'OPTIONS':
                whep = request.path == _WHEP or request.path.startswith(f'{_WHEP}/')
                raise web.HTTPNoContent(
                    headers=_WHEP_PREFLIGHT_HEADERS if whep else _PREFLIGHT_HEADERS)
        elif (request.method not in ('GET', 'HEAD')
              or 'websocket' in request.headers.get('Upgrade', '').lower()):
            self._refuse(f"pages of '{shown(origin)}' may not do this: to allow them, add it to "
                         "the parameter 'allowed_origins'")

    def _refuse(self, sentence: str) -> NoReturn:
        if self._logged.due(sentence):
            self._log(sentence)
        raise web.HTTPForbidden(text=f'{sentence}\n')

    def _allowed(self, request: web.Request, origin: str) -> bool:
        return self._rules.origin_allowed(origin, request.scheme, request.headers.get('Host'))

    def connected(self, request: web.Request, connection: Connection | None
                  ) -> AbstractContextManager[None]:
        """Cut what has come of a request when the login behind it ends, within the context."""
        session = session_of(request)
        if session is None or connection is None:
            return nullcontext()
        return self._sessions.connected(session, connection)

    def _check_token(self, request: web.Request) -> None:
        """Ask for a token where it is needed; take it out of the browser's address bar."""
        if _is_open(request):
            return
        session, candidate = self._session(request), _candidate(request)
        token = None if candidate is None or not self._guarded else \
            self._rules.recognize(candidate)
        wrong = candidate is not None and token is None and self._guarded
        wait_s = self._note_wrong(request) if wrong else 0.0
        if token is None or (session is not None and session.token is Token.DRIVER):
            token = None if session is None else session.token
        role = self._rules.role(token)
        is_page = request.path in _PAGES
        query = [(name, value) for name, value in request.query.items() if name != 'token']
        page = request.path + (f'?{urlencode(query, errors="replace")}' if query else '')
        if role is None or (wrong and session is None):
            if is_page and 'text/html' in request.headers.get('Accept', ''):
                raise _redirect('/login?' + urlencode(
                    {'next': page} | ({'wrong': '1'} if wrong else {})))
            self._refuse_token(wait_s)
        if is_page and 'token' in request.query and self._guarded:
            raise _redirect(page) if token is None or (
                session is not None and session.token is token) else \
                self._welcome(request, page, token)
        note(request, role, session if session is not None and session.token is token else None)

    @property
    def _guarded(self) -> bool:
        """Whether there is a token that gives anybody anything."""
        return any(self._rules.secret(token) for token in Token)

    def _session(self, request: web.Request) -> Session | None:
        return max(self._all_sessions(request),
                   key=lambda session: session.token is Token.DRIVER, default=None)

    def _all_sessions(self, request: web.Request) -> list[Session]:
        """Return those of this browser; there may be several cookies of one name."""
        return [session for cookie in _cookies(request)
                if (session := self._sessions.find(cookie)) is not None]

    def _end_sessions(self, request: web.Request) -> None:
        for session in self._all_sessions(request):
            self._sessions.end(session)

    def _note_wrong(self, request: web.Request) -> float:
        """
        Note a wrong token; return for how many seconds another one is one too many.

        The right one is taken at any time: whoever shares an address with a visitor, behind a
        router or a proxy, could lock them out otherwise. What guessing has against it is the
        number of tokens (`AccessRules.weakness`).
        """
        return self.note_wrong(client_address(request),
                               request.headers.get('Sec-Fetch-Site') == 'cross-site')

    def note_wrong(self, address: str, foreign: bool = False) -> float:
        """Do so for an address, as which it came by whatever way; `foreign` as below."""
        throttle = self._foreign_throttle if foreign else self._own_throttle
        if throttle.add(address):
            self._log(f'{address} has sent {LoginThrottle.MOST} wrong access tokens within a '
                      'minute' + (', through a page of another site' if foreign else ''))
        return throttle.wait_s(address)

    def _refuse_token(self, wait_s: float) -> NoReturn:
        if wait_s > 0:
            refusal: web.HTTPException = web.HTTPTooManyRequests(
                headers={'Retry-After': str(math.ceil(wait_s))},
                text='too many wrong access tokens from your address, and this one is wrong, too: '
                     'try again later\n')
            refusal.force_close()  # each further one costs a connection
            raise refusal
        raise web.HTTPUnauthorized(
            headers={'WWW-Authenticate': 'Bearer'},
            text="access token required: open /login, or send it as 'Authorization: Bearer "
                 "<token>' or '?token=<token>'\n")

    async def _show_login(self, request: web.Request) -> web.StreamResponse:
        if not self._guarded:
            raise _redirect('/')
        page, target = self._login_page, local_path(request.query.get('next', '/'))
        for part, wanted in (('wrong', 'wrong' in request.query),
                             ('access', bool(self._rules.access_token)),
                             ('driver', bool(self._rules.driver_token)),
                             ('open', not self._rules.access_token),
                             ('certificate', self._rules.tls)):
            if not wanted:
                page = re.sub(rf'<(\w+) data-if="{part}".*?</\1>', '', page, flags=re.DOTALL)
        page = page.replace('name="next" value="/"', f'name="next" value="{escape(target)}"')
        # With no-referrer, browsers send 'Origin: null' with a form, which looks like a foreign
        # site (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
        return web.Response(text=page, content_type='text/html', headers={
            'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin'})

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        if not self._guarded:
            raise _redirect('/')
        form = await _read_form(request)
        target = local_path(form.get('next', '/'))
        token = self._rules.recognize(form.get('token', '').strip())
        if token is not None:
            raise self._welcome(request, target, token)
        self._note_wrong(request)
        raise _redirect('/login?' + urlencode({'next': target, 'wrong': '1'}))

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        """End the session of the browser that asks; those of others go on."""
        self._end_sessions(request)
        response = _redirect('/login' if self._rules.access_token else '/')
        self._set_cookie(request, response, '', 0)
        raise response

    def _welcome(self, request: web.Request, target: str, token: Token) -> web.HTTPException:
        """Begin a session, in place of the one that this browser has, if any."""
        self._end_sessions(request)
        response = _redirect(target)
        self._set_cookie(request, response, self._sessions.begin(token), LIFE_S)
        return response

    def _set_cookie(self, request: web.Request, response: web.HTTPException, value: str,
                    life_s: int) -> None:
        # Without a path it is for all that is beside the page, as the browser sees it: below a
        # proxy's path, where another robot may have a cookie of this name beside it.
        # Lax, so that a link in a mail or chat leads to the picture: Strict would hold back the
        # cookie that the same answer has set. Nothing is changed by a GET, and what changes
        # something, or opens a WebSocket, has its origin looked at.
        response.set_cookie(_cookie_name(request), value, path='', httponly=True, max_age=life_s,
                            samesite='Lax', secure=self._rules.tls)


def _is_open(request: web.Request) -> bool:
    """Tell whether a resource asks for no token; what aiohttp 3.8.1 takes for /static may not."""
    resource = request.match_info.route.resource
    return (resource is not None and resource.canonical in _OPEN
            and '..' not in request.path.split('/'))


def _same(request: web.Request, origin: str) -> bool:
    return same_origin(origin, request.scheme, request.headers.get('Host'))


def _candidate(request: web.Request) -> str | None:
    """Return what may be a token; None where there is nothing of the kind."""
    scheme, _, bearer = request.headers.get('Authorization', '').partition(' ')
    return bearer.strip() if scheme.lower() == 'bearer' else request.query.get('token')


def _cookie_name(request: web.Request) -> str:
    transport = request.transport
    name = None if transport is None else transport.get_extra_info('sockname')
    return _COOKIE.format(port=name[1] if isinstance(name, tuple) else 0)


def _cookies(request: web.Request) -> list[str]:
    # Not request.cookies, which fails or logs on what others have put into the header.
    wanted = _cookie_name(request)
    pairs = (pair.strip().partition('=') for pair in request.headers.get('Cookie', '').split(';'))
    return [value for name, _, value in pairs if name == wanted]


def _redirect(target: str) -> web.HTTPException:
    return web.HTTPSeeOther(URL(relative(target), encoded=True),
                            headers={'Cache-Control': 'no-store'})


def _check_dates(request: web.Request) -> None:
    """Look at what aiohttp's file responses read, out of our reach: a huge year fails there."""
    try:
        _ = request.if_modified_since, request.if_unmodified_since, request.if_range
    except (OverflowError, ValueError):
        raise web.HTTPBadRequest(text='a date in the header of this request is not '
                                      'valid\n') from None


async def _read_form(request: web.Request) -> dict[str, str]:
    if request.content_type != 'application/x-www-form-urlencoded':
        raise web.HTTPUnsupportedMediaType(text='send the token as form data\n')
    try:
        body = await asyncio.wait_for(request.read(), _BODY_TIMEOUT_S)
        fields = parse_qs(body.decode(errors='replace'), max_num_fields=_MOST_FIELDS)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(text='the form is incomplete\n') from None
    except ValueError:
        raise web.HTTPBadRequest(text='the form has too many fields\n') from None
    return {name: values[0] for name, values in fields.items()}


def _make_sentence(request: web.Request, error: web.HTTPException) -> None:
    text = error.text or ''
    if text == f'{error.status}: {error.reason}':  # as aiohttp has it
        text = error.reason.lower()
        if error.status == 404:
            places = sorted({resource.canonical for resource in request.app.router.resources()})
            text = f'nothing at this address; there is {", ".join(places)}'
    error.text = text.strip() + '\n'
    error.content_type = 'text/plain'


def _answer_malformed() -> web.Response:
    response = web.Response(status=400, text='the body of this request is malformed\n')
    response.force_close()  # where it ends cannot be known
    return response


def _answer_failure(request: web.Request, error: Exception) -> web.Response:
    if isinstance(error, ConnectionError) and (
            request.transport is None or request.transport.is_closing()):
        return web.Response(status=499, reason='Client Closed Request')  # nobody gets it
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return web.Response(status=404, text='no file has such a long name\n')
    logging.getLogger(__name__).exception(
        '%s %s failed', request.method, shown(request.path))
    _end_what_has_begun(request)
    return web.Response(status=500, text='internal error\n')


def _end_what_has_begun(request: web.Request) -> None:
    if request.writer.output_size > 0:  # in the midst of an answer, another one cannot begin
        request.protocol.force_close()
