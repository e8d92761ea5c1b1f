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
import inspect
import json
import math
import struct
import threading
import time
from types import SimpleNamespace

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
import av
from hypothesis import given, strategies
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core import reception
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.reception import Signal, SILENT
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream import delivery, video, websocket
from pi_camera_stream.web.stream import viewer as viewer_module
from pi_camera_stream.web.stream.link import Link, LinkState
from pi_camera_stream.web.stream.rendition import Status
from pi_camera_stream.web.stream.tiers import choose, H264, JPEG_NAMES
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
from pi_camera_stream.web.stream.websocket import stream_websocket, WebSocketTransport
from pi_camera_stream.web.webrtc.availability import why_missing
import pytest
from support import pictures
from support.processes import WAIT_S
from support.streams import Stream

JPEG = pictures.jpeg(320, 240)
SILENCE = Signal(SILENT, 12.3, 'the cable is out')


class Page:
    """A page that watches a stream, played by the test."""

    def __init__(self, wanted=StreamRequest()):  # noqa: B008 - it is frozen
        self.stream = Stream('/camera/image_raw/compressed', time.time_ns, lambda _: None,
                             RenditionEncoder(),
                             RenditionSpec())
        self.request = wanted
        self.number = 0

    async def __aenter__(self):
        async def answer(request):
            return await stream_websocket(request, self.stream,
                                          Viewer('x', 'websocket', self.request))

        app = web.Application()
        app.router.add_get('/ws', answer)
        self.client = TestClient(TestServer(app))
        await self.client.start_server()
        self.socket = await self.client.ws_connect('/ws')
        self.hello = await self.socket.receive_json()
        return self

    async def __aexit__(self, *_):
        await self.socket.close()
        self.stream.close()
        await self.client.close()

    @property
    def viewer(self):
        viewer, = self.stream.viewers
        return viewer

    def offer(self, stamp_ns=None):
        self.number += 1
        stamp_ns = time.time_ns() if stamp_ns is None else stamp_ns
        self.stream.offer(Frame(JPEG, stamp_ns, self.number, 320, 240))

    async def picture(self):
        """Return version, tier, sequence, stamp and JPEG of the next message."""
        data = await self.socket.receive_bytes()
        version, tier, _, sequence, stamp_ns = struct.unpack_from('>BBHIq', data)
        return version, tier, sequence, stamp_ns, data[16:]

    async def ack(self, sequence, age_ms=12.5):
        await self.socket.send_json({'type': 'ack', 'sequence': sequence, 'age_ms': age_ms})

    async def tell(self, message):
        await self.socket.send_str(message)


def scene(wanted=StreamRequest()):  # noqa: B008 - it is frozen
    """Run an async test that takes a page."""
    def decorate(test):
        async def run(*arguments):
            async with Page(wanted) as page:
                await test(page, *arguments)

        def wrapped():
            asyncio.run(run())
        wrapped.__name__ = test.__name__
        return wrapped
    return decorate


@scene()
async def test_pictures_come_with_their_stamp_and_number(page):
    viewer, = page.stream.viewers
    assert page.hello == {'type': 'hello', 'topic': '/camera/image_raw/compressed',
                          'tiers': ['full', 'high', 'medium', 'low', 'lowest'],
                          'viewer': viewer.name, 'webrtc': why_missing()}
    for number in (1, 2, 3):
        before_ns = time.time_ns()
        page.offer()
        version, tier, sequence, stamp_ns, jpeg = await page.picture()
        assert (version, tier, sequence) == (1, 0, number)
        assert before_ns <= stamp_ns <= time.time_ns()
        assert jpeg == JPEG
        await page.ack(sequence)


@pytest.mark.parametrize('stamp_ns', [0, -1_500_000_000, -2**31 * 10**9])
def test_stamps_that_are_none_are_handed_on_and_close_nothing(stamp_ns):
    async def run():
        async with Page() as page:
            for number in (1, 2, 3):
                page.offer(stamp_ns)
                picture = await page.picture()
                assert picture[2:4] == (number, stamp_ns)
                await page.ack(number)

    asyncio.run(run())


