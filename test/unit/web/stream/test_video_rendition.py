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
import random

import av
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.core.frame import Frame, H264
from pi_camera_stream.core.video_spec import VideoSpec
from pi_camera_stream.web.stream import video_rendition
from pi_camera_stream.web.stream.rendition import Moved
from pi_camera_stream.web.stream.video_rendition import VideoRendition
import pytest
from support import pictures

WIDTH, HEIGHT = 64, 48


class Clock:
    """Time that goes on as the test says."""

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s


class Bench:
    """A rendition, what it asked for, and frames that are numbered."""

    def __init__(self):
        self.keys = self.rates = self.number = 0
        self.rendition = VideoRendition(VideoSpec(), self._ask, self._rate)

    def _ask(self):
        self.keys += 1

    def _rate(self):
        self.rates += 1

    def put(self, key=False):
        self.number += 1
        frame = Frame(b'%d' % self.number, 0, self.number, WIDTH, HEIGHT, codec=H264, key=key)
        self.rendition.put(frame)
        return frame


def nobody(_frame):
    return False


async def read(reader):
    """Return the number of the next frame, or what else is said; None where none is there."""
    task = asyncio.create_task(reader.next(nobody, lambda: False))
    for _ in range(3):
        await asyncio.sleep(0)
    if not task.done():
        task.cancel()
        return None
    update = await task
    return update.sequence if isinstance(update, Frame) else update


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(video_rendition, 'time', clock)
    return clock


def test_who_comes_begins_with_the_newest_group_while_that_is_short(clock):
    async def run():
        bench = Bench()
        assert await read(bench.rendition.join('early')) is None
        bench.put(key=True)
        bench.put()
        reader = bench.rendition.join('soon')
        assert [await read(reader), await read(reader), await read(reader)] == [1, 2, None]
        for _ in range(3):
            bench.put()
        late = bench.rendition.join('late')
        assert await read(late) is None
        bench.put(key=True)
        assert [await read(late), await read(reader)] == [6, 6]  # in place of three that waited

    asyncio.run(run())


def test_what_was_read_is_not_shown_when_its_group_has_been_left_out_meanwhile(clock):
    async def read_then(key, *later):
        """Return whether one is shown after a wait in which others come, key frames or not."""
        bench = Bench()
        reader = bench.rendition.join('x')
        first = bench.put(key=True)
        frame = first if key else bench.put()
        for _ in range(1 if key else 2):
            await read(reader)
        for is_key in later:
            clock.now_s += 0.1
            bench.put(key=is_key)
        return reader.continues(frame)

    async def run():
        assert await read_then(False)
        assert await read_then(False, False, False, False)  # they wait behind it
        assert not await read_then(False, *[False] * 6)  # too long
        assert not await read_then(False, *[False] * 3, True)  # a key frame is in their place
        assert await read_then(True, *[False] * 6)  # the newest that stands alone
        assert not await read_then(True, *[False] * 3, True)

    asyncio.run(run())


def test_a_key_frame_is_asked_for_by_who_waits_for_one_and_not_too_often(clock):
    async def run():
        bench = Bench()
        readers = [bench.rendition.join(str(number)) for number in range(5)]
        for reader in readers:
            assert await read(reader) is None
        assert bench.keys == 1
        bench.put(key=True)
        asked_s = []
        for _ in range(100):  # ten seconds of readers who can decode nothing
            clock.now_s += 0.1
            for reader in readers:
                reader.jump()
                await read(reader)
            before = bench.keys
            bench.put()
            if bench.keys > before:
                asked_s.append(clock.now_s)
            if bench.rendition._asking == {True: False, False: False}:
                bench.put(key=True)
        assert 8 <= bench.keys - 1 <= 11

    asyncio.run(run())


def test_who_drives_may_have_two_a_second_beside_them(clock):
    bench = Bench()
    for _ in range(100):
        clock.now_s += 0.1
        bench.rendition.want_key(driver=True)
        bench.rendition.want_key(driver=False)
        bench.put()
        bench.put(key=True)
    assert 19 <= bench.keys <= 31
    for _ in range(100):
        bench.rendition.want_key(driver=True)
    assert bench.keys <= 32


