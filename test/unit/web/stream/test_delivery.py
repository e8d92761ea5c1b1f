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
import math
import time
from types import SimpleNamespace

from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.reception import Signal, SILENT
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.core.video_spec import VideoSpec
from pi_camera_stream.web.stream import viewer as viewer_module
from pi_camera_stream.web.stream.delivery import deliver, Transport
from pi_camera_stream.web.stream.link import LinkState
from pi_camera_stream.web.stream.rendition import Status
from pi_camera_stream.web.stream.stream_query import read_video_request
from pi_camera_stream.web.stream.video_rendition import VideoRendition
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
import pytest
from support import pictures
from support.streams import Stream

JPEG = pictures.jpeg(320, 240)
SILENCE = Signal(SILENT, 12.3, 'the cable is out')
FRAME_NS = 33_000_000


class Link:
    """A connection that is open until it is closed."""

    closed = False
    answer = None
    excess = 0
    clear = False

    def is_clear(self):
        return self.clear

    def state(self):
        return self.answer

    def excess_bytes(self, _state, _size):
        return self.excess


class Scripted(Transport):
    """A viewer whose connection does as the test says."""

    name = 'mjpeg'

    def __init__(self):
        super().__init__(Link())
        self.sent = []
        self.statuses = 0
        self.on_way = None  # what `transit_s` says
        self.cleared = asyncio.Event()
        self.slow_on_way = 0.0

    def take_transit_s(self):
        return self.on_way

    async def wait_drained(self):
        await self.cleared.wait()
        return self.slow_on_way

    async def write(self, frame, tier):
        self.sent.append((frame.sequence, tier, frame.width))
        await asyncio.sleep(0)

    async def write_status(self, status):
        self.statuses += 1


class Quick(Scripted):
    """One whose kernel takes most frames whole, and at once."""

    def __init__(self):
        super().__init__()
        self.clear = True
        self.at_once = []
        self.stays = ()  # numbers of frames of which a rest stays

    def ready(self):
        return self.clear

    def write_now(self, frame, _tier):
        self.at_once.append(frame.sequence)
        self.clear = frame.sequence not in self.stays


class Scene:
    def __init__(self, wanted=StreamRequest(tier=0), transport=Scripted):  # noqa: B008 - it is frozen
        self.stream = Stream('/a', lambda: 0, lambda _: None,
                             RenditionEncoder(),
                             RenditionSpec())
        self.viewer = Viewer('x', 'mjpeg', wanted)
        self.transport = transport()
        self.number = 0

    async def __aenter__(self):
        self._watching = self.stream.watch(self.viewer)
        self._watching.__enter__()
        self.task = asyncio.create_task(deliver(self.stream, self.viewer, self.transport))
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._watching.__exit__(None, None, None)
        self.stream.close()

    async def offer(self, count=1, stamp_ns=lambda number: number * FRAME_NS):
        for _ in range(count):
            self.number += 1
            self.stream.offer(Frame(JPEG, stamp_ns(self.number), self.number, 320, 240))
            for _ in range(5):
                await asyncio.sleep(0)


def test_whoever_keeps_up_gets_every_frame():
    async def run():
        async with Scene() as scene:
            await scene.offer(10)
            assert [sequence for sequence, *_ in scene.transport.sent] == list(range(1, 11))

    asyncio.run(run())


def test_whoever_does_not_gets_the_newest_one_and_none_waits():
    async def run():
        async with Scene() as scene:
            await scene.offer()
            scene.transport.on_way = math.inf
            await scene.offer(20)
            assert len(scene.transport.sent) == 1
            scene.transport.on_way = None
            scene.transport.cleared.set()
            for _ in range(5):
                await asyncio.sleep(0)
            assert [sequence for sequence, *_ in scene.transport.sent] == [1, 21]
            assert scene.viewer.skipped == 19

    asyncio.run(run())


def sent(transport):
    return [sequence for sequence, *_ in transport.sent]


def test_on_a_wide_way_most_frames_go_at_once_and_some_are_looked_at():
    async def run():
        async with Scene(transport=Quick) as scene:
            scene.transport.on_way = 0.001
            await scene.offer(17)
            assert sent(scene.transport) == [1, 9, 17]
            assert scene.transport.at_once == [*range(2, 9), *range(10, 17)]
            assert (scene.viewer.sent, scene.viewer.skipped) == (17, 0)
            assert scene.stream.frames_sent == 17

    asyncio.run(run())


def test_on_a_wide_way_most_frames_of_h264_are_not_measured_as_long_as_it_is_clear():
    class Measured(Quick):
        def __init__(self):
            super().__init__()
            self.measured = []

        def take_transit_s(self):
            self.measured.append(len(self.at_once) + 1)
            return self.on_way

    async def run():
        rendition = VideoRendition(VideoSpec(), lambda: None, lambda: None)
        viewer, transport = Viewer('x', 'rtsp-tcp', read_video_request({})), Measured()
        viewer.rendition, viewer.reader = rendition, rendition.join(viewer.name)
        stream = Stream('/a', lambda: 0, lambda _: None, RenditionEncoder(), RenditionSpec())
        task = asyncio.create_task(deliver(stream, viewer, transport))
        await asyncio.sleep(0)
        transport.on_way, transport.link.clear = 0.001, True
        for number in range(1, 31):
            if number == 20:
                transport.link.clear = False
            if number == 28:
                transport.on_way = math.inf
            rendition.put(Frame(b'x', 0, number, 4, 4, codec='h264', key=number == 1))
            await asyncio.sleep(0)
        assert transport.at_once == list(range(1, 28))
        assert transport.measured == [1, 9, 17, *range(20, 29), 28]
        assert transport.sent == []
        transport.cleared.set()
        await asyncio.sleep(0.01)
        assert [number for number, *_ in transport.sent] == [28, 29, 30]
        task.cancel()

    asyncio.run(run())