@scene()
async def test_a_page_that_is_behind_gets_the_newest_picture_when_it_has_caught_up(page):
    page.offer()
    _, _, sequence, *_ = await page.picture()
    for _ in range(20):
        page.offer()
        await asyncio.sleep(0)
    await page.ack(sequence)
    _, _, sequence, *_ = await page.picture()
    assert sequence == 21
    assert page.viewer.skipped == 19


@scene()
async def test_the_page_tells_how_old_its_pictures_are(page):
    for age_ms in (10.0, 20.0, 30.0, None):
        page.offer()
        _, _, sequence, *_ = await page.picture()
        await page.ack(sequence, age_ms)
    page.offer()
    await page.picture()  # so all has been heard
    assert page.viewer.age_ms.median() == 20.0


@scene()
async def test_the_clock_is_answered_with_that_of_the_stamps(page):
    before_ms = time.time_ns() / 1e6
    await page.tell('{"type": "clock", "client_ms": 1234.5}')
    answer = await page.socket.receive_json()
    assert answer['type'] == 'clock'
    assert answer['client_ms'] == 1234.5
    assert before_ms - 1 <= answer['server_ms'] <= time.time_ns() / 1e6 + 1
    assert answer['lost'] == 0  # nothing is lost here


@scene()
async def test_the_tier_can_be_chosen_while_it_runs(page):
    page.offer()
    _, tier, sequence, _, jpeg = await page.picture()
    await page.tell('{"type": "tier", "tier": "lowest"}')
    await page.tell('{"type": "clock", "client_ms": 0}')
    await page.socket.receive_json()  # so it has been heard
    await page.ack(sequence)
    page.offer()
    _, tier, sequence, _, jpeg = await page.picture()
    assert tier == 4
    assert len(jpeg) < len(JPEG) / 2


@scene()
async def test_no_picture_comes_while_none_is_wanted_but_all_that_is_said(page):
    page.offer()
    await page.ack((await page.picture())[2])
    await page.tell('{"type": "tier", "tier": "none"}')
    await page.tell('{"type": "clock", "client_ms": 0}')
    assert (await page.socket.receive_json())['type'] == 'clock'  # so it has been heard
    for _ in range(5):
        page.offer()
        await asyncio.sleep(0)
    page.viewer.rendition.wake(Status(SILENCE, None))
    assert (await page.socket.receive_json())['type'] == 'signal'  # before any picture
    assert page.viewer.state()['tier'] == 'none'
    await page.tell('{"type": "tier", "tier": "auto"}')
    assert (await page.picture())[1:3] == (0, 6)  # the newest, without waiting for another one


@scene()
async def test_nothing_is_encoded_for_a_page_that_wants_no_picture(page):
    page.stream._renderer.want = wanted = lambda specs: wanted.__dict__.update(specs=specs)
    await page.tell('{"type": "tier", "tier": "lowest"}')
    await page.tell('{"type": "tier", "tier": "none"}')
    await page.tell('{"type": "clock", "client_ms": 0}')
    await page.socket.receive_json()
    assert wanted.specs == []


@scene(StreamRequest(spec=RenditionSpec(width=64)))
async def test_a_rendition_of_ones_own_has_no_tier(page):
    page.offer()
    _, tier, *_ = await page.picture()
    assert tier == 255


@scene()
async def test_in_silence_the_page_is_told_state_seconds_and_reason(page):
    page.viewer.rendition.wake(Status(SILENCE, Frame(b'status', 0, 0, 64, 48)))
    message = await page.socket.receive_json()
    assert message == {'type': 'signal', 'state': 'silent', 'silent_s': 12.3,
                       'reason': 'the cable is out'}


