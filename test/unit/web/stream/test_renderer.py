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
import queue
import threading

from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core import reception as reception_module
from pi_camera_stream.core.frame import Frame, StampedImage
from pi_camera_stream.core.reception import Reception
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.renderer import Renderer
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
import pytest
from support import pictures
from support.streams import Stream

FULL = RenditionSpec(quality=35)
HALF, QUARTER = RenditionSpec(scale=0.5, quality=60), RenditionSpec(scale=0.25, quality=40)
LOCK_S = 10  # in which a thread must come to what it is waited for; then the test fails


def jpeg_frame(sequence, jpeg=None):
    return Frame(jpeg or pictures.jpeg(seed=sequence), 10**9 + sequence, sequence, 64, 48)


def raw_frame(sequence, read=None, size=(64, 48)):
    return StampedImage(read or (lambda: pictures.image(*size, sequence)), 10**9 + sequence,
                        sequence, *size)


class Bench:
    """A renderer with the real encoder, which notes what it is asked for."""

    max_pixels = RenditionEncoder().max_pixels

    def __init__(self):
        self.asked = []
        self.begun = threading.Event()
        self.delivered = queue.Queue()
        self.reception = Reception()
        self.renderer = Renderer(self, FULL, self.delivered.put, self.reception)

    def encode(self, content, width, height, specs, *stamps):
        self.asked.append(list(specs))
        self.begun.set()
        return RenditionEncoder().encode(content, width, height, specs, *stamps)

    def next(self):
        """Return what was made of the next picture."""
        return self.delivered.get(timeout=LOCK_S)


@pytest.fixture
def bench():
    bench = Bench()
    before = set(threads())
    yield bench
    bench.renderer.want(())
    for thread in set(threads()) - before:
        thread.join(LOCK_S)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == 'render']


def test_what_is_made_has_size_stamp_and_number(bench):
    bench.renderer.want([HALF, QUARTER])
    bench.renderer.put(jpeg_frame(7))
    made = bench.next()
    assert {spec: (frame.width, frame.height) for spec, frame in made.items()} == {
        HALF: (32, 24), QUARTER: (16, 12)}
    for frame in made.values():
        header = read_header(frame.data)
        assert (header.width, header.height) == (frame.width, frame.height)
        assert (frame.stamp_ns, frame.sequence) == (10**9 + 7, 7)


def test_a_picture_is_encoded_once_for_any_number_of_viewers(bench):
    async def run():
        stream = Stream('/camera', lambda: 10**9, lambda _: None, bench, FULL)
        viewers = [Viewer('a', 'mjpeg', StreamRequest(tier=number % 3)) for number in range(30)]

        async def watch(viewer):
            with stream.watch(viewer):
                return await viewer.rendition.newer_than(0)

        tasks = [asyncio.create_task(watch(viewer)) for viewer in viewers]
        while len(stream.viewers) < len(viewers):
            await asyncio.sleep(0)
        stream.offer(jpeg_frame(1))
        frames = await asyncio.gather(*tasks)
        stream.close()
        assert all(frame is frames[number % 3] for number, frame in enumerate(frames))
        assert len({len(frame.data) for frame in frames}) == 3

    asyncio.run(run())
    assert [len(specs) for specs in bench.asked] == [2]
    assert FULL not in bench.asked[0]


def test_the_full_one_of_a_jpeg_is_not_made(bench):
    bench.renderer.want([None, HALF])
    bench.renderer.put(jpeg_frame(1))
    assert list(bench.next()) == [HALF]
    assert bench.asked == [[HALF]]


def test_the_full_one_of_an_image_is_made_by_its_own_recipe(bench):
    reads = []
    bench.renderer.want([None, HALF])
    bench.renderer.put(raw_frame(3, lambda: reads.append(1) or pictures.image()))
    made = bench.next()
    assert made[None].data == RenditionEncoder().encode(
        pictures.image(), 64, 48, [FULL], 1, 1)[0].data
    assert (made[None].width, made[None].height, made[None].sequence) == (64, 48, 3)
    assert bench.asked == [[FULL, HALF]]
    assert len(reads) == 1


def test_a_thread_lives_only_while_there_is_something_to_encode(bench):
    before = len(threads())
    bench.renderer.put(raw_frame(1))  # nobody wants anything
    bench.renderer.want([None])
    bench.renderer.put(jpeg_frame(2))  # a JPEG's full one needs no making
    assert len(threads()) == before
    for sequence in (3, 4):
        bench.renderer.want([HALF])
        bench.renderer.put(jpeg_frame(sequence))
        assert bench.next()[HALF].sequence == sequence
        bench.renderer.put(jpeg_frame(sequence))
        assert len(threads()) == before + 1
        bench.next()
        thread = threads()[-1]
        bench.renderer.want([])
        thread.join(LOCK_S)
        assert len(threads()) == before


