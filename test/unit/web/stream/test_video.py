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
from contextlib import contextmanager
import math
import threading
import time
from types import SimpleNamespace

from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.frame import H264 as CODEC
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream import video, video_rendition
from pi_camera_stream.web.stream.tiers import choose, H264, H264_SMALL, LADDERS
from pi_camera_stream.web.stream.video import VideoOptions
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
import pytest
from support import pictures
from support.processes import WAIT_S
from support.streams import Stream

SIZE = (320, 240)
JPEG = pictures.jpeg(*SIZE)
BOTH = ('jpeg', 'h264')


class Source:
    """A camera that has H.264 as such, and what it is asked."""

    available = True

    def __init__(self):
        self.wanted, self.keys, self.limits = [], 0, []
        self.obeys = True

    def want(self, wanted):
        self.wanted.append(wanted)

    def request_key_frame(self):
        self.keys += 1

    def limit_bitrate(self, bps):
        self.limits.append(bps)
        return self.obeys


class Bench:
    def __init__(self, source=None):
        self.source, self.said, self.number = source, [], 0
        self.stream = Stream('/a', time.time_ns, lambda _: None, RenditionEncoder(),
                             RenditionSpec(), options=VideoOptions(log=self.said.append),
                             video=source)
        self.encoder = H264Encoder(400_000, 30)

    def offer(self):
        self.number += 1
        self.stream.offer(Frame(JPEG, time.time_ns(), self.number, *SIZE))

    def offer_video(self, key=None, size=SIZE):
        """Offer one of the camera's own access units, as a thread of its own does."""
        self.number += 1
        if key:
            self.encoder.request_key_frame()
        frame = self.encoder.encode(pictures.image(*SIZE, self.number), time.time_ns(),
                                    self.number)
        frame = Frame(frame.data, frame.stamp_ns, frame.sequence, *size, codec=CODEC,
                      key=frame.key if key is None else key)
        thread = threading.Thread(target=self.stream.offer_video, args=(frame,))
        thread.start()
        thread.join()
        return frame

    def viewer(self, tier='h264', codecs=BOTH):
        if codecs == ('h264',):
            return Viewer('x', 'h264', StreamRequest(ladder=LADDERS['h264'][:1], codecs=codecs))
        return Viewer('x', 'websocket', StreamRequest(**choose(tier, codecs), codecs=codecs))

    def encoders(self):
        """Return what is encoded here at present."""
        return {name for name, spec in (('h264', H264), ('h264_small', H264_SMALL))
                if self.stream.video._encoded[spec]._wanted}

    @contextmanager
    def watched(self, **how):
        viewer = self.viewer(**how)
        with self.stream.watch(viewer):
            yield viewer


def in_loop(*, source=True):
    def decorate(test):
        def wrapped():
            async def run():
                bench = Bench(Source() if source else None)
                await test(bench)
                bench.stream.close()

            asyncio.run(run())
        wrapped.__name__ = test.__name__
        return wrapped
    return decorate


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(video, '_KEY_PATIENCE_S', 0.3)
    monkeypatch.setattr(video, '_SILENT_S', 0.3)


@in_loop()
async def test_what_a_camera_encodes_is_handed_on_as_it_is(bench):
    bench.offer_video()  # while nobody wants it
    with bench.watched(codecs=('h264',)) as viewer:
        assert bench.source.wanted == [True]
        assert bench.encoders() == set()
        frames = [bench.offer_video(key=True), bench.offer_video(), bench.offer_video()]
        for frame in frames:
            got = await viewer.reader.next(lambda _: False, lambda: False)
            assert got is frame
        assert bench.stream.state()['h264']['h264']['encoder'] == 'source'
        assert bench.stream.video.title() == 'h264 by the camera'
        assert bench.stream.state()['h264']['h264']['encoding_ms'] is None
    assert bench.source.wanted == [True, False]
    assert bench.encoders() == set()


@in_loop()
async def test_its_numbers_follow_those_of_the_pictures_and_back(bench):
    with bench.watched() as viewer:
        for _ in range(5):
            bench.offer()
        bench.number = 0  # as a source counts its own
        bench.offer_video(key=True)
        await until(lambda: viewer.codec() == 'h264')
        numbers = [viewer.reader._buffer.take().sequence]
        for _ in range(9):
            bench.offer_video()
        await until(lambda: len(viewer.reader._buffer) == 9)
        numbers += [viewer.reader._buffer.take().sequence for _ in range(9)]
        assert numbers == list(range(5, 15))
        viewer.last_sequence = numbers[-1]
        viewer.ask(StreamRequest(**choose('full', BOTH), codecs=BOTH))
        bench.stream.move(viewer)
        bench.number = 5
        bench.offer()
        assert (await viewer.rendition.newer_than(viewer.last_sequence)).sequence == 6