@pytest.mark.parametrize('message', [
    '', '{', '[]', 'null', '{}', '{"type": "move"}', '{"type": "ack"}',
    '{"type": "ack", "sequence": "1"}', '{"type": "ack", "sequence": null}',
    '{"type": "ack", "sequence": 1, "age_ms": "x"}', '{"type": "clock"}',
    '{"type": "clock", "client_ms": NaN}', '{"type": "clock", "client_ms": 1e999}',
    '{"type": "tier", "tier": "best"}', '{"type": "tier", "tier": 3}', '["type"]', '1' * 1000,
    '[' * 900,
])
def test_nonsense_ends_the_connection_with_a_reason(message):
    async def run():
        async with Page() as page:
            await page.tell(message)
            answer = await page.socket.receive()
            assert answer.type is aiohttp.WSMsgType.CLOSE
            assert answer.data == aiohttp.WSCloseCode.POLICY_VIOLATION
            await _no_viewer(page)

    asyncio.run(run())


def test_messages_that_no_page_would_send_end_the_connection():
    async def run():
        for send in ('send_bytes', 'send_str'):
            async with Page() as page:
                await getattr(page.socket, send)(b'x' * 5000 if send == 'send_bytes'
                                                 else 'x' * 5000)
                answer = await page.socket.receive()
                assert answer.type is aiohttp.WSMsgType.CLOSE
                await _no_viewer(page)

    asyncio.run(run())


@scene()
async def test_whoever_leaves_is_forgotten(page):
    page.offer()
    await page.picture()
    await page.socket.close()
    await _no_viewer(page)


async def _no_viewer(page):
    while page.stream.viewers:
        await asyncio.sleep(0.001)


def test_who_is_no_websocket_is_told_so():
    async def run():
        async with Page() as page:
            answer = await page.client.get('/ws')
            assert answer.status == 426
            assert '/stream.mjpg' in await answer.text()

    asyncio.run(run())


def test_a_long_way_may_have_more_pictures_on_it():
    transport = WebSocketTransport.__new__(WebSocketTransport)
    transport.interval_s, transport._more = 1 / 30, 0
    for least_s, window in ((0.005, 1), (0.03, 1), (0.05, 2), (0.1, 4), (9.0, 8)):
        transport._least_s = least_s
        assert transport._window() == window


SEGMENT = 1448


class Way:
    """What the kernel knows of a way to a page, and when that has painted a picture."""

    closed = False

    def __init__(self, bytes_per_s, round_trip_s, work_s):
        self.bytes_per_s, self.round_trip_s, self.work_s = bytes_per_s, round_trip_s, work_s
        self.now_s, self.size, self.begun_s = 1000.0, 0, 0.0
        self.excess_bytes = Link.__new__(Link).excess_bytes

    def monotonic(self):
        return self.now_s

    def state(self):
        arriving_s = self.now_s - self.begun_s - self.round_trip_s
        left = self.size - max(0, int(arriving_s * self.bytes_per_s))
        return LinkState(max(0, math.ceil(left / SEGMENT)) * SEGMENT, SEGMENT, self.round_trip_s,
                         0.0, int(self.bytes_per_s))


def transport_on(link):
    """Return a transport whose connection is `link`."""
    connection = SimpleNamespace(set_write_buffer_limits=lambda **_: None,
                                 get_extra_info=lambda _: None)
    transport = WebSocketTransport(None, connection, None)
    transport.link = link
    return transport


def transits_s(way, sizes):
    """Return what is taken for the transit of pictures that are sent one after the other."""
    transport, found = transport_on(way), []
    transport._look_later = lambda: None  # time is ours
    for number, size in enumerate(sizes):
        transport.begin(Frame(bytes(size), 0, number, 64, 48))
        way.size, way.begun_s = size, way.now_s
        transport._in_flight[number] = way.begun_s, 0
        painted_s = way.begun_s + size / way.bytes_per_s + way.round_trip_s + way.work_s
        while way.now_s + websocket._LOOK_S < painted_s:
            way.now_s += websocket._LOOK_S
            transport._look()
        way.now_s = painted_s
        transport.acknowledge(number)
        found.append(transport._transit_s)
        transport._transit_s = None
    return found


