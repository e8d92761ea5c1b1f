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
import threading
from types import SimpleNamespace

from pi_camera_stream.core.frame import Frame, H264
from pi_camera_stream.web.stream import hand_over
from pi_camera_stream.web.stream.hand_over import GroupHandOver, HandOver


class Bench:
    """A hand-over into the running loop, and what came of it."""

    def __init__(self):
        self.delivered = []
        self.threads = set()
        self.hand_over = HandOver(self._deliver)

    def _deliver(self, item):
        self.delivered.append(item)
        self.threads.add(threading.get_ident())

    async def until(self, condition):
        """Let the loop work."""
        while not condition():
            await asyncio.sleep(0)


def in_loop(test):
    """Run an async test with a bench whose hand-over knows the loop."""
    async def run():
        bench = Bench()
        bench.hand_over.attach(asyncio.get_running_loop())
        await test(bench)

    def wrapped():
        asyncio.run(run())
    wrapped.__name__ = test.__name__
    return wrapped


@in_loop
async def test_only_the_newest_one_reaches_a_busy_loop(bench):
    for number in range(100):
        bench.hand_over.put(number)
    assert bench.delivered == []
    await bench.until(lambda: bench.delivered)
    await asyncio.sleep(0)
    assert bench.delivered == [99]
    assert bench.hand_over.dropped == 99


@in_loop
async def test_an_idle_loop_gets_every_one(bench):
    for number in range(100):
        bench.hand_over.put(number)
        await bench.until(lambda number=number: number in bench.delivered)
    assert bench.delivered == list(range(100))
    assert bench.hand_over.dropped == 0


@in_loop
async def test_threads_lose_nothing_without_its_being_counted(bench):
    threads, each = 4, 500
    begin = threading.Barrier(threads)

    def put(thread):
        begin.wait()
        for number in range(each):
            bench.hand_over.put((thread, number))

    await asyncio.gather(*(asyncio.to_thread(put, thread) for thread in range(threads)))
    bench.hand_over.put('last')
    await bench.until(lambda: 'last' in bench.delivered)
    assert bench.delivered[-1] == 'last'
    assert len(bench.delivered) + bench.hand_over.dropped == threads * each + 1
    for thread in range(threads):
        numbers = [item[1] for item in bench.delivered if item[0] == thread]
        assert numbers == sorted(set(numbers))
    assert bench.threads == {threading.get_ident()}


@in_loop
async def test_what_is_put_while_another_is_delivered_comes_next(bench):
    def deliver(item):
        delivered.append(item)
        if item == 'first':
            hand_over.put('second')

    delivered = []
    hand_over = HandOver(deliver)
    hand_over.attach(asyncio.get_running_loop())
    hand_over.put('first')
    await bench.until(lambda: len(delivered) == 2)
    assert delivered == ['first', 'second']
    assert hand_over.dropped == 0


@in_loop
async def test_a_failure_of_the_receiver_does_not_stop_what_follows(bench):
    def deliver(item):
        if item == 'bad':
            raise ValueError(item)
        delivered.append(item)

    delivered, failures = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    hand_over = HandOver(deliver)
    hand_over.attach(asyncio.get_running_loop())
    hand_over.put('bad')
    await bench.until(lambda: failures)
    hand_over.put('good')
    await bench.until(lambda: delivered)
    assert delivered == ['good']
    assert isinstance(failures[0]['exception'], ValueError)


@in_loop
async def test_attaching_forgets_what_still_waits(bench):
    bench.hand_over.put('old')
    bench.hand_over.attach(asyncio.get_running_loop())
    bench.hand_over.put('new')
    await bench.until(lambda: bench.delivered)
    await asyncio.sleep(0)
    assert bench.delivered == ['new']
    assert bench.hand_over.dropped == 0


def test_what_comes_before_there_is_a_loop_is_forgotten():
    async def run():
        bench.hand_over.attach(asyncio.get_running_loop())
        bench.hand_over.put('late')
        await bench.until(lambda: bench.delivered)

    bench = Bench()
    bench.hand_over.put('early')
    bench.hand_over.put('early')
    asyncio.run(run())
    assert bench.delivered == ['late']
    assert bench.hand_over.dropped == 0


def test_a_closed_loop_is_harmless_and_another_one_can_follow():
    async def run():
        bench.hand_over.attach(asyncio.get_running_loop())
        bench.hand_over.put('alive')
        await bench.until(lambda: 'alive' in bench.delivered)

    bench = Bench()
    asyncio.run(run())
    for _ in range(3):
        bench.hand_over.put('into the void')
    asyncio.run(run())
    assert bench.delivered == ['alive', 'alive']


class Frames:
    """Access units that cross into a loop, and what is asked for."""

    def __init__(self):
        self.got, self.asked = [], 0
        self.hand_over = GroupHandOver(lambda frame: self.got.append(frame.sequence), self._ask)

    def _ask(self):
        self.asked += 1

    def put(self, *numbers, key=False):
        for number in numbers:
            self.hand_over.put(Frame(b'', 0, number, 64, 48, codec=H264, key=key))


def test_inter_coded_frames_all_cross_in_their_order_from_a_key_frame_on():
    async def run():
        frames = Frames()
        frames.put(1, key=True)  # nobody is there
        frames.hand_over.attach(asyncio.get_running_loop())
        frames.put(2, 3)
        assert frames.asked == 2
        frames.put(4, key=True)
        frames.put(5, 6)
        await asyncio.sleep(0)
        assert frames.got == [4, 5, 6]
        frames.put(7)
        await asyncio.sleep(0)
        assert frames.got == [4, 5, 6, 7]
        assert frames.hand_over.dropped == 2

    asyncio.run(run())


def test_a_loop_that_is_busy_for_long_goes_on_with_a_key_frame(monkeypatch):
    async def run():
        now_s = [1000.0]
        monkeypatch.setattr(hand_over, 'time', SimpleNamespace(monotonic=lambda: now_s[0]))
        frames = Frames()
        frames.hand_over.attach(asyncio.get_running_loop())
        frames.put(1, key=True)
        for number in range(2, 20):
            now_s[0] += 0.1
            frames.put(number)
        assert frames.asked > 0
        await asyncio.sleep(0)
        assert frames.got == []
        frames.put(20, key=True)
        frames.put(21)
        await asyncio.sleep(0)
        assert frames.got == [20, 21]

    asyncio.run(run())


def test_where_something_is_missing_all_waits_for_a_key_frame():
    async def run():
        frames = Frames()
        frames.hand_over.attach(asyncio.get_running_loop())
        frames.put(1, key=True)
        frames.hand_over.jump()
        frames.put(2)
        frames.put(3, key=True)
        await asyncio.sleep(0)
        assert frames.got == [3]
        assert frames.asked == 2

    asyncio.run(run())


def test_a_loop_that_has_ended_is_no_error_for_frames_either():
    frames, loop = Frames(), asyncio.new_event_loop()
    frames.hand_over.attach(loop)
    loop.close()
    frames.put(1, key=True)
    assert frames.got == []
