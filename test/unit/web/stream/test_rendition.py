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
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.rendition import Moved, Rendition
import pytest


def frame(sequence):
    return Frame(b'jpeg %d' % sequence, 10**9, sequence, 64, 48)


def in_loop(test):
    """Run an async test with a rendition."""
    def wrapped():
        asyncio.run(test(Rendition(RenditionSpec(scale=0.5))))
    wrapped.__name__ = test.__name__
    return wrapped


async def waiting(rendition, sequence=0):
    """Return a task that waits already."""
    task = asyncio.create_task(rendition.newer_than(sequence))
    await asyncio.sleep(0)
    assert not task.done()
    return task


@in_loop
async def test_all_who_wait_get_the_same_object(rendition):
    tasks = [await waiting(rendition) for _ in range(10)]
    newest = frame(1)
    rendition.put(newest)
    assert all(got is newest for got in await asyncio.gather(*tasks))
    assert rendition.newest is newest


@in_loop
async def test_a_newer_one_is_there_at_once_and_the_same_one_is_not(rendition):
    rendition.put(frame(1))
    rendition.put(frame(2))
    assert (await rendition.newer_than(0)).sequence == 2
    assert (await rendition.newer_than(1)).sequence == 2
    task = await waiting(rendition, 2)
    rendition.put(frame(3))
    assert (await task).sequence == 3


@in_loop
async def test_who_waits_once_gets_one(rendition):
    task = await waiting(rendition)
    rendition.put(frame(1))
    rendition.put(frame(2))  # before the one who waits has come to run
    assert (await task).sequence == 1
    assert (await rendition.newer_than(1)).sequence == 2


@in_loop
async def test_waking_reaches_those_who_wait_and_nobody_later(rendition):
    rendition.put(frame(5))
    tasks = [await waiting(rendition, 5) for _ in range(3)]
    status = frame(0)
    rendition.wake(status)
    assert all(got is status for got in await asyncio.gather(*tasks))
    assert rendition.newest.sequence == 5
    assert rendition.made.total == 1
    task = await waiting(rendition, 5)
    rendition.put(frame(6))
    assert (await task).sequence == 6


@in_loop
async def test_one_who_is_cancelled_does_not_hurt_the_others(rendition):
    first, second, third = [await waiting(rendition) for _ in range(3)]
    second.cancel()
    await asyncio.wait([second])
    rendition.put(frame(1))
    assert [(await task).sequence for task in (first, third)] == [1, 1]
    assert second.cancelled()


@in_loop
async def test_nor_does_one_who_is_cancelled_after_he_was_woken(rendition):
    first, second = [await waiting(rendition) for _ in range(2)]
    rendition.put(frame(1))
    first.cancel()
    assert (await second).sequence == 1
    with pytest.raises(asyncio.CancelledError):
        await first
    task = await waiting(rendition, 1)
    rendition.put(frame(2))
    assert (await task).sequence == 2


@in_loop
async def test_one_who_is_cancelled_leaves_nothing_behind(rendition):
    for _ in range(20):
        task = await waiting(rendition)
        task.cancel()
        await asyncio.wait([task])
    assert len(rendition._waiting) == 0


@in_loop
async def test_waking_with_nothing_lets_all_look_again(rendition):
    rendition.put(frame(5))
    tasks = [await waiting(rendition, 5) for _ in range(2)]
    moved = Moved()
    rendition.wake(moved)
    assert await asyncio.gather(*tasks) == [moved, moved]
    assert (await rendition.newer_than(0)).sequence == 5


@in_loop
async def test_who_takes_frames_at_once_goes_on_waiting_until_one_is_not_taken(rendition):
    taken = []

    def take(newest):
        taken.append(newest.sequence)
        return newest.sequence != 3

    task = asyncio.create_task(rendition.newer_than(0, take))
    await asyncio.sleep(0)
    other = await waiting(rendition)
    for sequence in (1, 2, 3, 4):
        rendition.put(frame(sequence))
    assert taken == [1, 2, 3]
    assert (await task).sequence == 3
    assert (await other).sequence == 1


@in_loop
async def test_one_whose_connection_fails_costs_the_others_nothing(rendition):
    def fail(_):
        raise RuntimeError('no longer a connection')

    failing = asyncio.create_task(rendition.newer_than(0, fail))
    await asyncio.sleep(0)
    other = await waiting(rendition)
    rendition.put(frame(1))
    assert [(await task).sequence for task in (failing, other)] == [1, 1]


@in_loop
async def test_who_takes_frames_is_woken_and_can_be_cancelled(rendition):
    tasks = [asyncio.create_task(rendition.newer_than(0, lambda _: True)) for _ in range(2)]
    await asyncio.sleep(0)
    rendition.put(frame(1))
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    moved = Moved()
    rendition.wake(moved)
    assert await tasks[1] is moved
    assert len(rendition._waiting) == 0


def test_what_is_made_is_counted_without_a_loop():
    rendition = Rendition(None)
    rendition.put(frame(1))
    rendition.put(frame(2))
    assert rendition.made.total == 2
    assert rendition.made.total_bytes == len(b'jpeg 1jpeg 2')
    assert (rendition.spec, rendition.users) == (None, 0)