@given(strategies.floats(1e5, 1e8), strategies.floats(0.0, 0.3), strategies.floats(0.0, 0.3),
       strategies.integers(2000, 300_000))
def test_a_link_that_was_narrow_from_the_beginning_counts_and_the_work_of_the_page_does_not(
        bytes_per_s, round_trip_s, work_s, size):
    way = Way(bytes_per_s, round_trip_s, work_s)
    narrow_s = size / bytes_per_s
    unseen_s = websocket._LOOK_S + 3 * SEGMENT / bytes_per_s + 1.25 * round_trip_s
    with pytest.MonkeyPatch.context() as patch:
        for module in (delivery, websocket):
            patch.setattr(module, 'time', way)
        for transit_s in transits_s(way, [size] * 8):
            assert narrow_s - unseen_s <= transit_s <= narrow_s + 1e-6


def test_what_a_queue_adds_on_a_wide_link_counts_as_before(monkeypatch):
    way = Way(1e9, 0.02, 0.005)
    for module in (delivery, websocket):
        monkeypatch.setattr(module, 'time', way)
    assert transits_s(way, [30_000]) == pytest.approx([0.0], abs=1e-3)
    transport = transport_on(way)
    for number, took_s in enumerate((0.025, 0.025, 0.085, 0.025)):
        transport._in_flight[number] = way.now_s, 0
        way.now_s += took_s
        transport.acknowledge(number)
        transit_s, transport._transit_s = transport._transit_s, None
        assert transit_s == pytest.approx(took_s - 0.025, abs=1e-3)


@pytest.mark.parametrize(('late_s', 'counted_s'), [
    (0.005, 0.005), (0.012, 0.012),  # as it is: larger pictures are predicted by that
    (0.03, 0.4 / 30), (0.1, 0.4 / 30),  # its processor is busy, and it is still in time
    (0.2, 0.1)])
def test_a_page_that_paints_video_late_is_no_narrow_link(monkeypatch, late_s, counted_s):
    way = Way(1e9, 0.02, 0.005)
    for module in (delivery, websocket):
        monkeypatch.setattr(module, 'time', way)
    transport = transport_on(way)
    transport._look_later = lambda: None
    found = []
    for number, took_s in enumerate((0.025, 0.025 + late_s)):
        transport.begin(Frame(b'', 0, number, 64, 48, codec='h264'))
        transport._in_flight[number] = way.now_s, 0
        way.now_s += took_s
        transport.acknowledge(number)
        found.append(transport._transit_s)
        transport._transit_s = None
    assert found == pytest.approx([0.0, counted_s], abs=1e-4)


def test_the_kernel_is_asked_as_long_as_something_is_on_its_way():
    async def run():
        link = Way(1e6, 0.0, 0.0)
        transport = transport_on(link)
        link.size, link.begun_s = 54_000, link.now_s
        transport.begin(Frame(JPEG, 0, 1, 320, 240))
        while not transport._transit_s:
            await asyncio.sleep(0.001)
        first_s = transport._transit_s
        while transport._transit_s == first_s:
            await asyncio.sleep(0.001)
        link.size = 0
        while transport._looking is not None:
            await asyncio.sleep(0.001)
        assert transport._transit_s > first_s

    asyncio.run(run())


@scene()
async def test_what_comes_as_a_flood_is_not_read(page):
    """It stays with its sender: no more is answered than one page may ask."""
    answered, begun_s = 0, time.monotonic()

    async def flood():
        while True:
            await page.socket.send_str('{"type":"clock","client_ms":1}')
            await page.socket.ping()

    async def count():
        nonlocal answered
        async for message in page.socket:
            answered += 'clock' in message.data

    flooding = [asyncio.create_task(flood()), asyncio.create_task(count())]
    async with page.client.ws_connect('/ws') as quiet:
        await quiet.receive_json()
        for _ in range(100):
            await asyncio.sleep(0.01)
            await quiet.send_json({'type': 'clock', 'client_ms': 7})
            while (await quiet.receive_json())['type'] != 'clock':
                pass
    for task in flooding:
        task.cancel()
    await asyncio.gather(*flooding, return_exceptions=True)
    assert 100 < answered < 310 * (1 + time.monotonic() - begun_s)
    page.socket = quiet  # the other would wait until all of the flood has been read


