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
import threading

from aiohttp import web
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core import reception
from pi_camera_stream.core.frame import Frame, StampedImage
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream import stream as stream_module
from pi_camera_stream.web.stream.rendition import Status
from pi_camera_stream.web.stream.tiers import NAMES
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
import pytest
from support import pictures
from support.streams import Stream

FULL = StreamRequest(tier=0)


def frame(sequence, jpeg=None, size=(64, 48)):
    return Frame(jpeg or b'jpeg %d' % sequence, 10**9, sequence, *size)


def draw_status(_width, _height, lines, _background):
    return '|'.join(lines).encode()


@pytest.fixture(autouse=True)
def _drawn(monkeypatch):
    monkeypatch.setattr(stream_module, 'status_image', draw_status)


class Bench:
    """A stream, and what it asked for."""

    def __init__(self):
        self.demands = []
        self.stream = Stream('/camera/image_raw/compressed', lambda: 10**9 + 5 * 10**6,
                             self.demands.append, RenditionEncoder(),
                             RenditionSpec(quality=80))


def in_loop(test):
    """Run an async test."""
    async def run():
        bench = Bench()
        await test(bench)
        bench.stream.close()

    def wrapped():
        asyncio.run(run())
    wrapped.__name__ = test.__name__
    return wrapped


@contextlib.contextmanager
def constants(**values):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setattr(stream_module if hasattr(stream_module, name) else reception, name,
                          value)
        yield


@in_loop
async def test_all_who_wait_get_the_newest_frame_and_the_same_bytes(bench):
    with bench.stream.wanted(), bench.stream.use(None) as rendition:
        waiting = [asyncio.create_task(rendition.newer_than(0)) for _ in range(3)]
        await asyncio.sleep(0)
        for sequence in (1, 2, 3):
            bench.stream.offer(frame(sequence))
        frames = await asyncio.gather(*waiting)
    assert [got.sequence for got in frames] == [3, 3, 3]
    assert len({id(got.data) for got in frames}) == 1


@in_loop
async def test_frames_are_wanted_while_somebody_watches(bench):
    with constants(_LINGER_S=0.0):
        with bench.stream.watch(Viewer('a', 'mjpeg', FULL)):
            other = asyncio.create_task(_watch_once(bench.stream))
            await asyncio.sleep(0)
            assert bench.demands == [True]
            assert len(bench.stream.viewers) == 2
            bench.stream.offer(frame(1))
            await other
            assert len(bench.stream.viewers) == 1
            assert not bench.stream.idle
        while bench.demands == [True]:
            await asyncio.sleep(0)
        assert bench.demands == [True, False]
        assert bench.stream.idle


async def _watch_once(stream):
    viewer = Viewer('b', 'mjpeg', FULL)
    with stream.watch(viewer):
        return await viewer.rendition.newer_than(0)


@in_loop
async def test_who_comes_back_at_once_does_not_start_anew(bench):
    with bench.stream.wanted():
        pass
    with bench.stream.wanted():
        assert bench.demands == [True]


@in_loop
async def test_a_new_viewer_never_gets_a_picture_from_before_the_pause(bench):
    with constants(_LINGER_S=0.0):
        with bench.stream.wanted(), bench.stream.use(None) as rendition:
            bench.stream.offer(frame(1))
            await rendition.newer_than(0)
        while bench.demands == [True]:
            await asyncio.sleep(0)
        with bench.stream.wanted(), bench.stream.use(None) as rendition:
            assert rendition.newest is None


@in_loop
async def test_who_comes_while_the_camera_is_silent_does_not_begin_with_an_old_picture(bench):
    with bench.stream.wanted(), bench.stream.use(None) as rendition:
        bench.stream.offer(frame(7))
        await rendition.newer_than(0)
        viewer = Viewer('a', 'mjpeg', FULL)
        with constants(SILENT_S=-1.0), bench.stream.watch(viewer):
            assert viewer.last_sequence == 7


@in_loop
async def test_closing_ends_all_who_watch(bench):
    task = asyncio.create_task(_watch_once(bench.stream))
    await asyncio.sleep(0)
    bench.stream.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not bench.stream.viewers


@in_loop
async def test_closing_gives_the_topic_back(bench):
    with bench.stream.wanted():
        pass  # and the stream lingers
    bench.stream.close()
    assert bench.demands == [True, False]
    assert bench.stream.idle


