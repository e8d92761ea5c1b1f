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

"""
Ask a camera by HTTP, and read what it answers as it comes.

Python's own client: it takes heads that a stricter one refuses, as cameras send them, reads in the
thread that asks, and costs a worker neither time nor memory at its start.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
import socket
import ssl
import string
from urllib.parse import quote, SplitResult, unquote, urljoin, urlsplit

from .http_auth import authorize
from .trust import connect_tls, UntrustedError
from ...stream_address import StreamAddress
from ....core.errors import TemporaryError

_CONNECT_S = 5.0  # also until each piece of the answer's head
_REACH_S = 2.2  # the kernel asks again after 1 s and 3 s: who returns in between is seen sooner
_CHUNK_BYTES = 2**16
_MOST_REQUESTS = 10  # for one answer: places that the camera sends us to, and its password
_MOST_REASON = 60  # letters
_MOVED = (301, 302, 303, 307, 308)


class NotHttpError(Exception):
    """What answers does not speak HTTP as Python's client knows it."""


@dataclass(frozen=True)
class Login:
    """What an address says of who asks: user and password, or a token in place of a user."""

    user: str = field(default='', repr=False)
    password: str = field(default='', repr=False)

    @classmethod
    def of(cls, parts: SplitResult) -> 'Login':
        user, _, password = parts.netloc.rpartition('@')[0].partition(':')
        return cls(unquote(user), unquote(password))

    @property
    def bearer(self) -> bytes:
        """Return what is sent without being asked for: the token (RFC 6750); nothing without."""
        return b'' if self.user or not self.password else f'Bearer {self.password}'.encode()

    def answer(self, challenges: Sequence[str], target: str) -> bytes:
        """Return what to answer to a 401; nothing where there is nothing, or it is not known."""
        if not self.user and not self.password:
            return b''
        return authorize(challenges, self.user, self.password, target).encode()


class HttpAnswer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse, url: str,
                 login: Login) -> None:
        self.url, self.login = url, login  # that it came from, and was given to
        self._connection, self._response = connection, response
        self.code = response.status
        reason = ''.join(letter for letter in response.reason if letter.isprintable())
        self.status = f'{response.status} {reason[:_MOST_REASON]}'.strip()
        self.kind = response.headers.get('Content-Type', '').partition(';')[0].strip().lower()
        self.length = response.length  # of the body; None where it is not known

    def header(self, name: str) -> list[str]:
        return self._response.headers.get_all(name, [])

    def read(self) -> bytes:
        """Wait for more of the body, for ever; nothing at its end, or when it breaks off."""
        try:
            return self._response.read1(_CHUNK_BYTES)
        except (OSError, HTTPException, ValueError):
            return b''

    def close(self) -> None:
        self._response.close()
        self._connection.close()


def ask(address: StreamAddress) -> HttpAnswer:
    """
    Return the answer, whatever its code, after all redirections and with the address's password.

    Raises TemporaryError where there is none, and NotHttpError where it is odd.
    """
    url, login = address.url, Login.of(urlsplit(address.url))
    authorization = login.bearer
    for _ in range(_MOST_REQUESTS):
        parts = urlsplit(url)
        target = target_of(parts)
        answer = _ask(url, target, login, authorization, address)
        places = answer.header('Location')
        if answer.code in _MOVED and places:
            url = _join(url, places[0].strip())
            if not url:
                return answer
            moved = urlsplit(url)
            if address.certificates and moved.scheme != 'https':
                raise TemporaryError(f'{address.shown} redirects to an address without HTTPS: set '
                                     "the parameter 'path' to the address of the stream itself, "
                                     "or leave 'tls_ca' empty")
            # The password is nobody else's business, nor for everybody on the way to read.
            if moved.hostname != parts.hostname or (
                    parts.scheme, moved.scheme) == ('https', 'http'):
                login = Login.of(moved)
            authorization = login.bearer
        elif answer.code == 401 and authorization == login.bearer:
            authorization = login.answer(answer.header('WWW-Authenticate'), target)
            if not authorization:
                return answer
        else:
            return answer
        answer.close()
    raise TemporaryError(f'{address.shown} redirects without end: open it in a browser, and set '
                         "the parameter 'path' to the address that it ends at")


def _ask(url: str, target: str, login: Login, authorization: bytes, address: StreamAddress
         ) -> HttpAnswer:
    connection: HTTPConnection | None = None
    try:
        connection = connect(urlsplit(url), address.certificates)
        connection.request('GET', target, headers={
            **headers(authorization), 'Connection': 'close'})
        line = connection.sock
        response = connection.getresponse()
        with suppress(OSError):  # where the whole answer has come, it is closed
            line.settimeout(None)  # how long silence may last is known elsewhere
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return HttpAnswer(connection, response, url, login)
    except UntrustedError as error:
        raise TemporaryError(f'{address.shown} {error}') from None
    except (HTTPException, ValueError) as error:  # ConnectionResetError is told below
        _close(connection)
        if not isinstance(error, OSError):
            raise NotHttpError(str(error)) from error
        raise TemporaryError(_no_answer(error, address)) from None
    except ssl.SSLError as error:
        _close(connection)
        reason = (error.reason or str(error)).replace('_', ' ').lower()
        raise TemporaryError(f'{address.shown} does not speak HTTPS that we can use ({reason}): '
                             "begin the parameter 'path' with http://, or have the camera use TLS "
                             '1.2 or newer') from None
    except OSError as error:
        _close(connection)
        raise TemporaryError(_no_answer(error, address)) from None


def connect(parts: SplitResult, certificates: str, timeout_s: float = _CONNECT_S
            ) -> HTTPConnection:
    """
    Return a connection that stands, to the server of an address.

    Raises OSError, and UntrustedError where the server is none that `certificates` stand for.
    """
    host = parts.hostname or ''
    if parts.scheme.lower() == 'https':
        return connect_tls(host, parts.port, certificates, timeout_s)
    connection = HTTPConnection(host, parts.port, timeout=min(timeout_s, _REACH_S))
    connection.connect()  # so that its socket can be kept
    connection.sock.settimeout(timeout_s)
    return connection


def headers(authorization: bytes) -> dict[str, str | bytes]:
    """Return the head of a request of ours."""
    return {'User-Agent': 'pi_camera_stream', 'Accept': '*/*', **(
        {'Authorization': authorization} if authorization else {})}


def _close(connection: HTTPConnection | None) -> None:
    if connection is not None:
        connection.close()


def _join(url: str, place: str) -> str:
    """Return where `place` leads from `url`; nothing where that is no address of HTTP."""
    try:
        joined = urljoin(url, place)
        parts = urlsplit(joined)
        usable = parts.scheme in ('http', 'https') and parts.hostname and parts.port != 0
    except ValueError:
        return ''
    return joined if usable else ''


def _no_answer(error: OSError, address: StreamAddress) -> str:
    reason = 'no answer' if isinstance(error, TimeoutError) else (
        error.strerror or 'the connection was closed without an answer')
    return (f'{address.shown} cannot be played ({reason}): start the sender, or correct the '
            'address')


def target_of(parts: SplitResult) -> str:
    """Return what a request of this address asks for, as in its first line."""
    path = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
    return quote(path, safe=string.punctuation)