# H.264: a page that can decode it, and a camera whose pictures have a size that encodes quickly

SIZE = (320, 240)
VIDEO = StreamRequest(**choose('h264', ('jpeg', 'h264')), codecs=('jpeg', 'h264'))
AUTO = StreamRequest(**choose('auto', ('jpeg', 'h264')), codecs=('jpeg', 'h264'))


class VideoPage(Page):
    """A page that decodes what comes, and a camera that goes on beside it."""

    def __init__(self, wanted=VIDEO):
        super().__init__(wanted)
        self.decoder = av.CodecContext.create('h264', 'r')
        self.decoder.options = {'flags': '+low_delay'}
        self.decoder.thread_count = 1
        self.texts = []

    async def __aenter__(self):
        await super().__aenter__()
        self._filming = asyncio.create_task(self._film())
        return self

    async def __aexit__(self, *_):
        self._filming.cancel()
        await super().__aexit__()

    async def _film(self):
        while True:
            self.offer()
            await asyncio.sleep(0.02)

    async def frame(self, answer=True):
        """Return tier, codec, flags, sequence and size of the next picture, which is decoded."""
        while True:
            message = await self.socket.receive(WAIT_S)
            if message.type is aiohttp.WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
                continue
            version, tier, codec, flags, sequence, _ = struct.unpack_from('>BBBBIq', message.data)
            assert version == 1
            if answer:
                await self.ack(sequence)
            if codec == 0:
                assert flags == 0
                assert message.data[16:] == JPEG or message.data[16:18] == b'\xff\xd8'
                return tier, codec, flags, sequence, None
            picture, = self.decoder.decode(av.Packet(message.data[16:]))
            return tier, codec, flags, sequence, (picture.width, picture.height)

    async def until(self, wanted):
        """Return the pictures up to the first of which that is true."""
        frames = [await self.frame()]
        while not wanted(frames[-1]):
            frames.append(await self.frame())
        return frames


def filmed(wanted=VIDEO):
    """Run an async test that takes a page that shows H.264."""
    def decorate(test):
        def wrapped(*arguments, **named):
            async def run():
                async with VideoPage(wanted) as page:
                    await test(page, *arguments, **named)

            asyncio.run(run())
        wrapped.__name__, wrapped.__signature__ = test.__name__, inspect.Signature(
            list(inspect.signature(test).parameters.values())[1:])
        return wrapped
    return decorate


