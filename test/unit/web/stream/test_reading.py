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

"""Readers at real sockets, with the buffers that their kernel gives them."""

import asyncio
import contextlib
import socket
import threading

from pi_camera_stream.core.frame import Frame, H264, JPEG
from pi_camera_stream.web.stream import reading as reading_module
from pi_camera_stream.web.stream.reading import Reading
import pytest
from support.processes import WAIT_S

SIZE = 40_000
FRAME = Frame(bytes(SIZE), 0, 1, 64, 48)


class Bench:
    """A connection, whose sending side knows how far the other one has read."""

    def __init__(self, sending, other):
        self.sending, self.other = sending, other
        self.questions = 0
        self.reading = Reading(sending, self.ask)
        self.has_read = 0

    def ask(self):
        self.questions += 1
        self.sending.sendall(b'x')
        return True

    async def send(self, frame=FRAME):
        """Send a frame, and return when all of it has arrived, whether it is read or not."""
        self.reading.begin(frame)
        await asyncio.get_running_loop().sock_sendall(self.sending, frame.data)
        while self.reading._look().waits:
            await asyncio.sleep(0.001)

    async def read(self, size):
        for _ in range(size // SIZE):
            self.has_read += len(await asyncio.to_thread(self.other.recv, SIZE,
                                                         socket.MSG_WAITALL))

    async def asked(self, times):
        until = self.questions + times
        while self.questions < until:
            await asyncio.sleep(0.001)

    @contextlib.contextmanager
    def hungry(self):
        """Let the reader take whatever comes, at once."""
        reader = threading.Thread(target=self._take_all)
        reader.start()
        yield
        self.other.shutdown(socket.SHUT_RD)
        reader.join()

    def _take_all(self):
        while data := self.other.recv(65_536):
            self.has_read += len(data)


def at_a_bench(test):
    """Run a test with a `Bench`."""
    async def limited(*arguments):
        with socket.create_server(('127.0.0.1', 0)) as server:
            other = socket.create_connection(server.getsockname())
            sending, _ = server.accept()
        sending.setblocking(False)
        sending.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sending, other:
            await asyncio.wait_for(test(Bench(sending, other), *arguments), WAIT_S)

    def wrapped(*arguments):
        asyncio.run(limited(*arguments))
    wrapped.__name__ = test.__name__
    return wrapped


async def fall_behind(bench, frame=FRAME):
    """Send frames that nobody reads until that is noticed, and return how many."""
    frames = 0
    while not bench.reading.is_behind():
        await bench.send(frame)
        frames += 1
    return frames


@at_a_bench
async def test_who_has_read_all_that_came_is_never_behind(bench):
    for _ in range(25):
        await bench.send()
        await bench.read(SIZE)
        assert not bench.reading.is_behind()
        # What the last acknowledgement says may be of a moment before it was read.
        assert bench.reading.unread_bytes() < 3 * SIZE
    assert bench.questions == 0


@at_a_bench
async def test_who_reads_nothing_is_behind_after_few_frames(bench):
    for _ in range(12):  # so that there is room for many
        await bench.send()
        await bench.read(SIZE)
    frames = await fall_behind(bench)
    assert 1 < frames < 8
    assert bench.reading.unread_bytes() > SIZE
    assert bench.reading.explains(0.05)
    assert not bench.reading.explains(0.001)  # for that, they need not be slow


@at_a_bench
async def test_who_is_behind_is_waited_for_until_they_want_more(bench):
    frames = await fall_behind(bench)
    waiting = asyncio.create_task(bench.reading.wait())
    await bench.asked(3)
    await bench.read((frames - 1) * SIZE)
    await bench.asked(3)
    assert not waiting.done()  # the last one is still unread
    with bench.hungry():
        await waiting
        assert bench.has_read >= frames * SIZE
        assert bench.reading.is_behind()  # they have to show that they keep up
        while bench.reading.is_behind():
            await bench.send()
            await bench.reading.wait()
    assert bench.reading.unread_bytes() == 0


@at_a_bench
async def test_a_window_that_shrinks_is_not_taken_for_a_slow_reader_for_long(bench):
    with bench.hungry():
        await bench.send()
        bench.reading._largest += 10 * SIZE  # as if it had been so large
        await bench.send()
        assert bench.reading.is_behind()
        while bench.reading.is_behind():  # they want more, and say so
            await bench.reading.wait()
            await bench.send()


def test_who_does_not_answer_gets_frames_and_is_believed_after_two(monkeypatch):
    monkeypatch.setattr(reading_module, '_LIMIT_S', 0.05)
    monkeypatch.setattr(reading_module, '_LONG_LIMIT_S', 0.2)

    @at_a_bench
    async def run(bench):
        bench.reading._ask = lambda: True  # so that there is nothing to acknowledge
        with bench.hungry():
            await bench.send()
            bench.reading._largest += 10 * SIZE
            await bench.send()
            for _ in range(2):
                assert bench.reading.is_behind()
                await bench.reading.wait()
                await bench.send()
            assert bench.reading.unread_bytes() < SIZE

    run()


@at_a_bench
async def test_nothing_is_asked_where_there_is_nothing_to_ask_with(bench):
    await fall_behind(bench)
    bench.reading._ask = lambda: False
    await bench.reading.wait()
    assert bench.questions == 0


@at_a_bench
async def test_who_leaves_is_not_waited_for(bench):
    await fall_behind(bench)
    waiting = asyncio.create_task(bench.reading.wait())
    await bench.asked(1)
    bench.sending.close()
    await waiting
    assert bench.reading.unread_bytes() == 0


@at_a_bench
async def test_small_frames_between_large_ones_make_nobody_slow(bench):
    small = Frame(bytes(500), 0, 1, 64, 48)
    for _ in range(6):
        await bench.send()  # and is not read before the next one comes
        await bench.send(small)
        assert not bench.reading.is_behind()
        await bench.read(SIZE)
        bench.other.recv(500, socket.MSG_WAITALL)


@pytest.mark.parametrize(('codec', 'few'), [(JPEG, True), (H264, False)])
def test_of_video_that_is_not_to_have_gaps_more_may_be_unread(codec, few):
    frame = Frame(bytes(10_000), 0, 1, 64, 48, codec=codec)

    @at_a_bench
    async def run(bench):
        assert (await fall_behind(bench, frame) < 4) == few

    run()


def test_where_the_kernel_tells_nothing_everybody_keeps_up():
    reading = Reading(None, lambda: True)
    for _ in range(10):
        reading.begin(FRAME)
        assert not reading.is_behind()
    assert reading.unread_bytes() == 0