def test_one_that_was_refused_is_asked_for_as_soon_as_it_may_be(clock):
    bench = Bench()
    bench.rendition.want_key()
    bench.put(key=True)
    bench.rendition.want_key()
    assert bench.keys == 1
    clock.now_s += 1.1
    bench.put()
    assert bench.keys == 2


def test_who_is_far_behind_goes_on_with_a_key_frame(clock):
    async def run():
        bench = Bench()
        reader, quick = bench.rendition.join('slow'), bench.rendition.join('quick')
        for number in range(30):
            clock.now_s += 0.033
            bench.put(key=number == 0)
            assert await read(quick) == number + 1
        assert reader.until_key
        assert reader.dropped > 20
        assert await read(reader) is None
        bench.put(key=True)
        assert await read(reader) == 31

    asyncio.run(run())


def test_frames_go_at_once_where_they_are_taken_and_an_error_is_its_own(clock):
    async def run():
        bench, got = Bench(), []

        def take(frame):
            if frame.sequence == 3:
                raise ConnectionResetError
            got.append(frame.sequence)
            return frame.sequence != 5

        task = asyncio.create_task(bench.rendition.join('a').next(take, lambda: False))
        other = bench.rendition.join('b')
        await asyncio.sleep(0)
        bench.put()
        bench.put(key=True)
        assert got == [2]
        bench.put()
        assert (await task).sequence == 3
        assert [await read(other), await read(other)] == [2, 3]

    asyncio.run(run())


def test_who_waits_is_told_what_is_said_and_who_left_hears_nothing(clock):
    async def run():
        bench = Bench()
        reader, gone = bench.rendition.join('a'), bench.rendition.join('b')
        task = asyncio.create_task(reader.next(nobody, lambda: False))
        await asyncio.sleep(0)
        bench.rendition.leave(gone)
        said = Moved()
        bench.rendition.wake(said)
        assert await task is said
        bench.put(key=True)
        assert await read(gone) is None
        assert bench.rendition.readers == 1

    asyncio.run(run())


def test_who_waits_elsewhere_is_told_once_when_there_is_something_to_begin_with(clock):
    bench, told = Bench(), []
    reader = bench.rendition.join('a')
    reader.when_ready(lambda: told.append('a'))
    bench.put()
    assert told == []
    bench.put(key=True)
    bench.put()
    assert told == ['a']
    bench.rendition.join('b').when_ready(lambda: told.append('b'))
    assert told == ['a', 'b']


# Readers, of whom each takes some frames after each that is made, at once or later; pauses; what a
# decoder says it cannot decode.
readers = st.lists(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=8),
                   min_size=1, max_size=4)


class Decoder:
    def __init__(self):
        self._context = av.CodecContext.create('h264', 'r')
        self._context.options = {'flags': '+low_delay'}
        self._context.thread_count = 1

    def decode(self, data):
        return [picture.to_ndarray(format='yuv420p')
                for picture in self._context.decode(av.Packet(data))]


@given(readers, st.lists(st.floats(0, 0.2), min_size=8, max_size=30), st.integers(0, 99))
def test_whatever_each_takes_and_whenever_they_come_all_they_get_can_be_decoded(
        paces, pauses_s, seed):
    async def run():
        clock, chance, encoder = Clock(), random.Random(seed), H264Encoder(100_000, 30)
        rendition = VideoRendition(VideoSpec(), encoder.request_key_frame, lambda: None)
        whole, images, joined = Decoder(), {}, []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(video_rendition, 'time', clock)
            for number, pause_s in enumerate(pauses_s):
                clock.now_s += pause_s
                if len(joined) < len(paces) and chance.random() < 0.4:
                    joined.append((rendition.join('x'), Decoder(), paces[len(joined)]))
                frame = encoder.encode(pictures.image(WIDTH, HEIGHT, number), number, number + 1)
                images[number], = whole.decode(frame.data)
                rendition.put(frame)
                for reader, decoder, pace in joined:
                    times, complains = pace[number % len(pace)]
                    for _ in range(times):
                        await see(reader, decoder, images)
                    if complains and chance.random() < 0.2:
                        reader.jump()

    async def see(reader, decoder, images):
        if reader._buffer or reader.until_key:
            task = asyncio.create_task(reader.next(nobody, lambda: False))
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return
            frame = task.result()
            image, = decoder.decode(frame.data)
            assert np.array_equal(image, images[frame.stamp_ns])

    asyncio.run(run())
