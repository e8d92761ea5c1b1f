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
import time
from types import SimpleNamespace

from aiohttp import web
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.codecs.status_image import status_image
from pi_camera_stream.core import reception
from pi_camera_stream.core.frame import Frame, StampedImage
from pi_camera_stream.core.reception import Signal
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream import arrivals as arrivals_module
from pi_camera_stream.web.stream import snapshot as snapshot_module
from pi_camera_stream.web.stream.rendition import Moved, Status
from pi_camera_stream.web.stream.snapshot import answer_snapshot
from pi_camera_stream.web.stream.tiers import NAMES
from pi_camera_stream.web.stream.viewer import StreamRequest
import pytest
from support import pictures
from support.streams import Stream

TOPIC = '/Robot_1/Front'
START_NS = 10**18
ALL = StreamRequest()
LOW = StreamRequest(tier=NAMES.index('low'))


class Bench:
    """A stream with a clock that is moved by hand, and those who want a picture of it."""

    def __init__(self):
        self.now_ns = START_NS
        self.sequence = 0
        self.stream = Stream(TOPIC, lambda: self.now_ns, lambda _: None,
                             RenditionEncoder(), RenditionSpec())

    def offer(self, age_s=0.0):
        """Let a picture come that was taken so long ago; return it."""
        self.sequence += 1
        frame = Frame(pictures.jpeg(seed=self.sequence), self.now_ns - int(age_s * 1e9),
                      self.sequence, 64, 48)
        self.stream.offer(frame)
        return frame

    async def ask(self, wanted=ALL, max_age_s=0.0):
        """Return a task that waits for a picture already."""
        task = asyncio.create_task(answer_snapshot(self.stream, wanted, max_age_s))
        await settle()
        return task


async def settle():
    """Let happen what can happen without time."""
    for _ in range(10):
        await asyncio.sleep(0)


def in_loop(test):
    """Run an async test with a stream that somebody watches."""
    async def run(fixtures):
        bench = Bench()
        with bench.stream.wanted():
            await test(bench, **fixtures)
            assert len(bench.stream._tasks) == 1
            assert list(bench.stream._renditions) == [None]
            assert bench.stream._full.users == 0
        bench.stream.close()

    def wrapped(**fixtures):
        asyncio.run(run(fixtures))
    wrapped.__name__ = test.__name__
    signature = inspect.signature(test)
    wrapped.__signature__ = signature.replace(
        parameters=list(signature.parameters.values())[1:])
    return wrapped


@in_loop
async def test_a_picture_from_after_the_request_is_waited_for(bench):
    bench.offer()
    await settle()
    task = await bench.ask()
    assert not task.done()
    bench.now_ns += 5 * 10**6
    fresh = bench.offer()
    answer = await task
    assert answer.body == fresh.data
    assert answer.status == 200
    assert answer.content_type == 'image/jpeg'
    assert answer.headers['Cache-Control'] == 'no-store'
    assert answer.headers['X-Timestamp'] == '1000000000.005000000'


@in_loop
async def test_one_that_was_on_its_way_already_is_left_out(bench):
    task = await bench.ask()
    bench.now_ns += 10**7
    bench.offer(age_s=0.02)
    await settle()
    assert not task.done()
    fresh = bench.offer(age_s=0.005)
    assert (await task).body == fresh.data


@in_loop
async def test_an_old_one_that_is_not_too_old_is_taken_at_once(bench):
    bench.offer(age_s=3)
    old = bench.offer(age_s=1)
    await settle()
    assert (await (await bench.ask(max_age_s=60))).body == old.data


@in_loop
async def test_and_by_as_many_as_like_one_after_the_other(bench):
    old = bench.offer(age_s=1)
    await settle()
    for _ in range(3):
        task = await bench.ask(max_age_s=60)
        assert task.done()
        assert task.result().body == old.data


@in_loop
async def test_one_that_is_too_old_is_not(bench):
    bench.offer(age_s=61)
    await settle()
    task = await bench.ask(max_age_s=60)
    assert not task.done()
    bench.offer(age_s=60.5)
    await settle()
    assert not task.done()
    fresh = bench.offer(age_s=59)
    assert (await task).body == fresh.data