@in_loop
async def test_a_tier_is_encoded_once_for_all_who_are_on_it(bench):
    encoder = bench.stream._renderer._encoder
    original, calls = encoder.encode, []

    def encode(content, width, height, specs, *stamps):
        calls.append(len(specs))
        return original(content, width, height, specs, *stamps)

    encoder.encode = encode
    viewers = [Viewer('a', 'mjpeg', StreamRequest(tier=2)) for _ in range(5)]
    with contextlib.ExitStack() as stack:
        for viewer in viewers:
            stack.enter_context(bench.stream.watch(viewer))
        bench.stream.offer(frame(1, pictures.jpeg(320, 240), (320, 240)))
        frames = [await viewer.rendition.newer_than(0) for viewer in viewers]
    assert calls == [1]
    assert len({id(got.data) for got in frames}) == 1
    assert (frames[0].width, frames[0].height, frames[0].sequence) == (160, 120, 1)


@in_loop
async def test_who_changes_the_tier_gets_the_other_rendition(bench):
    viewer = Viewer('a', 'websocket', FULL)
    jpeg = pictures.jpeg(320, 240)
    with bench.stream.watch(viewer):
        bench.stream.offer(frame(1, jpeg))
        assert (await viewer.rendition.newer_than(0)).data is jpeg
        viewer.request = StreamRequest(tier=NAMES.index('lowest'))
        bench.stream.move(viewer)
        bench.stream.offer(frame(2, jpeg, (320, 240)))
        assert (await viewer.rendition.newer_than(1)).width == 80


@in_loop
async def test_a_topic_that_is_no_jpeg_is_encoded_for_the_full_tier_too(bench):
    viewer = Viewer('a', 'mjpeg', FULL)
    with bench.stream.watch(viewer):
        bench.stream.offer(StampedImage(lambda: pictures.image(64, 48), 10**9, 1, 64, 48))
        got = await viewer.rendition.newer_than(0)
    assert got.data.startswith(b'\xff\xd8')
    assert (got.width, got.height) == (64, 48)


@in_loop
async def test_renditions_of_viewers_own_are_bounded(bench):
    with contextlib.ExitStack() as stack, bench.stream.wanted():
        for width in range(8):
            stack.enter_context(bench.stream.use(RenditionSpec(width=100 + width)))
        stack.enter_context(bench.stream.use(
            RenditionSpec(width=100)))  # one that is there already
        with pytest.raises(web.HTTPServiceUnavailable) as refusal, \
                bench.stream.use(RenditionSpec(width=99)):
            pass
        assert 'in 8 custom sizes' in refusal.value.text


@in_loop
async def test_tiers_do_not_wait_for_renditions_of_viewers_own(bench):
    release, begun = threading.Event(), threading.Event()
    encoder = bench.stream._renderer._encoder
    original = encoder.encode

    def encode(content, width, height, specs, *stamps):
        if any(spec.width == 100 for spec in specs):
            begun.set()
            release.wait()
        return original(content, width, height, specs, *stamps)

    encoder.encode = encode
    custom = Viewer('a', 'mjpeg', StreamRequest(spec=RenditionSpec(width=100)))
    viewer = Viewer('b', 'mjpeg', StreamRequest(tier=NAMES.index('low')))
    with bench.stream.watch(custom), bench.stream.watch(viewer):
        for sequence in (1, 2, 3):
            bench.stream.offer(frame(sequence, pictures.jpeg(320, 240), (320, 240)))
            await asyncio.get_running_loop().run_in_executor(None, begun.wait)
            assert (await viewer.rendition.newer_than(sequence - 1)).sequence == sequence
        assert custom.rendition.newest is None
        release.set()
        assert (await custom.rendition.newer_than(0)).width == 100


@in_loop
async def test_of_these_one_visitor_has_half(bench):
    with contextlib.ExitStack() as stack, bench.stream.wanted():
        for width in range(4):
            stack.enter_context(bench.stream.use(RenditionSpec(width=100 + width), 'one'))
        with pytest.raises(web.HTTPServiceUnavailable) as refusal, \
                bench.stream.use(RenditionSpec(width=99), 'one'):
            pass
        assert 'in 4 custom sizes and qualities for your address' in refusal.value.text
        for spec in (RenditionSpec(width=100), None):
            stack.enter_context(bench.stream.use(spec, 'one'))
        stack.enter_context(bench.stream.use(RenditionSpec(width=99), 'another'))


