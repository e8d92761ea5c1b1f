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

"""One page without a face: it watches over a WebSocket, decodes or not, and acknowledges."""

from dataclasses import dataclass, field
import json
from pathlib import Path
import socket
import struct
import time
from typing import Any

from .decoding import Decoder
from .pictures import H264, Picture
from .websocket import BINARY, CLOSE, message, Messages, PING, PONG, request, TEXT

HEAD = struct.Struct('>BBBBIq')  # version, tier, codec, flags, sequence, stamp in ns
KEY = 1  # of the flags
_OWN_TIER = 255
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Watch:
    """
    What a page does; it travels as JSON.

    Attributes
    ----------
    query
        What it asks for, behind the address.
    begin_s
        How long after the first page it comes.
    end_s
        How long after the first page it goes; 0 for at the end.
    decodes
        Whether it decodes, and acknowledges what it has decoded; otherwise what has arrived.
    keep
        A file for all that comes; none where that is empty.
    says
        What it asks for later: how long after the first page, in s, and the message.

    """

    query: str
    begin_s: float = 0.0
    end_s: float = 0.0
    decodes: bool = False
    keep: str = ''
    says: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


class Page:
    """
    A connection of its own, which is to be read from when there is something to be read.

    Attributes
    ----------
    pictures
        What was seen.
    asked_ns
        When it asked for pictures.
    reason
        Why H.264 cannot be had, as the bridge says; None where it says nothing of it.
    broken, stale
        How many pictures could not be decoded, and were not newer than what was seen already.

    """

    def __init__(self, number: int, address: tuple[str, int], watch: Watch) -> None:
        self.pictures: list[Picture] = []
        self.reason: str | None = None
        self.broken = self.stale = 0
        self._seen_ns = 0  # stamp of the newest
        self._number, self._watch = number, watch
        self._says = sorted(watch.says, key=lambda one: one[0])
        self._decoder = Decoder() if watch.decodes else None
        self._kept: list[bytes] = []
        self._messages = Messages()
        self._tiers: list[str] = []
        self.asked_ns = time.time_ns()
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request(f'{address[0]}:{address[1]}', f'/ws?{watch.query}'))

    def read(self) -> None:
        """Take in what has come; ConnectionError at the end."""
        data = self.socket.recv(_AT_ONCE)
        if not data:
            raise ConnectionError('the server has ended the connection')
        came_ns = time.time_ns()
        for kind, payload in self._messages.feed(data):
            if kind == BINARY:
                self._take(payload, came_ns)
                came_ns = time.time_ns()
            elif kind == TEXT:
                self._hear(json.loads(payload))
            elif kind == PING:
                self.socket.sendall(message(PONG, payload))
            elif kind == CLOSE:
                raise ConnectionError(f'the server closes: {payload[2:].decode()}')

    def say_what_is_due(self, since_s: float) -> None:
        """Send what is to be said so long after the beginning."""
        while self._says and self._says[0][0] <= since_s:
            self._send(self._says.pop(0)[1])

    def close(self) -> None:
        self.socket.close()
        if self._watch.keep:
            Path(self._watch.keep).write_bytes(b''.join(self._kept))

    def _take(self, payload: bytes, came_ns: int) -> None:
        _, tier, codec, flags, sequence, stamp_ns = HEAD.unpack_from(payload)
        data, shown_ns = payload[HEAD.size:], 0
        if self._watch.keep:
            self._kept += (struct.pack('>I', len(payload)), payload)
        seen = stamp_ns > self._seen_ns
        if not seen:
            self.stale += 1
        if self._decoder is not None:
            if self._decoder.decode(codec == H264, data) is None:
                self.broken += 1
                seen = False
                self._send({'type': 'keyframe'})
            else:
                shown_ns = time.time_ns()
        age_ms = ((shown_ns or came_ns) - stamp_ns) / 1e6 if seen else None
        self._send({'type': 'ack', 'sequence': sequence, 'age_ms': age_ms,
                    'uncertainty_ms': 0.1})
        if not seen:
            return
        self._seen_ns = stamp_ns
        name = self._tiers[tier] if tier < len(self._tiers) else \
            'custom' if tier == _OWN_TIER else str(tier)
        self.pictures.append(Picture(self._number, came_ns, shown_ns, stamp_ns, name, codec,
                                     bool(flags & KEY), sequence, len(data)))

    def _hear(self, told: dict[str, Any]) -> None:
        if told['type'] == 'hello':
            self._tiers = told['tiers']
            self.reason = told.get('h264')
        elif told['type'] == 'h264':
            self.reason = told['reason']

    def _send(self, said: dict[str, Any]) -> None:
        self.socket.sendall(message(TEXT, json.dumps(said).encode()))
