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
import contextlib
import math
import socket
import time

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
import av
from pi_camera_stream.codecs import h264_encoder
from pi_camera_stream.codecs.h264 import NEXT_BEGINS
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.h264_stream import stream_h264
from pi_camera_stream.web.stream.stream_query import read_video_request
from pi_camera_stream.web.stream.tiers import H264
from pi_camera_stream.web.stream.viewer import Viewer
import pytest
from support import pictures
from support.processes import WAIT_S
from support.streams import Stream

SIZE = (320, 240)
JPEG = pictures.jpeg(*SIZE)


class Bench:
    """A stream whose camera goes on, and a server that shows it as bytes."""

    def __init__(self):
        self.stream = Stream('/a', time.time_ns, lambda _: None, RenditionEncoder(),
                             RenditionSpec())
        self.number = 0

    async def answer(self, request):
        return await stream_h264(request, self.stream,
                                 Viewer('x', 'h264', read_video_request(request.query)))

    async def film(self):
        while True:
            self.number += 1
            self.stream.reception.accept(len(JPEG))
            self.stream.reception.show()
            self.stream.offer(Frame(JPEG, time.time_ns(), self.number, *SIZE))
            await asyncio.sleep(0.02)


class LikeOurs(TestServer):
    """A server that leaves it to handlers to notice that somebody has gone."""

    async def _make_runner(self, **settings):
        if 'handler_cancellation' in settings:  # from aiohttp 3.9 on
            settings['handler_cancellation'] = False
        return await super()._make_runner(**settings)


@contextlib.asynccontextmanager
async def bench():
    bench, app = Bench(), web.Application()
    app.router.add_get('/stream.h264', bench.answer)
    bench.client = TestClient(LikeOurs(app))
    await bench.client.start_server()
    bench.filming = asyncio.create_task(bench.film())
    yield bench
    bench.filming.cancel()
    bench.stream.close()
    await bench.client.close()


def decoded(data):
    """Return the pictures in a byte stream that was cut off anywhere."""
    context = av.CodecContext.create('h264', 'r')
    return [picture for packet in context.parse(data) for picture in context.decode(packet)]


async def gone(bench):
    while bench.stream.viewers:
        await asyncio.sleep(0.01)


def in_loop(test):
    def wrapped(*arguments):
        async def run():
            async with bench() as running:
                await test(running, *arguments)

        asyncio.run(run())
    wrapped.__name__ = test.__name__
    return wrapped


@in_loop
async def test_a_player_gets_a_stream_that_begins_with_a_key_frame(bench):
    async with bench.client.get('/stream.h264') as answer:
        assert answer.headers['Content-Type'] == 'video/h264'
        assert answer.headers['Cache-Control'] == 'no-store'
        data = b''
        while len(decoded(data)) < 10:
            data += await answer.content.readany()
        assert data.startswith(b'\x00\x00\x00\x01\x67')
        assert decoded(data)[0].width == SIZE[0]
        viewer, = bench.stream.viewers
        assert viewer.state()['codec'] == 'h264'
        assert viewer.state()['age_ms'] > 0


@in_loop
async def test_a_picture_is_whole_for_a_player_before_the_next_one_comes(bench):
    async with bench.client.get('/stream.h264') as answer:
        data = b''
        while data.count(NEXT_BEGINS) < 5:
            data += await answer.content.readany()
        whole = data[:data.rindex(NEXT_BEGINS) + len(NEXT_BEGINS)]
        assert len(decoded(whole)) == whole.count(NEXT_BEGINS)


@in_loop
async def test_who_reads_slowly_goes_on_with_a_key_frame_and_can_decode_all(bench):
    async def read():
        program.sendall(b'GET /stream.h264 HTTP/1.1\r\nHost: x\r\n\r\n')
        while not bench.stream.viewers:
            await asyncio.sleep(0.01)
        viewer, = bench.stream.viewers
        while viewer.reader is None or not viewer.reader.until_key or viewer.sent < 5:
            await asyncio.sleep(0.01)
        data, sent = b'', viewer.sent
        while viewer.sent < sent + 10:
            data += await asyncio.to_thread(program.recv, 65_536)
        return data

    with socket.create_connection((bench.client.host, bench.client.port)) as program:
        data = await asyncio.wait_for(read(), WAIT_S)
    assert NEXT_BEGINS + bytes(4) in data  # by which it was asked whether it wants more
    whole = data[:data.rindex(NEXT_BEGINS) + len(NEXT_BEGINS)].partition(b'\r\n\r\n')[2]
    assert len(decoded(whole)) == whole.count(NEXT_BEGINS)


@in_loop
async def test_who_leaves_before_there_is_a_picture_is_let_go(bench):
    bench.filming.cancel()
    async with bench.client.get('/stream.h264'):
        assert len(bench.stream.viewers) == 1
    await asyncio.wait_for(gone(bench), WAIT_S)


@in_loop
async def test_where_no_frame_comes_of_encoding_the_stream_ends(bench):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(h264_encoder, 'why_missing', lambda: 'H.264 needs PyAV')
        async with bench.client.get('/stream.h264') as answer:
            with contextlib.suppress(aiohttp.ClientError):
                assert await answer.content.read() == b''
        await asyncio.wait_for(gone(bench), WAIT_S)


@in_loop
async def test_the_small_one_can_be_asked_for_and_nothing_else(bench):
    async with bench.client.get('/stream.h264?tier=h264_small') as answer:
        data = b''
        while not decoded(data):
            data += await answer.content.readany()
        assert decoded(data)[0].width == SIZE[0] // 2
    for tier in ('full', 'auto', 'x'):
        answer = await bench.client.get(f'/stream.h264?tier={tier}')
        assert answer.status == 400
        assert await answer.text() == \
            f"the tiers of H.264 are h264 and h264_small, not '{tier}'\n"


@in_loop
async def test_who_reads_nothing_keeps_nobody_waiting(bench):
    async with bench.client.get('/stream.h264') as stuck, bench.client.get(
            '/stream.h264') as answer:
        assert stuck.status == 200
        viewers = bench.stream.viewers
        seen, data = bench.number, b''
        while bench.number < seen + 60:
            data += await answer.content.readany()
        assert max(viewer.sent for viewer in viewers) > 40
        assert len(decoded(data)) > 40


@in_loop
async def test_where_there_is_none_the_answer_is_one_sentence(bench):
    renderer = bench.stream.video._encoded[H264].renderer
    renderer.failed, renderer.again_s = 'H.264 needs PyAV', math.inf
    bench.stream.video.tick(1 / 30)
    answer = await bench.client.get('/stream.h264')
    assert (answer.status, await answer.text()) == (503, 'H.264 needs PyAV\n')
    assert bench.stream.viewers == set()


@in_loop
async def test_where_encoding_fails_the_stream_ends_and_is_no_jpeg(bench):
    async with bench.client.get('/stream.h264') as answer:
        await answer.content.readany()
        bench.stream.video._encoded[H264].renderer.failed = 'this processor is too slow'
        with contextlib.suppress(aiohttp.ClientError):  # it has no length that could be missed
            while data := await answer.content.readany():
                assert JPEG not in data
    assert bench.stream.viewers == set()


@in_loop
async def test_its_head_can_be_asked_for(bench):
    answer = await bench.client.head('/stream.h264')
    assert (answer.status, answer.headers['Content-Type']) == (200, 'video/h264')