@in_loop
async def test_a_clock_that_is_ahead_makes_no_old_picture_new(bench, monkeypatch):
    bench.offer(age_s=-3600)
    await settle()
    assert (await bench.ask(max_age_s=60)).done()
    later_s = time.monotonic() + 61  # without a picture
    monkeypatch.setattr(arrivals_module, 'time', SimpleNamespace(monotonic=lambda: later_s))
    task = await bench.ask(max_age_s=60)
    assert not task.done()
    fresh = bench.offer(age_s=-3600)
    assert (await task).body == fresh.data


@in_loop
async def test_where_the_clock_of_the_camera_is_behind_the_third_one_is_taken(bench):
    bench.offer(age_s=3600)
    await settle()
    task = await bench.ask()
    for _ in range(2):
        bench.offer(age_s=3600)
        await settle()
        assert not task.done()
    third = bench.offer(age_s=3600)
    assert (await task).body == third.data


@in_loop
async def test_where_it_is_ahead_the_next_one_is_taken(bench):
    bench.offer(age_s=-3600)
    await settle()
    task = await bench.ask()
    assert not task.done()
    fresh = bench.offer(age_s=-3600)
    assert (await task).body == fresh.data


@in_loop
async def test_the_status_picture_is_never_a_snapshot(bench):
    task = await bench.ask()
    status = Status(Signal(reception.SILENT, 3.0, ''),
                    Frame(status_image(64, 48, ['NO SIGNAL']), bench.now_ns, 0, 64, 48))
    with bench.stream.use(None) as rendition:
        for _ in range(5):
            rendition.wake(status)
            await settle()
        rendition.wake(Moved())
        await settle()
    assert not task.done()
    fresh = bench.offer()
    assert (await task).body == fresh.data


@pytest.mark.parametrize(('wanted', 'size'), [
    (ALL, (64, 48)), (LOW, (24, 18)), (StreamRequest(spec=RenditionSpec(width=32)), (32, 24))])
def test_it_is_made_as_was_wished(wanted, size):
    @in_loop
    async def run(bench):
        task = await bench.ask(wanted)
        bench.offer()
        header = read_header((await task).body)
        assert (header.width, header.height) == size

    run()


@in_loop
async def test_all_who_ask_at_a_time_get_the_same_one(bench):
    tasks = [await bench.ask(LOW) for _ in range(5)]
    bench.offer()
    answers = await asyncio.gather(*tasks)
    assert len({id(answer.body) for answer in answers}) == 1


@in_loop
async def test_who_does_not_wait_for_it_leaves_nothing_behind(bench):
    tasks = [await bench.ask(wanted) for wanted in (ALL, LOW,
                                                    StreamRequest(spec=RenditionSpec(width=32)))]
    assert len(bench.stream._renditions) == 3
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)


@in_loop
async def test_when_none_comes_the_sentence_says_what_to_do(bench, monkeypatch):
    monkeypatch.setattr(reception, 'SILENT_S', 0.0)
    bench.stream.reception.missing = 'nobody is there'
    text = await refused(bench)
    assert text == f"no new picture of '{TOPIC}' within 0 s: WAITING for 0 s: nobody is there\n"


@in_loop
async def test_and_names_topic_and_reason_as_they_are(bench, monkeypatch):
    monkeypatch.setattr(reception, 'SILENT_S', 0.0)

    def read():
        raise ValueError("nobody knows the encoding 'YUV420P'")

    with bench.stream.use(RenditionSpec(scale=0.5)):
        bench.stream.offer(StampedImage(read, bench.now_ns, 1, 64, 48))
        while not bench.stream.state()['undecodable']:
            await asyncio.sleep(0)
        text = await refused(bench)
    assert text.endswith(": a picture was dropped because nobody knows the encoding 'YUV420P'\n")
    assert TOPIC.lower() not in text


async def refused(bench):
    """Return what somebody is told for whom no picture came in time."""
    before, snapshot_module._TIMEOUT_S = snapshot_module._TIMEOUT_S, 0.01
    try:
        with pytest.raises(web.HTTPServiceUnavailable) as caught:
            await (await bench.ask())
    finally:
        snapshot_module._TIMEOUT_S = before
    assert int(caught.value.headers['Retry-After']) > 0
    return caught.value.text