@in_loop()
async def test_the_age_of_its_frames_is_known_to_who_drives_by_them(bench):
    with bench.watched(codecs=('h264',)):
        frame = bench.offer_video(key=True)
        assert 0 <= bench.stream.arrivals.age_s(frame.stamp_ns) < WAIT_S
        bench.stream.reception.refuse('it is cut off')  # a picture beside it
        bench.offer_video()
        await until(lambda: not bench.stream.reception._in_a_row)


@in_loop()
async def test_who_has_none_is_not_waited_for(bench):
    bench.source.available = False
    with bench.watched():
        assert bench.encoders() == {'h264'}
        assert bench.source.wanted == [True]  # it may come


@in_loop()
async def test_the_small_one_is_encoded_here_beside_it(bench):
    with bench.watched(), bench.watched(tier='h264_small'):
        assert bench.encoders() == {'h264_small'}
        assert bench.source.wanted == [True]


@in_loop()
async def test_the_camera_is_asked_for_a_key_frame_by_who_comes(bench):
    with bench.watched() as viewer:
        bench.offer()
        assert viewer.codec() == 'jpeg'
        assert bench.source.keys == 1
        bench.offer_video(key=True)
        await until(lambda: viewer.codec() == 'h264')


@in_loop()
async def test_a_camera_without_key_frames_is_encoded_here_and_that_is_said_once(bench):
    with bench.watched() as viewer:
        bench.offer_video(key=False)
        while viewer.codec() == 'jpeg':
            bench.offer()
            bench.offer_video(key=False)
            bench.stream.video.tick(1 / 30)
            await asyncio.sleep(0.02)
        for _ in range(5):
            bench.stream.video.tick(1 / 30)
    assert bench.encoders() == set()
    sentence, = bench.said
    assert 'has no key frames' in sentence


@in_loop()
async def test_a_camera_that_falls_silent_is_encoded_here_until_it_goes_on(bench):
    with bench.watched() as viewer:
        bench.offer_video(key=True)
        await until(lambda: viewer.codec() == 'h264')
        assert bench.encoders() == set()
        while not bench.encoders():
            bench.stream.video.tick(1 / 30)
            await asyncio.sleep(0.02)
        while bench.stream.video.renditions[H264].newest.key or bench.stream.video._passing:
            bench.offer()
            await asyncio.sleep(0.02)
        frame = bench.offer_video(key=True)
        assert bench.stream.video.reason() == ''
        await until(lambda: not bench.encoders())
        assert bench.stream.video.renditions[H264].newest is frame
        assert viewer.codec() == 'h264'


@in_loop()
async def test_another_size_in_the_midst_of_a_group_is_left_out_up_to_a_key_frame(bench):
    with bench.watched(codecs=('h264',)) as viewer:
        bench.offer_video(key=True)
        bench.offer_video(key=False, size=(64, 48))
        bench.offer_video(key=False, size=(64, 48))
        bench.offer_video(key=False)
        frame = bench.offer_video(key=True, size=(64, 48))
        got = await viewer.reader.next(lambda _: False, lambda: False)
        assert got is frame
    sentence, = bench.said
    assert '64x48 among others that are 320x240' in sentence


@in_loop()
async def test_the_rate_of_a_camera_is_asked_for_and_where_it_cannot_be_it_is_what_it_is(bench):
    for obeys in (True, False):
        bench.source.obeys = obeys
        with bench.watched(codecs=('h264',)):
            bench.offer_video(key=True)
            await asyncio.sleep(0)
            rate = bench.stream.video.renditions[H264].rate
            await until(lambda: bench.stream.video._passing)
            rate._set(0.5)
            assert bench.source.limits[-1] == bench.stream.video.rates[H264].bitrate_bps(
                H264, *SIZE)
            assert rate.fixed is not obeys


