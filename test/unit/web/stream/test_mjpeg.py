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
import socket
import statistics
import time

from aiohttp import web
from aiohttp.test_utils import TestServer
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.reception import Signal, SILENT
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.mjpeg import stream_mjpeg
from pi_camera_stream.web.stream.rendition import Status
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
import pytest
from support import pictures
from support.processes import WAIT_S
from support.streams import Stream

JPEG = pictures.jpeg(320, 240)
SILENCE = Signal(SILENT, 12.3, 'the cable is out')


class Scene:
    """A server with one stream, and raw connections to it."""

    def __init__(self, request=StreamRequest()):  # noqa: B008 - it is frozen
        self._request = request

    async def __aenter__(self):
        self.stream = Stream('/a', time.time_ns, lambda _: None,
                             RenditionEncoder(),
                             RenditionSpec())
        app = web.Application()
        app.router.add_get('/', self._answer)
        self.server = TestServer(app)
        await self.server.start_server()
        self.number = 0
        return self

    async def __aexit__(self, *_):
        self.stream.close()
        await self.server.close()

    async def _answer(self, request):
        return await stream_mjpeg(request, self.stream, Viewer('x', 'mjpeg', self._request))

    async def open(self, headers='', method='GET'):
        reader, writer = await asyncio.open_connection('127.0.0.1', self.server.port)
        writer.write(f'{method} / HTTP/1.1\r\nHost: x\r\n{headers}\r\n'.encode())
        head = await reader.readuntil(b'\r\n\r\n')
        return head.decode(), reader, writer

    async def viewers(self, count):
        while len(self.stream.viewers) != count:
            await asyncio.sleep(0.001)

    def offer(self, stamp_ns=1_700_000_000_123_456_789, data=JPEG):
        self.number += 1
        self.stream.offer(Frame(data, stamp_ns, self.number, 320, 240))

    async def film(self, data):
        """Go on offering frames, whose stamp is their number."""
        while True:
            self.offer(self.number + 1, data)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(('stamp_ns', 'seconds'), [
    (1_700_000_000_123_456_789, '1700000000.123456789'), (0, '0.000000000'),
    (-1_500_000_001, '-1.500000001'), (-1, '-0.000000001')])
def test_a_program_gets_length_and_time_before_each_picture(stamp_ns, seconds):
    async def run():
        async with Scene() as scene:
            head, reader, writer = await scene.open()
            assert 'multipart/x-mixed-replace; boundary=frame' in head
            assert 'Cache-Control: no-store' in head
            assert 'X-Accel-Buffering: no' in head
            assert 'chunked' not in head.lower()
            for _ in range(3):
                await scene.viewers(1)
                scene.offer(stamp_ns)
                part = await reader.readuntil(b'\r\n\r\n')
                assert part.decode() == (
                    f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n'
                    f'X-Timestamp: {seconds}\r\n\r\n')
                assert await reader.readexactly(len(JPEG)) == JPEG
                assert await reader.readexactly(2) == b'\r\n'
            writer.close()

    asyncio.run(run())


def test_a_browser_gets_the_head_of_the_next_part_behind_each_picture():
    async def run():
        async with Scene() as scene:
            _, reader, writer = await scene.open('User-Agent: Mozilla/5.0\r\n')
            head = b'--frame\r\nContent-Type: image/jpeg\r\n\r\n'
            assert await reader.readexactly(len(head)) == head
            await scene.viewers(1)
            scene.offer()
            assert await reader.readexactly(len(JPEG)) == JPEG
            assert await reader.readexactly(2 + len(head)) == b'\r\n' + head
            writer.close()

    asyncio.run(run())


def test_a_question_for_the_head_alone_is_answered_with_it():
    async def run():
        async with Scene() as scene:
            head, reader, writer = await scene.open('Connection: close\r\n', 'HEAD')
            assert 'multipart/x-mixed-replace' in head
            assert await reader.read() == b''
            writer.close()

    asyncio.run(run())


def test_what_a_viewer_sends_besides_stays_outside():
    async def run():
        async with Scene() as scene:
            _, reader, writer = await scene.open()
            await scene.viewers(1)
            transport = next(iter(scene.stream.viewers)).link._transport
            assert not transport.is_reading()
            writer.write(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' * 1000)
            scene.offer()
            await reader.readuntil(b'\r\n\r\n')
            assert await reader.readexactly(len(JPEG)) == JPEG
            assert len(scene.stream.viewers) == 1
            writer.transport.abort()

    asyncio.run(run())


def test_whoever_leaves_is_forgotten():
    async def run():
        async with Scene() as scene:
            for leave in ('close', 'abort'):
                _, _, writer = await scene.open()
                await scene.viewers(1)
                scene.offer()
                getattr(writer.transport, leave)()
                while scene.stream.viewers:
                    scene.offer()
                    await asyncio.sleep(0.001)

    asyncio.run(run())


def test_the_status_picture_is_a_part_like_any_other():
    async def run():
        async with Scene() as scene:
            _, reader, writer = await scene.open()
            await scene.viewers(1)
            viewer, = scene.stream.viewers
            viewer.rendition.wake(Status(SILENCE, Frame(b'status', 10**9, 0, 64, 48)))
            part = await reader.readuntil(b'\r\n\r\n')
            assert b'Content-Length: 6\r\n' in part
            assert await reader.readexactly(8) == b'status\r\n'
            assert viewer.sent == 0
            writer.close()

    asyncio.run(run())


class SlowReader:
    """A program with a plain blocking socket, whose kernel keeps what it has not read."""

    def __init__(self, port):
        self._socket = socket.create_connection(('127.0.0.1', port), timeout=WAIT_S)
        self._socket.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        self._file = self._socket.makefile('rb')
        self._head()

    def read(self):
        """Return the number of the next frame, and its bytes."""
        boundary, *lines = self._head()
        assert boundary == b'--frame'
        fields = dict(line.split(b': ') for line in lines)
        data = self._file.read(int(fields[b'Content-Length']))
        assert self._file.readline() == b'\r\n'
        return int(fields[b'X-Timestamp'].replace(b'.', b'')), data

    def _head(self):
        lines = []
        while line := self._file.readline().strip():
            lines.append(line)
        return lines

    def close(self):
        self._file.close()
        self._socket.close()


@pytest.mark.parametrize('tier', [0, None])
def test_a_program_that_is_slower_than_the_camera_gets_new_frames_and_all_of_each(tier):
    work, data = 8, JPEG + bytes(30_000)  # frames of the camera that it needs for one

    async def run():
        async with Scene(StreamRequest(tier)) as scene:
            filming = asyncio.create_task(scene.film(data))
            reader = await asyncio.to_thread(SlowReader, scene.server.port)
            viewer, = scene.stream.viewers
            ages, unread = [], []
            for _ in range(24):
                number, received = await asyncio.to_thread(reader.read)
                unread.append(viewer.state()['unread_bytes'])
                ages.append(scene.number - number)
                assert tier is None or received == data
                until = scene.number + work
                while scene.number < until:
                    await asyncio.sleep(0.001)
            # The first ones came before anybody could know how slow it is.
            assert max(unread[:12]) > len(data)
            assert statistics.median(ages[12:]) < work
            assert max(ages[12:]) < 3 * work
            # Its way is wide enough for the best picture.
            assert viewer.tier_name() == 'full'
            filming.cancel()
            reader.close()

    asyncio.run(run())