@filmed()
async def test_a_page_that_wants_pictures_again_gets_jpegs_until_a_key_frame(page, monkeypatch):
    await page.until(lambda frame: frame[1] == 1)
    await page.tell('{"type": "tier", "tier": "none"}')
    await page.tell('{"type": "clock", "client_ms": 0}')
    while not any(text['type'] == 'clock' for text in page.texts):
        message = await page.socket.receive(WAIT_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            page.texts.append(json.loads(message.data))
        else:  # one that was under way
            await page.ack(struct.unpack_from('>BBBBIq', message.data)[4])
    encode, goes_on = H264Encoder.encode, threading.Event()

    def encode_late(*arguments):
        assert goes_on.wait(WAIT_S)
        return encode(*arguments)

    monkeypatch.setattr(H264Encoder, 'encode', encode_late)
    await page.tell('{"type": "tier", "tier": "h264_small"}')
    assert (await page.frame())[:2] == (0, 0)
    goes_on.set()
    pictures = await page.until(lambda frame: frame[1] == 1)
    assert pictures[-1][:3] == (6, 1, 1)


@filmed()
async def test_a_page_that_shows_h264_gets_jpegs_until_a_key_frame_and_all_behind_it(page):
    assert page.hello == {'type': 'hello', 'topic': '/camera/image_raw/compressed',
                          'tiers': [*JPEG_NAMES, 'h264', 'h264_small'], 'h264': '',
                          'viewer': page.viewer.name, 'webrtc': why_missing()}
    before = await page.until(lambda frame: frame[1] == 1)
    assert {frame[:3] for frame in before[:-1]} == {(0, 0, 0)}
    frames = [before[-1], *[await page.frame() for _ in range(20)]]
    assert {frame[:2] for frame in frames} == {(5, 1)}
    assert frames[0][2] == 1  # a key frame
    assert {frame[4] for frame in frames} == {SIZE}
    numbers = [frame[3] for frame in [*before, *frames[1:]]]
    assert numbers == sorted(numbers)
    state = page.stream.state()
    assert (state['viewers'][0]['tier'], state['viewers'][0]['codec']) == ('h264', 'h264')
    assert state['h264']['h264']['encoder'] == 'libx264'


@filmed(AUTO)
async def test_who_may_have_all_begins_with_jpeg_and_changes_both_ways(page):
    assert [(await page.frame())[1] for _ in range(5)] == [0] * 5
    for name, tier in (('h264', 5), ('h264_small', 6), ('full', 0), ('h264', 5), ('low', 3),
                       ('jpeg', None)):
        await page.tell(json.dumps({'type': 'tier', 'tier': name}))
        if tier is not None:
            frames = await page.until(lambda frame, tier=tier: frame[0] == tier)
            numbers = [frame[3] for frame in frames]
            assert numbers == sorted(numbers)
    assert all(frame[1] == 0 for frame in [await page.frame() for _ in range(5)])
    assert page.stream.video.state() == {}


@filmed()
async def test_a_page_whose_decoder_lost_something_gets_a_key_frame(page):
    await page.until(lambda frame: frame[1] == 1)
    await page.tell('{"type": "keyframe"}')
    await page.until(lambda frame: frame[2] == 1)


@filmed()
async def test_a_page_that_asks_again_and_again_gets_few_and_then_smaller_ones(page):
    await page.until(lambda frame: frame[1] == 1)
    for _ in range(200):
        await page.tell('{"type": "keyframe"}')
    await page.until(lambda frame: frame[0] == 6)
    large, small = page.stream.video.renditions.values()
    assert large.keys_asked + small.keys_asked <= 4


@filmed()
async def test_for_a_page_that_never_acknowledges_nothing_grows(page):
    await page.until(lambda frame: frame[1] == 1)
    reader, rendition = page.viewer.reader, page.stream.video.renditions[H264]
    seen = page.number
    while page.number < seen + 40:
        await asyncio.sleep(0.02)
    sent, asked = page.viewer.sent, rendition.keys_asked
    while page.number < seen + 80:
        await asyncio.sleep(0.02)
    assert page.viewer.sent == sent
    assert reader.until_key
    assert len(reader._buffer) == 0
    assert page.viewer.link.backlog_bytes() < 100_000
    assert rendition.keys_asked == asked
    # And as soon as it does, it goes on.
    for number in range(seen, page.number):
        await page.ack(number)
    await page.until(lambda frame: frame[2] == 1)


@filmed()
async def test_in_silence_a_page_with_h264_is_told_too_and_goes_on(page, monkeypatch):
    await page.until(lambda frame: frame[1] == 1 and page.number > 9)  # the rate is known
    monkeypatch.setattr(reception, 'SILENT_S', 0.1)
    page._filming.cancel()
    while not any(text['type'] == 'signal' for text in page.texts):
        message = await page.socket.receive(WAIT_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            page.texts.append(json.loads(message.data))
        else:
            page.decoder.decode(av.Packet(message.data[16:]))
    assert page.texts[-1]['state'] == 'silent'
    page._filming = asyncio.create_task(page._film())
    await page.until(lambda frame: frame[1:3] == (1, 0))


@filmed()
async def test_what_a_page_has_painted_is_heard_of_for_h264_too(page):
    painted = []
    page.stream.on_painted = lambda *what: painted.append(what)
    await page.until(lambda frame: frame[1] == 1)
    painted.clear()
    await page.frame()
    await page.until(lambda _: painted)
    assert painted[0][1:] == (12.5, 0)


@filmed()
async def test_where_encoding_fails_the_page_is_told_and_jpeg_goes_on(page):
    await page.until(lambda frame: frame[1] == 1)
    renderer = page.stream.video._encoded[H264].renderer
    renderer.failed, renderer.again_s = 'this processor is too slow', math.inf
    await page.until(lambda frame: frame[1] == 0)
    assert {'type': 'h264', 'reason': 'this processor is too slow'} in page.texts
    assert page.viewer.tier_name() in JPEG_NAMES
    # It is tried again, not at once.
    renderer.again_s = 0.0
    await page.until(lambda frame: frame[1] == 1)
    assert page.texts[-1] == {'type': 'h264', 'reason': ''}


def test_without_pyav_the_page_is_told_at_once_and_h264_is_not_tried(monkeypatch, caplog):
    monkeypatch.setattr(video, '_without_pyav', lambda: 'H.264 needs PyAV')

    @filmed()
    async def run(page):
        assert page.hello['h264'] == 'H.264 needs PyAV'
        assert {(await page.frame())[1] for _ in range(10)} == {0}
        assert page.stream.video.renditions[H264].users == 0

    run()
    assert caplog.messages == ['H.264 needs PyAV; pictures go on as JPEG']


def test_a_viewer_who_waits_long_for_a_key_frame_is_told(monkeypatch):
    monkeypatch.setattr(viewer_module, '_LONG_S', 0.1)

    @filmed(AUTO)
    async def run(page):
        hand_over = page.stream.video._encoded[H264]._hand_over
        deliver, hand_over._deliver = hand_over._deliver, lambda _: None
        await page.tell('{"type": "tier", "tier": "h264"}')
        while not page.texts:
            assert (await page.frame())[1] == 0
        assert page.texts[0]['type'] == 'h264'
        assert 'has had no key frame yet' in page.texts[0]['reason']
        hand_over._deliver = deliver
        page.stream.video._encoded[H264].renderer.request_key_frame()
        await page.until(lambda frame: frame[1] == 1)
        while len(page.texts) < 2:
            await page.frame()
        assert page.texts[1] == {'type': 'h264', 'reason': ''}

    run()


def test_who_waits_for_the_camera_is_not_told_of_a_key_frame(monkeypatch):
    monkeypatch.setattr(viewer_module, '_LONG_S', 0.1)
    monkeypatch.setattr(reception, 'SILENT_S', 0.1)

    @filmed(AUTO)
    async def run(page):
        page._filming.cancel()
        await page.tell('{"type": "tier", "tier": "h264"}')
        while sum(text['type'] == 'signal' for text in page.texts) < 3:
            message = await page.socket.receive(WAIT_S)
            if message.type is aiohttp.WSMsgType.TEXT:
                page.texts.append(json.loads(message.data))
        assert {text['type'] for text in page.texts} == {'signal'}

    run()


@scene()
async def test_who_says_nothing_of_h264_cannot_choose_it(page):
    await page.tell('{"type": "tier", "tier": "h264"}')
    answer = await page.socket.receive()
    assert answer.type is aiohttp.WSMsgType.CLOSE


@scene()
async def test_a_message_is_written_as_the_protocol_has_it(page):
    for size in (0, 1, 125, 126, 65_535, 65_536, 200_000):
        page.viewer.link._transport.write(websocket._wire(0x82, b'x' * size))
        assert await page.socket.receive_bytes() == b'x' * size