@in_loop(source=False)
async def test_an_encoder_works_only_while_somebody_wants_it(bench):
    assert bench.encoders() == set()
    with bench.watched() as viewer:
        assert bench.encoders() == {'h264'}
        while viewer.codec() == 'jpeg':
            bench.offer()
            await asyncio.sleep(0.01)
        assert bench.stream.video.renditions[H264].keys_asked == 0  # it begins with one
        assert bench.stream.video.title().startswith('h264 by libx264, ')
        viewer.ask(StreamRequest(**choose('full', BOTH), codecs=BOTH))
        bench.stream.move(viewer)
        assert bench.encoders() == set()
        assert bench.stream.video.title() == ''
        assert viewer.codec() == 'jpeg'
        viewer.ask(StreamRequest(**choose('h264_small', BOTH), codecs=BOTH))
        bench.stream.move(viewer)
        assert bench.encoders() == {'h264_small'}
    assert bench.encoders() == set()
    assert bench.stream._full.users == 0
    assert [rendition.users for rendition in bench.stream.video.renditions.values()] == [0, 0]


@in_loop(source=False)
async def test_it_begins_with_the_newest_picture_unless_that_is_old(bench):
    with bench.stream.wanted():
        bench.offer()
        with bench.watched() as viewer:
            await until(lambda: viewer.codec() == 'h264')
        while bench.stream._newest() is not None:
            await asyncio.sleep(0.01)
        with bench.watched() as viewer:
            bench.stream.interval_s = 1e-9
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert viewer.codec() == 'jpeg'


@in_loop(source=False)
async def test_who_changes_their_mind_before_a_key_frame_came_stays_where_they_are(bench):
    with bench.watched(tier='auto') as viewer:
        for name in ('h264', 'h264_small', 'full', 'h264', 'auto'):
            viewer.ask(StreamRequest(**choose(name, BOTH), codecs=BOTH))
            bench.stream.move(viewer)
        viewer.ask(StreamRequest(**choose('full', BOTH), codecs=BOTH))
        bench.stream.move(viewer)
        assert viewer.joining is None
        assert viewer.tier_name() == 'full'
        assert bench.encoders() == set()


@in_loop(source=False)
async def test_what_fails_is_said_once_and_tried_again_later(bench):
    renderer = bench.stream.video._encoded[H264].renderer
    for _ in range(2):
        with bench.watched():
            renderer.failed, renderer.again_s = 'H.264 needs PyAV', math.inf
            assert bench.stream.video.tick(1 / 30)
            assert bench.stream.video.reason() == 'H.264 needs PyAV'
            assert not bench.stream.video.tick(1 / 30)
            renderer.again_s = 0.0
            assert bench.stream.video.tick(1 / 30)
            assert bench.stream.video.reason() == ''
    assert bench.said == ['H.264 needs PyAV; pictures go on as JPEG']


@in_loop(source=False)
async def test_a_key_frame_is_for_the_driver_first(bench):
    clock = SimpleNamespace(now_s=1000.0)
    clock.monotonic = lambda: clock.now_s
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video_rendition, 'time', clock)
        await see_who_gets_key_frames(bench, clock)


async def see_who_gets_key_frames(bench, clock):
    with bench.watched(tier='auto') as viewer, bench.watched(tier='auto') as driver:
        bench.stream.preferred = driver.name
        rendition = bench.stream.video.renditions[H264]
        for one in (viewer, driver):
            one.ask(StreamRequest(**choose('h264', BOTH), codecs=BOTH))
            bench.stream.move(one)
        while driver.codec() == 'jpeg' or viewer.codec() == 'jpeg':
            bench.offer()
            await asyncio.sleep(0.01)
        clock.now_s += 10
        before = rendition.keys_asked
        for _ in range(5):  # they cannot decode what they have
            bench.stream.want_key(viewer)
            rendition.put(Frame(b'', 0, 100, *SIZE, codec=CODEC, key=True))
        assert rendition.keys_asked == before + 1
        bench.stream.want_key(driver)
        assert rendition.keys_asked == before + 2
        assert rendition.drives(driver.name, driver.name)
        assert rendition.drives(viewer.name, driver.name) is False
        assert rendition.drives(viewer.name, '') is None


def test_whether_pyav_is_there_is_seen_without_importing_it(monkeypatch):
    video._without_pyav.cache_clear()
    monkeypatch.setattr(video, 'find_spec', lambda _: None)
    assert Bench().stream.video.reason() == 'H.264 needs PyAV: sudo apt install python3-av'
    assert Bench(Source()).stream.video.reason() == ''  # what the camera encodes needs none
    assert Bench(Source()).stream.video.reason(H264_SMALL)
    video._without_pyav.cache_clear()
