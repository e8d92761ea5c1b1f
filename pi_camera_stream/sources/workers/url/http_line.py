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

"""Small answers over a connection of their own, beside the one with the pictures."""

from contextlib import suppress
from http.client import HTTPConnection
import select
import socket
import threading
import time
from typing import NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

from .http_client import connect, headers, HttpAnswer, Login, target_of
from ....core.errors import TemporaryError
from ....core.json_object import MOST_CHARACTERS

_CONNECT_S = 2.0


class Reply(NamedTuple):
    """An answer, and the moments of CLOCK_MONOTONIC between which it was got."""

    text: str
    sent_ns: int
    received_ns: int


class HttpLine:
    """Asks one address again and again. One thread uses it; any may close it."""

    def __init__(self, url: str, login: Login, certificates: str, answer_s: float) -> None:
        """Connect nowhere yet; an answer that takes longer than `answer_s` is none."""
        self._parts, self._login, self._certificates = urlsplit(url), login, certificates
        self._answer_s = answer_s
        self._target = target_of(self._parts)
        self._authorization = login.bearer
        self._connection: HTTPConnection | None = None

    @classmethod
    def beside(cls, answer: HttpAnswer, header: str, certificates: str, answer_s: float
               ) -> 'HttpLine | None':
        """Return one to where a head of `answer` leads, at the same server; None without such."""
        try:
            here = urlsplit(answer.url)
            url = urljoin(answer.url, answer.header(header)[0].strip())
            there = urlsplit(url)
            if (there.scheme, there.hostname, there.port) != (here.scheme, here.hostname,
                                                              here.port):
                return None
        except (IndexError, ValueError):
            return None
        login, token = answer.login, parse_qs(here.query).get('token')
        if token and not login.password:
            login = Login('', token[0])
        return cls(url, login, certificates, answer_s)

    def ask(self) -> Reply:
        """Return the answer; TemporaryError where there is none, or it is none of ours."""
        kept = self._connection is not None
        try:
            return self._ask()
        except Exception as error:  # whatever a library makes of it must not end a thread
            self.close()
            if not kept:
                raise TemporaryError(f'{type(error).__name__}: {error}') from error
        return self.ask()  # the server may have closed what was kept

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _cut(connection.sock)
            connection.close()

    def _ask(self) -> Reply:
        status, challenges, reply = self._exchange()
        if status == 401 and (answer := self._login.answer(challenges, self._target)):
            self._authorization = answer
            status, _, reply = self._exchange()
        if status != 200:
            raise ValueError(f'status {status}')
        return reply

    def _exchange(self) -> tuple[int, list[str], Reply]:
        if self._connection is None:
            self._connection = connect(self._parts, self._certificates, _CONNECT_S)
        connection, line = self._connection, self._connection.sock
        # A limit for the whole, which those of the socket are not.
        limit = threading.Timer(self._answer_s, _cut, (line,))
        limit.daemon = True
        limit.start()
        try:
            sent_ns = time.monotonic_ns()
            connection.request('GET', self._target, headers=headers(self._authorization))
            select.select([line], [], [], self._answer_s)
            received_ns = time.monotonic_ns()
            response = connection.getresponse()
            body = response.read(MOST_CHARACTERS + 1)
        finally:
            limit.cancel()
        if not response.isclosed():
            raise ValueError('the answer is too long')
        challenges = response.headers.get_all('WWW-Authenticate', [])
        if connection.sock is None:  # the server does not keep it
            self._connection = None
        return response.status, challenges, Reply(body.decode(), sent_ns, received_ns)


def _cut(line: socket.socket | None) -> None:
    """End what anybody does with a connection."""
    if line is not None:
        with suppress(OSError):  # it has ended already
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # TLS need not say goodbye
