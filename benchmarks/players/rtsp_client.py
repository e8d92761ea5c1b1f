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

"""An RTSP player that decodes nothing, so that many of them cost little: it counts frames."""

import asyncio
from dataclasses import dataclass, field
import re
import socket
import struct
import time
from typing import Any

_READ_BYTES = 65536
_MOST_UNREAD_BYTES = 1 << 17
_STUCK_BUFFER_BYTES = 4096
_CHANNEL, _MARKER = 0, 0x80
_RTP_HEAD = struct.Struct('>BBH')
_GROUP = re.compile(r'destination=([\d.]+);port=(\d+)')
TCP, UDP, MULTICAST = 'tcp', 'udp', 'multicast'


@dataclass
class Counted:
    """
    What has come.

    Attributes
    ----------
    frames_ns
        When the last packet of each frame was there.
    missing
        Packets that have not come.

    """

    frames_ns: list[int] = field(default_factory=list)
    missing: int = 0
    _next: int | None = None

    def packet(self, data: bytes | memoryview) -> None:
        """Take in one of RTP."""
        _, kind, sequence = _RTP_HEAD.unpack_from(data)
        ahead = (sequence - self._next + 32768) % 65536 - 32768 if self._next is not None else 0
        if ahead < 0:  # it comes late, or again
            return
        self.missing += ahead
        self._next = (sequence + 1) % 65536
        if kind & _MARKER:
            self.frames_ns.append(time.time_ns())


class RtspClient:
    """One connection, from its first request on."""

    def __init__(self, counted: Counted) -> None:
        self._counted, self._number, self._session = counted, 0, ''
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._transport: asyncio.DatagramTransport | None = None

    async def play(self, address: str, port: int, way: str, local: str, stuck: bool = False
                   ) -> None:
        """
        Ask for the stream, to come to `local` where it does not in the connection.

        One who is stuck holds next to nothing. ConnectionError where it is refused.
        """
        connection = socket.socket()
        if stuck:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STUCK_BUFFER_BYTES)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
        except OSError:
            connection.close()
            raise
        self._reader, self._writer = await asyncio.open_connection(
            sock=connection, limit=_STUCK_BUFFER_BYTES if stuck else _MOST_UNREAD_BYTES)
        url = f'rtsp://{address}:{port}/camera'
        await self._ask('DESCRIBE', url)
        asked = {TCP: 'RTP/AVP/TCP;unicast;interleaved=0-1', MULTICAST: 'RTP/AVP;multicast'}
        if way == UDP:
            near = await self._listen(local)
            asked[UDP] = f'RTP/AVP;unicast;client_port={near}-{near + 1}'
        said = await self._ask('SETUP', f'{url}/track0', f'Transport: {asked[way]}\r\n')
        if way == MULTICAST:
            match = _GROUP.search(said)
            if match is None:
                raise ConnectionError('the server sends to no group')
            await self._join(match[1], int(match[2]), local)
        await self._ask('PLAY', url)

    async def count(self) -> None:
        """Count what comes, until the server ends it."""
        waiting = b''
        while data := await self._reader.read(_READ_BYTES):
            waiting = self._take(waiting + data)

    def close(self) -> None:
        """Go without a word."""
        if self._transport is not None:
            self._transport.close()
        if hasattr(self, '_writer'):
            self._writer.transport.abort()

    def _take(self, data: bytes) -> bytes:
        """Take in whole packets; return what is left."""
        at, view = 0, memoryview(data)
        while len(data) - at >= 4:
            if data[at] != 0x24:
                raise ConnectionError('something else than a packet has come')
            end = at + 4 + int.from_bytes(view[at + 2:at + 4], 'big')
            if end > len(data):
                break
            if data[at + 1] == _CHANNEL:
                self._counted.packet(view[at + 4:end])
            at = end
        return data[at:]

    async def _ask(self, method: str, url: str, more: str = '') -> str:
        self._number += 1
        session = f'Session: {self._session}\r\n' if self._session else ''
        self._writer.write(f'{method} {url} RTSP/1.0\r\nCSeq: {self._number}\r\n{session}{more}'
                           '\r\n'.encode())
        head = (await self._reader.readuntil(b'\r\n\r\n')).decode()
        match = re.search(r'(?mi)^content-length: (\d+)', head)
        body = await self._reader.readexactly(int(match[1])) if match else b''
        if not head.startswith('RTSP/1.0 200 '):
            raise ConnectionError(f'{head[:12]} {body.decode().strip()}')
        if match := re.search(r'(?mi)^session: ([^;\s]+)', head):
            self._session = match[1]
        return head

    async def _listen(self, local: str) -> int:
        one = socket.socket(type=socket.SOCK_DGRAM)
        one.bind((local, 0))
        return int((await self._receive(one)).getsockname()[1])

    async def _join(self, group: str, port: int, local: str) -> None:
        one = socket.socket(type=socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((group, port))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                       socket.inet_aton(group) + socket.inet_aton(local))
        await self._receive(one)

    async def _receive(self, one: socket.socket) -> Any:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self._counted), sock=one)
        return self._transport.get_extra_info('socket')


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def datagram_received(self, data: bytes, _address: Any) -> None:
        self._counted.packet(data)