@in_loop
async def test_in_silence_all_who_wait_are_told_and_frames_come_through_again(bench):
    viewer = Viewer('a', 'mjpeg', FULL)
    with constants(SILENT_S=0.0, _TICK_S=0.0), bench.stream.watch(viewer):
        status = await viewer.rendition.newer_than(0)
        assert status.signal.state == reception.WAITING
        assert status.picture.data.startswith(b'WAITING')
        assert b'/camera/image_raw/compressed' in status.picture.data
        bench.stream.offer(frame(1))
        while not isinstance(await viewer.rendition.newer_than(0), Frame):
            pass
        status = await viewer.rendition.newer_than(1)
        assert status.signal.state == reception.SILENT
        assert status.picture.data.startswith(b'NO SIGNAL for')


@in_loop
async def test_the_reason_why_nothing_can_be_shown_is_told(bench):
    def read():
        raise ValueError('unknown encoding')

    viewer = Viewer('a', 'mjpeg', FULL)
    with constants(SILENT_S=0.0, _TICK_S=0.0), bench.stream.watch(viewer):
        bench.stream.offer(StampedImage(read, 10**9, 1, 64, 48))
        while b'unknown encoding' not in (
                await viewer.rendition.newer_than(0)).picture.data:
            pass
    assert bench.stream.state()['undecodable'] == 1


@in_loop
async def test_what_is_refused_is_counted_and_the_reason_is_told(bench):
    viewer = Viewer('a', 'mjpeg', FULL)
    bench.stream.reception.refuse('it is too large')  # nobody is there to be told
    with constants(SILENT_S=0.0, _TICK_S=0.0), bench.stream.watch(viewer):
        assert bench.stream.reception.signal().reason == ''
        bench.stream.reception.refuse('it is too large')
        status = await viewer.rendition.newer_than(0)
        assert status.signal.state == reception.BROKEN
        assert status.picture.data.startswith(b'NOT SHOWN for')
        assert status.picture.data.endswith(b'|a picture was dropped because it is too large')
        assert (status.picture.width, status.picture.height) == (640, 360)
        state = bench.stream.state()
        assert (state['undecodable'], state['undecodable_reason']) == (2, 'it is too large')
        assert state['signal']['state'] == 'broken'
        bench.stream.offer(frame(1))
    assert bench.stream.state()['signal'] == {
        'state': 'shown', 'silent_s': 0.0, 'reason': ''}


@in_loop
async def test_what_is_wrong_though_pictures_come_is_told_beside_them(bench):
    viewer = Viewer('a', 'websocket', FULL)
    bench.stream.reception.note = 'nobody publishes /clock'
    with constants(_TICK_S=0.0), bench.stream.watch(viewer):
        bench.stream.offer(frame(1))
        status = None
        while not isinstance(status, Status):
            status = await viewer.rendition.newer_than(1)
        assert (status.signal.state, status.signal.reason, status.picture) == (
            'shown', 'nobody publishes /clock', None)


@pytest.mark.parametrize(('size', 'shown'), [
    ((1280, 720), (640, 360)), ((480, 640), (480, 640)), ((640, 64_000), (6, 640)),
    ((64_000_000, 1), (640, 2)), ((1, 64_000_000), (2, 640))])
def test_a_status_picture_is_never_large(size, shown):
    @in_loop
    async def run(bench):
        viewer = Viewer('a', 'mjpeg', FULL)
        with constants(SILENT_S=0.0, _TICK_S=0.0), bench.stream.watch(viewer):
            bench.stream.offer(frame(1, size=size))
            said = (640, 360)
            while said == (640, 360) != shown:  # from before the frame
                status = await viewer.rendition.newer_than(1)
                if isinstance(status, Status):
                    said = status.picture.width, status.picture.height
            assert said == shown
    run()


@in_loop
async def test_skipped_frames_are_counted(bench):
    viewer = Viewer('a', 'mjpeg')
    for sequence in (5, 6, 10):
        viewer.count(frame(sequence))
    assert (viewer.sent, viewer.skipped) == (3, 3)


@in_loop
async def test_the_state_says_what_comes_and_who_watches(bench):
    viewer = Viewer('192.168.1.5', 'mjpeg', FULL)
    with bench.stream.watch(viewer):
        bench.stream.offer(frame(2))
        await viewer.rendition.newer_than(0)
        state = bench.stream.state()
    assert state['topic'] == '/camera/image_raw/compressed'
    assert (state['width'], state['height'], state['age_ms']) == (64, 48, 5.0)
    assert state['viewers'][0]['address'] == '192.168.1.5'
    assert state['viewers'][0]['tier'] == 'full'


def test_offering_to_a_stream_that_nobody_has_asked_for_is_harmless():
    Bench().stream.offer(frame(1))
