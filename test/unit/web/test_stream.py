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

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.web import stream as stream_module
from pi_camera_stream.web.stream import Stream, Viewer
import pytest


def frame(sequence):
    return Frame(b'jpeg %d' % sequence, 10**9, sequence, 64, 48)


class Bench:
    """A stream in a running loop, and what it asked for."""

    def __init__(self):
        self.demands = []
        self.stream = Stream('/camera/image_raw/compressed', lambda: 10**9 + 5 * 10**6,
                             self.demands.append)
        self.stream.attach(asyncio.get_running_loop())


def in_loop(test):
    """Run an async test."""
    async def run():
        await test(Bench())

    def wrapped():
        asyncio.run(run())
    wrapped.__name__ = test.__name__
    return wrapped


@in_loop
async def test_all_who_wait_get_the_newest_frame_and_the_same_bytes(bench):
    waiting = [asyncio.create_task(bench.stream.newer_than(0, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    for sequence in (1, 2, 3):
        bench.stream.offer(frame(sequence))
    frames = await asyncio.gather(*waiting)
    assert [got.sequence for got in frames] == [3, 3, 3]
    assert len({id(got.jpeg) for got in frames}) == 1


@in_loop
async def test_frames_cross_into_the_loop_newest_only(bench):
    calls = []
    loop = asyncio.get_running_loop()
    original = loop.call_soon_threadsafe
    loop.call_soon_threadsafe = lambda *args: (calls.append(args), original(*args))
    for sequence in range(1, 101):
        bench.stream.offer(frame(sequence))
    assert len(calls) == 1
    assert (await bench.stream.newer_than(0, 10)).sequence == 100


@in_loop
async def test_waiting_ends_at_the_time_out(bench):
    assert await bench.stream.newer_than(0, 0.001) is None


@in_loop
async def test_frames_are_wanted_while_somebody_watches(bench):
    stream_module._LINGER_S, before = 0.0, stream_module._LINGER_S
    try:
        with bench.stream.watch(Viewer('a', 'mjpeg')):
            other = asyncio.create_task(_watch_once(bench.stream))
            await asyncio.sleep(0)
            assert bench.demands == [True]
            assert len(bench.stream.viewers) == 2
            bench.stream.offer(frame(1))
            await other
            assert len(bench.stream.viewers) == 1
        while bench.demands == [True]:
            await asyncio.sleep(0)
        assert bench.demands == [True, False]
    finally:
        stream_module._LINGER_S = before


async def _watch_once(stream):
    with stream.watch(Viewer('b', 'mjpeg')):
        return await stream.newer_than(0, 10)


@in_loop
async def test_who_comes_back_at_once_does_not_start_anew(bench):
    with bench.stream.wanted():
        pass
    with bench.stream.wanted():
        assert bench.demands == [True]


@in_loop
async def test_a_new_viewer_never_gets_a_picture_from_before_the_pause(bench):
    stream_module._LINGER_S, before = 0.0, stream_module._LINGER_S
    try:
        with bench.stream.wanted():
            bench.stream.offer(frame(1))
            await bench.stream.newer_than(0, 10)
        while bench.demands == [True]:
            await asyncio.sleep(0)
        with bench.stream.wanted():
            assert await bench.stream.newer_than(0, 0.001) is None
    finally:
        stream_module._LINGER_S = before


@in_loop
async def test_closing_ends_all_who_watch(bench):
    task = asyncio.create_task(_watch_once(bench.stream))
    await asyncio.sleep(0)
    bench.stream.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not bench.stream.viewers


@in_loop
async def test_skipped_frames_are_counted(bench):
    viewer = Viewer('a', 'mjpeg')
    for sequence in (5, 6, 10):
        viewer.count(frame(sequence))
    assert (viewer.sent, viewer.skipped) == (3, 3)


@in_loop
async def test_the_state_says_what_comes_and_who_watches(bench):
    bench.stream.offer(frame(1))
    with bench.stream.watch(Viewer('192.168.1.5', 'mjpeg')):
        bench.stream.offer(frame(2))
        await bench.stream.newer_than(0, 10)
        state = bench.stream.state()
    assert state['topic'] == '/camera/image_raw/compressed'
    assert (state['width'], state['height'], state['age_ms']) == (64, 48, 5.0)
    assert state['viewers'][0]['address'] == '192.168.1.5'


def test_offering_to_a_stopped_server_is_harmless():
    stream = Stream('topic', lambda: 0, lambda _: None)
    stream.offer(frame(1))
    loop = asyncio.new_event_loop()
    stream.attach(loop)
    loop.close()
    stream.offer(frame(2))
    stream.offer(frame(3))
