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

"""An RTSP client that says what it is told to, and puts pictures together again."""

import asyncio
import contextlib
import hashlib
import re
import struct

from .processes import WAIT_S

TCP = 'RTP/AVP/TCP;unicast;interleaved=0-1'


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Client:
    """One connection; `packets` are those that came between answers, with their channels."""

    def __init__(self, reader, writer, url):
        self.reader, self.writer, self.url = reader, writer, url
        self.sequence, self.session, self.login = 0, '', None
        self.packets = []
        self.first = None  # number of the first packet
        self._nonce, self._depacketizer = None, Depacketizer()

    @classmethod
    async def open(cls, port, path='camera'):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        return cls(reader, writer, f'rtsp://127.0.0.1:{port}/{path}')

    async def ask(self, method, url=None, **headers):
        """Return the answer; with `login`, a challenge is taken up once."""
        answer = await self._ask(method, url or self.url, headers)
        if answer.status == 401 and self.login and not self._nonce:
            self._nonce = re.search('nonce="(.*?)"', answer.headers['www-authenticate'])[1]
            answer = await self._ask(method, url or self.url, headers)
        return answer

    async def _ask(self, method, url, headers):
        self.sequence += 1
        headers = {'CSeq': self.sequence, **({'Session': self.session} if self.session else {}),
                   **headers}
        if self._nonce:
            headers['Authorization'] = authorization(*self.login, self._nonce, method, url)
        self.send(method, url, headers)
        answer = await self.answer()
        assert answer.headers['cseq'] == str(self.sequence)
        if 'session' in answer.headers:
            self.session = answer.headers['session'].partition(';')[0]
        return answer

    def send(self, method, url, headers):
        self.writer.write(f'{method} {url} RTSP/1.0\r\n{_lines(headers)}\r\n'.encode())

    async def answer(self):
        """Read up to the next answer, and return it."""
        while True:
            first = await self._exactly(1)
            if first == b'$':
                await self._packet()
                continue
            head = first + await asyncio.wait_for(self.reader.readuntil(b'\r\n\r\n'), WAIT_S)
            line, *lines = head.decode().strip().split('\r\n')
            headers = {name.lower(): value for name, _, value in
                       (one.partition(': ') for one in lines)}
            body = await self._exactly(int(headers.get('content-length', 0)))
            return Answer(int(line.split(' ')[1]), headers, body.decode())

    async def play(self, transport=TCP):
        """Describe, set up and play; return the three answers."""
        answers = [await self.ask('DESCRIBE'),
                   await self.ask('SETUP', self.url + '/track0', Transport=transport),
                   await self.ask('PLAY', Range='npt=0-')]
        assert [answer.status for answer in answers] == [200, 200, 200], answers[-1].body
        return answers

    async def frames(self, count):
        """Return the access units of so many frames, and their RTP times."""
        found, depacketizer = [], self._depacketizer
        while len(found) < count:
            if not self.packets:
                await self.read_packet()
            channel, packet = self.packets.pop(0)
            if channel == 0:
                if self.first is None:
                    self.first = int.from_bytes(packet[2:4], 'big')
                found += depacketizer.put(packet)
        return found

    async def read_packet(self):
        """Read one that comes, and nothing else may, into `packets`."""
        assert await self._exactly(1) == b'$'
        await self._packet()

    async def ended(self):
        """Wait until the server has closed the connection."""
        try:
            while await asyncio.wait_for(self.reader.read(65536), WAIT_S):
                pass
        except ConnectionError:
            pass

    def close(self):
        self.writer.close()

    async def end(self):
        """Close it if that has not been done, and see to the end of it."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def _packet(self):
        channel, size = struct.unpack('>BH', await self._exactly(3))
        self.packets.append((channel, await self._exactly(size)))

    async def _exactly(self, size):
        return await asyncio.wait_for(self.reader.readexactly(size), WAIT_S)


class Depacketizer:
    """RFC 6184, written down once more: single NAL units, STAP-A, FU-A; no packet may be lost."""

    def __init__(self):
        self._units, self._fragments, self._next = [], None, None

    def put(self, packet):
        """Return (access unit, RTP time) if it is whole with this packet, in a list."""
        first, second, sequence, time, _ = struct.unpack_from('>BBHII', packet)
        assert first == 0x80
        assert second & 0x7F == 96
        assert self._next in (None, sequence)
        self._next = (sequence + 1) % 65536
        self._take(bytes(packet[12:]))
        if not second & 0x80:
            return []
        assert self._fragments is None
        units, self._units = self._units, []
        return [(b''.join(b'\0\0\0\1' + unit for unit in units), time)]

    def _take(self, payload):
        kind = payload[0] & 0x1F
        if kind == 24:
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at:at + 2], 'big')
                self._units.append(payload[at + 2:at + 2 + size])
                at += 2 + size
        elif kind == 28:
            begins, ends = payload[1] & 0x80, payload[1] & 0x40
            assert bool(begins) == (self._fragments is None)
            if begins:
                self._fragments = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            self._fragments += payload[2:]
            if ends:
                self._units.append(self._fragments)
                self._fragments = None
        else:
            assert 1 <= kind <= 23
            self._units.append(payload)


def authorization(user, password, nonce, method, url, realm='pi_camera_stream'):
    who, what = _md5(f'{user}:{realm}:{password}'), _md5(f'{method}:{url}')
    return (f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}", '
            f'response="{_md5(f"{who}:{nonce}:{what}")}"')


def _md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def _lines(headers):
    return ''.join(f'{name}: {value}\r\n' for name, value in headers.items())
