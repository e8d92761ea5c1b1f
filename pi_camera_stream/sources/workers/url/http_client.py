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

from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
import socket
import ssl
import string
from urllib.parse import quote, SplitResult, unquote, urljoin, urlsplit

from .http_auth import authorize
from ...stream_address import StreamAddress
from ....core.errors import TemporaryError

_CONNECT_S = 5.0  # also until each piece of the answer's head
_CHUNK_BYTES = 2**16
_MOST_REQUESTS = 10  # for one answer: places that the camera sends us to, and its password
_MOST_REASON = 60  # letters
_MOVED = (301, 302, 303, 307, 308)


class NotHttpError(Exception):
    """What answers does not speak HTTP as Python's client knows it."""


class HttpAnswer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
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
    url, authorization = address.url, ''
    user, password = _user(urlsplit(url))
    for _ in range(_MOST_REQUESTS):
        parts = urlsplit(url)
        target = _target(parts)
        answer = _ask(parts, target, authorization, address)
        places = answer.header('Location')
        if answer.code in _MOVED and places:
            url = _join(url, places[0].strip())
            if not url:
                return answer
            moved = urlsplit(url)
            # The password is nobody else's business, nor for everybody on the way to read.
            if moved.hostname != parts.hostname or (
                    parts.scheme, moved.scheme) == ('https', 'http'):
                user, password = _user(moved)
            authorization = ''
        elif answer.code == 401 and user and not authorization:
            authorization = authorize(answer.header('WWW-Authenticate'), user, password, target)
            if not authorization:
                return answer
        else:
            return answer
        answer.close()
    raise TemporaryError(f'{address.shown} sends us from one address to the next without end: '
                         "open it in a browser, and set the parameter 'path' to the address that "
                         'it ends at')


def _ask(parts: SplitResult, target: str, authorization: str, address: StreamAddress
         ) -> HttpAnswer:
    headers = {'User-Agent': 'pi_camera_stream', 'Accept': '*/*', 'Connection': 'close'}
    if authorization:
        headers['Authorization'] = authorization
    connection = _connection(parts)
    try:
        connection.connect()  # so that its socket can be kept
        connection.request('GET', target, headers=headers)
        line = connection.sock
        response = connection.getresponse()
        with suppress(OSError):  # where the whole answer has come, it is closed
            line.settimeout(None)  # how long silence may last is known elsewhere
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return HttpAnswer(connection, response)
    except (HTTPException, ValueError) as error:  # ConnectionResetError is told below
        connection.close()
        if not isinstance(error, OSError):
            raise NotHttpError(str(error)) from error
        raise TemporaryError(_no_answer(error, address)) from None
    except ssl.SSLError as error:
        connection.close()
        reason = (error.reason or str(error)).replace('_', ' ').lower()
        raise TemporaryError(f'{address.shown} does not speak HTTPS as we do ({reason}): begin '
                             "the parameter 'path' with http://, or let the camera use TLS 1.2 "
                             'or newer') from None
    except OSError as error:
        connection.close()
        raise TemporaryError(_no_answer(error, address)) from None


def _connection(parts: SplitResult) -> HTTPConnection:
    host = parts.hostname or ''
    if parts.scheme.lower() == 'http':
        return HTTPConnection(host, parts.port, timeout=_CONNECT_S)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # cameras have certificates of their own making
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, parts.port, timeout=_CONNECT_S, context=context)


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
    return (f'{address.shown} cannot be played ({reason}): start the sender, or mend the '
            'address')


def _user(parts: SplitResult) -> tuple[str, str]:
    given = parts.netloc.rpartition('@')[0]
    user, _, password = given.partition(':')
    return unquote(user), unquote(password)


def _target(parts: SplitResult) -> str:
    path = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
    return quote(path, safe=string.punctuation)