def test_the_thread_ends_when_only_the_full_one_of_a_jpeg_is_wanted_any_more(bench):
    bench.renderer.want([None, HALF])
    bench.renderer.put(jpeg_frame(1))
    bench.next()
    thread = threads()[-1]
    bench.renderer.want([None])
    bench.renderer.put(jpeg_frame(2))
    thread.join(LOCK_S)  # it has nothing else to do
    assert not thread.is_alive()


@pytest.mark.parametrize(('bad', 'reason'), [
    (jpeg_frame(1, pictures.jpeg()[:200]), 'JPEG'),
    (jpeg_frame(1, b'what is this'), 'it is not a whole JPEG'),
    (raw_frame(1, lambda: [].index('depth')), 'is not in list'),
])
def test_a_picture_that_cannot_be_decoded_is_counted_until_a_good_one_comes(bench, bad, reason,
                                                                            monkeypatch):
    failures = []

    def read():  # in the renderer's thread, so after the bad one
        failures.append(bench.reception.reason)
        return pictures.image()

    if isinstance(bad, StampedImage):
        bad = raw_frame(1, lambda read=bad.read: bench.begun.set() or read())
    bench.renderer.want([HALF])
    bench.renderer.put(bad)
    assert bench.begun.wait(LOCK_S)
    bench.renderer.put(raw_frame(2, read))
    assert bench.next()[HALF].sequence == 2
    assert reason in failures[0]
    assert bench.reception.refused == 1
    monkeypatch.setattr(reception_module, 'SILENT_S', 0.0)
    assert bench.reception.signal().state == 'waiting'  # no more BROKEN
    assert bench.delivered.empty()


def test_any_other_failure_is_logged_and_does_not_end_the_thread(bench, caplog):
    failed = threading.Event()

    def read():
        failed.set()
        raise MemoryError('no room')

    bench.renderer.want([HALF])
    bench.renderer.put(raw_frame(1, read))
    assert failed.wait(LOCK_S)
    bench.renderer.put(raw_frame(2))
    assert bench.next()[HALF].sequence == 2
    assert bench.reception.refused == 1
    assert 'MemoryError: no room' in caplog.text


class Busy:
    """A read that waits, so that the renderer is busy as long as the test likes."""

    def __init__(self):
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.release.wait(LOCK_S)
        return pictures.image()


def test_while_it_is_busy_only_the_newest_one_waits(bench):
    busy = Busy()
    bench.renderer.want([HALF])
    bench.renderer.put(raw_frame(1, busy))
    assert busy.begun.wait(LOCK_S)
    for sequence in range(2, 11):
        bench.renderer.put(raw_frame(sequence))
    bench.renderer.want([QUARTER])
    busy.release.set()
    assert [[(spec, frame.sequence) for spec, frame in bench.next().items()]
            for _ in range(2)] == [[(QUARTER, 1)], [(QUARTER, 10)]]


def test_nothing_old_comes_after_something_new(bench):
    busy = Busy()
    bench.renderer.want([HALF])
    bench.renderer.put(raw_frame(1, busy))
    assert busy.begun.wait(LOCK_S)
    thread = threads()[-1]
    bench.renderer.want([])  # the only viewer reloads his page
    bench.renderer.want([HALF])
    bench.renderer.put(raw_frame(2))
    sequences = []
    try:
        sequences += [frame.sequence for frame in bench.delivered.get(timeout=2).values()]
    except queue.Empty:
        pass  # the second one may as well wait for the first one
    busy.release.set()
    thread.join(LOCK_S)
    while 2 not in sequences or not bench.delivered.empty():
        sequences += [frame.sequence for frame in bench.next().values()]
    assert sequences == sorted(sequences)


def test_a_full_picture_from_before_is_not_what_the_next_viewer_begins_with():
    async def run():
        stream = Stream('/camera', lambda: 10**9, lambda _: None,
                        RenditionEncoder(), FULL)
        with stream.wanted(), stream.use(HALF) as half:
            with stream.use(None) as full:
                stream.offer(raw_frame(1))
                assert (await full.newer_than(0)).sequence == 1
            for sequence in (2, 3):  # for minutes, nobody wants the full one
                stream.offer(raw_frame(sequence))
                await half.newer_than(sequence - 1)
            with stream.use(None) as full:
                beginning = asyncio.create_task(full.newer_than(0))
                await asyncio.sleep(0)
                stream.offer(raw_frame(4))
                assert (await beginning).sequence > 1
        stream.close()

    asyncio.run(run())
