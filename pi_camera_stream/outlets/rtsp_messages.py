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

"""What RTSP clients say (RFC 2326): requests, data between them, and how they are answered."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

CHANNELS = range(255)  # of RTP; the next one is that of RTCP
_MOST_HEAD_BYTES, _MOST_BODY_BYTES, _MOST_HEADERS = 8192, 4096, 64
_FIRST_LINE = re.compile(r'([A-Z_]{1,20}) (\S{1,1000}) RTSP/(?P<version>\d)\.\d', re.ASCII)
_STATUS_LINE = re.compile(r'RTSP/(?P<version>\d)\.\d (?P<status>\d{3})(?P<reason>(?: .{0,200})?)',
                          re.ASCII)
_HEADER = re.compile(r'([!-9;-~]+)[ \t]*:[ \t]*(.*)')
_URL = re.compile(r'rtsp[su]?://[^/?#]*', re.IGNORECASE)
_PORTS = range(1024, 65535)
_REASONS = {
    200: 'OK', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
    405: 'Method Not Allowed', 413: 'Request Entity Too Large', 429: 'Too Many Requests',
    453: 'Not Enough Bandwidth', 454: 'Session Not Found',
    455: 'Method Not Valid In This State', 461: 'Unsupported Transport',
    500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable',
    505: 'RTSP Version Not Supported',
}


class RtspError(Exception):
    """A request that is answered with an error: its status, and one sentence."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None,
                 ends: bool = False) -> None:
        """Make it; `ends` is whether the connection ends with it."""
        super().__init__(sentence)
        self.status, self.headers, self.ends = status, dict(headers or {}), ends


@dataclass(frozen=True)
class Request:
    """One request; the names of its headers are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b''

    @property
    def path(self) -> str:
        """Return what is behind host and port, without the query and the slashes around it."""
        return self._parts[0].strip('/')

    @property
    def query(self) -> dict[str, str]:
        """Return what is asked for behind the path."""
        return dict(parse_qsl(self._parts[2]))

    @property
    def _parts(self) -> tuple[str, str, str]:
        return _URL.sub('', self.url, count=1).partition('?')


@dataclass(frozen=True)
class Answer:
    """What a server says to a request; the names of its headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = b''


@dataclass(frozen=True)
class Interleaved:
    """A packet between requests."""

    channel: int
    data: bytes


@dataclass(frozen=True)
class Delivery:
    """How packets are to come: in this connection, to its other end by UDP, or to a group."""

    channel: int | None = None  # of RTP; RTCP has the next one
    port: int | None = None
    control_port: int = 0
    multicast: bool = False


M = TypeVar('M', Request, Answer)


class _Reader(ABC, Generic[M]):
    """Finds the messages in what a connection brings, however it is cut."""

    _first_line: re.Pattern[str]
    _what: str

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[M | Interleaved]:
        """Yield what is complete now; RtspError, which ends the connection, for anything else."""
        self._data += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> M | Interleaved | None:
        data = self._data
        while data and data[0] in b'\r\n':
            del data[0]
        if not data:
            return None
        if data[:1] == b'$':
            size = 4 + int.from_bytes(data[2:4], 'big')
            if len(data) < 4 or len(data) < size:
                return None
            return Interleaved(data[1], self._take(size)[4:])
        return self._message()

    def _message(self) -> M | None:
        end = self._data.find(b'\r\n\r\n', 0, _MOST_HEAD_BYTES)
        line, has_line, _ = bytes(self._data[:_MOST_HEAD_BYTES]).partition(b'\r\n')
        match = self._first_line.fullmatch(line.decode('latin-1')) if has_line else None
        if (has_line and match is None) or not self._data[:1].isalpha():
            raise RtspError(400, f'this is not an RTSP {self._what}', ends=True)
        if match is not None and match['version'] != '1':
            raise RtspError(505, 'only RTSP 1.0 is supported', ends=True)
        if end < 0 and len(self._data) >= _MOST_HEAD_BYTES:
            raise RtspError(413, f'the headers of this {self._what} are too long: at most '
                                 f'{_MOST_HEAD_BYTES} bytes', ends=True)
        if end < 0 or match is None:
            return None
        headers = _read_headers(bytes(self._data[len(line) + 2:end]).decode('latin-1'))
        size = _body_size(headers)
        if len(self._data) < end + 4 + size:
            return None
        body = self._take(end + 4 + size)[end + 4:]
        return self._create(match, headers, body)

    @abstractmethod
    def _create(self, line: re.Match[str], headers: Mapping[str, str], body: bytes) -> M:
        """Return a message with that first line."""

    def _take(self, size: int) -> bytes:
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken


class MessageReader(_Reader[Request]):
    """Finds requests."""

    _first_line, _what = _FIRST_LINE, 'request'

    def _create(self, line: re.Match[str], headers: Mapping[str, str], body: bytes) -> Request:
        return Request(line[1], line[2], headers, body)


class AnswerReader(_Reader[Answer]):
    """Finds answers."""

    _first_line, _what = _STATUS_LINE, 'answer'

    def _create(self, line: re.Match[str], headers: Mapping[str, str], body: bytes) -> Answer:
        return Answer(int(line['status']), line['reason'].strip(), headers, body)


def write_request(method: str, url: str, headers: Mapping[str, str], body: str = '') -> bytes:
    """Return a request; headers must not have line ends in them."""
    return _write(f'{method} {url} RTSP/1.0', headers, body)


def write_answer(status: int, headers: Mapping[str, str], body: str = '') -> bytes:
    """Return an answer; headers must not have line ends in them."""
    return _write(f'RTSP/1.0 {status} {_REASONS[status]}', headers, body)


def _write(first_line: str, headers: Mapping[str, str], body: str) -> bytes:
    data = body.encode()
    lines = [first_line, *(f'{name}: {value}' for name, value in headers.items()),
             *([f'Content-Length: {len(data)}'] if data else [])]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1', 'replace') + data


def read_delivery(header: str, multicast: bool = False) -> Delivery:
    """
    Return the first way in a Transport header that there is; RtspError where there is none.

    `multicast` is whether there is that. A `destination` is passed over: packets go to who asks,
    or anybody could have others flooded.
    """
    for alternative in header.split(','):
        protocol, *words = (word.strip() for word in alternative.split(';'))
        options = {name.strip().lower(): value.strip() for name, _, value in
                   (word.partition('=') for word in words)}
        if options.get('mode', 'play').strip('"').lower() != 'play':
            continue
        if 'multicast' in options:
            if multicast and protocol.upper() in ('RTP/AVP', 'RTP/AVP/UDP'):
                return Delivery(multicast=True)
            continue
        if protocol.upper() == 'RTP/AVP/TCP':
            first, _ = _pair(options.get('interleaved', '0-1'))
            if first in CHANNELS:
                return Delivery(channel=first)
        elif protocol.upper() in ('RTP/AVP', 'RTP/AVP/UDP'):
            first, second = _pair(options.get('client_port', ''))
            if first in _PORTS and second in _PORTS and first != second:
                return Delivery(port=first, control_port=second)
    raise RtspError(461, 'supported transports: RTP/AVP/TCP with interleaved=, and RTP/AVP with '
                         'client_port= of 1024 or above, mode=PLAY')


def _pair(text: str) -> tuple[int, int]:
    """Return the two numbers of `6-7`, or of `6`; -1 for what is none."""
    numbers = [int(part) if re.fullmatch(r'\d{1,5}', part, re.ASCII) else -1
               for part in text.split('-')[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0], numbers[0] + 1)


def _read_headers(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    lines = text.split('\r\n') if text else []
    if len(lines) > _MOST_HEADERS:
        raise RtspError(400, f'too many headers: at most {_MOST_HEADERS}', ends=True)
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise RtspError(400, 'a line of the head is not a header', ends=True)
        name, value = match[1].lower(), match[2].strip()
        # Several of one name are one with commas (RFC 2068, 4.2), as where a server offers more
        # than one way to log in.
        headers[name] = f'{headers[name]}, {value}' if name in headers else value
    return headers


def _body_size(headers: Mapping[str, str]) -> int:
    text = headers.get('content-length', '0')
    if not re.fullmatch(r'\d{1,9}', text, re.ASCII):
        raise RtspError(400, 'Content-Length is not a number', ends=True)
    if int(text) > _MOST_BODY_BYTES:
        raise RtspError(413, f'the body is too long: at most {_MOST_BODY_BYTES} bytes', ends=True)
    return int(text)
