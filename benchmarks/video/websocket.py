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

"""As much of a WebSocket's client (RFC 6455) as viewers need."""

import base64
from collections.abc import Iterator
import os
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
_END = b'\r\n\r\n'


class WebSocketError(Exception):
    """What came is none that we read; the text says what it is."""


def request(host: str, path: str) -> bytes:
    """Return what asks for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (f'GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n'
            f'Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n'
            'User-Agent: pi_camera_stream-bench\r\n\r\n').encode()


def message(kind: int, payload: bytes) -> bytes:
    """Return a short message as a client sends it; its mask is zero, which changes nothing."""
    if len(payload) >= _LENGTH_16:
        raise ValueError(f'{len(payload)} bytes are more than these viewers say')
    return bytes((_FINAL | kind, _MASKED | len(payload))) + bytes(4) + payload


class Messages:
    """Find the messages in what a server sends, in pieces of any size; fragments it does not."""

    def __init__(self) -> None:
        self._answered = False
        self._came = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
        """Yield what kind the messages are whose last byte is among these, and their payloads."""
        self._came += data
        if not self._answered and not self._answer():
            return
        while (found := self._first()) is not None:
            yield found

    def _answer(self) -> bool:
        end = self._came.find(_END)
        if end < 0:
            return False
        status = self._came[:self._came.find(b'\r\n')]
        if b' 101 ' not in status + b' ':
            told = bytes(self._came).decode(errors='replace')
            raise WebSocketError(f'the server answers {told}')
        del self._came[:end + len(_END)]
        self._answered = True
        return True

    def _first(self) -> tuple[int, bytes] | None:
        came, at = self._came, 2
        if len(came) < at:
            return None
        kind, size = came[0] & 0x0F, came[1]
        if not came[0] & _FINAL or kind not in (TEXT, BINARY, CLOSE, PING, PONG):
            raise WebSocketError(f'a WebSocket frame begins with {came[0]}: a fragment')
        for mark, form in ((_LENGTH_16, '>H'), (_LENGTH_64, '>Q')):
            if size == mark:
                if len(came) < at + struct.calcsize(form):
                    return None
                size, = struct.unpack_from(form, came, at)
                at += struct.calcsize(form)
                break
        if len(came) < at + size:
            return None
        payload = bytes(memoryview(came)[at:at + size])
        del came[:at + size]
        return kind, payload