def test_one_that_the_kernel_does_not_take_whole_is_looked_at_before_the_next():
    async def run():
        async with Scene(transport=Quick) as scene:
            scene.transport.on_way, scene.transport.stays = 0.001, (3,)
            await scene.offer(3)
            scene.transport.on_way = math.inf
            await scene.offer(4)
            assert (sent(scene.transport), scene.transport.at_once) == ([1], [2, 3])
            scene.transport.on_way, scene.transport.clear = 0.001, True
            scene.transport.cleared.set()
            for _ in range(5):
                await asyncio.sleep(0)
            assert sent(scene.transport) == [1, 7]

    asyncio.run(run())


def test_at_once_nobody_gets_more_than_was_asked_for(monkeypatch):
    async def run():
        now_ns = [0]
        monkeypatch.setattr(viewer_module.time, 'monotonic_ns', lambda: now_ns[0])
        async with Scene(StreamRequest(tier=0, fps=10), Quick) as scene:
            scene.transport.on_way = 0.001
            for _ in range(30):
                now_ns[0] += FRAME_NS
                await scene.offer()
            assert scene.transport.at_once
            assert len(sent(scene.transport)) + len(scene.transport.at_once) in (10, 11)

    asyncio.run(run())


def test_whose_pictures_come_late_gets_smaller_ones():
    async def run():
        async with Scene(StreamRequest()) as scene:
            scene.transport.on_way = 0.4
            while not scene.transport.sent or scene.transport.sent[-1][2] == 320:
                await scene.offer()
            _, tier, width = scene.transport.sent[-1]
            assert tier > 1
            assert width < 200
            assert scene.viewer.state()['tier'] in ('low', 'lowest', 'medium')

    asyncio.run(run())


def test_who_has_chosen_a_tier_keeps_it():
    async def run():
        async with Scene(StreamRequest(tier=0)) as scene:
            scene.transport.on_way = 0.4
            await scene.offer(50)
            assert {width for *_, width in scene.transport.sent} == {320}

    asyncio.run(run())


@pytest.mark.parametrize('stamp_ns', [
    lambda number: number * FRAME_NS, lambda _: 0, lambda _: -10**18, lambda number: -number,
    lambda number: number * 10**12])
def test_a_wished_rate_is_kept_whatever_the_stamps_say(monkeypatch, stamp_ns):
    clock = SimpleNamespace(ns=10**15)
    monkeypatch.setattr(viewer_module, 'time', SimpleNamespace(
        monotonic=time.monotonic, monotonic_ns=lambda: clock.ns))

    async def run():
        async with Scene(StreamRequest(tier=0, fps=10)) as scene:
            for _ in range(30):  # a second of a stream of 30/s
                await scene.offer(stamp_ns=stamp_ns)
                clock.ns += FRAME_NS
            assert 9 <= len(scene.transport.sent) <= 11
            assert scene.viewer.skipped == 0  # they were not wanted

    asyncio.run(run())


def test_the_status_is_told_and_not_counted():
    async def run():
        async with Scene() as scene:
            await scene.offer()
            scene.viewer.rendition.wake(Status(SILENCE, Frame(b'status', 0, 0, 64, 48)))
            await scene.offer()
            assert scene.transport.statuses == 1
            assert scene.viewer.sent == 2
            assert scene.viewer.skipped == 0

    asyncio.run(run())


def test_it_ends_when_the_connection_has_closed():
    async def run():
        async with Scene() as scene:
            await scene.offer()
            scene.transport.link.closed = True
            await scene.offer()
            await scene.task

    asyncio.run(run())


class Plain(Transport):
    """A transport of which only the base is tested."""

    name = 'mjpeg'

    async def write(self, frame, tier):
        raise NotImplementedError

    async def write_status(self, status):
        raise NotImplementedError


def test_each_picture_counts_once_for_the_tier():
    transport = Plain(Link())
    transport.link.answer = LinkState(0, 1448, 0.0, 0.0, 10**6)
    assert transport.take_transit_s() is None  # nothing was sent
    for number in (1, 2):
        transport.begin(Frame(JPEG, 0, number, 320, 240))
        transport.link.excess = 1
        assert transport.take_transit_s() == math.inf
        transport.link.excess = 0
        assert transport.take_transit_s() >= 0
        assert transport.take_transit_s() is None
    transport.begin(Frame(JPEG, 0, 3, 320, 240))
    assert asyncio.run(transport.wait_drained()) >= 0
    assert transport.take_transit_s() is None


def test_on_a_long_path_a_picture_waits_as_long_as_its_queue():
    transport = Plain(Link())
    state = LinkState(50_000, 1448, 0.1, 0.0, 10**6, round_trip_s=0.13)
    for app_limited, expected_s in ((True, 0.03), (False, len(JPEG) / 10**6)):
        transport.begin(Frame(JPEG, 0, 1, 320, 240))
        transport.link.answer = state._replace(app_limited=app_limited)
        assert transport.take_transit_s() == pytest.approx(expected_s)
