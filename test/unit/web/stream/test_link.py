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
import socket
import time

from pi_camera_stream.web.stream.link import Link, LinkState, progress
import pytest
from support.processes import WAIT_S


def state(unacked, segment=1448, least_round_trip=0.0, rate=0):
    return LinkState(unacked, segment, least_round_trip, 0.0, rate)


async def connected(reads):
    """Return a Link, its transport, and the socket at the other end."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        other = socket.socket()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        other.connect(server.getsockname())
        accepted, _ = server.accept()
    other.setblocking(reads)
    transport, _ = await asyncio.get_running_loop().create_connection(
        asyncio.Protocol, sock=accepted)
    return Link(transport), transport, other


def test_what_has_arrived_is_no_backlog():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            transport.write(b'x' * 2000)
            await asyncio.to_thread(other.recv, 4096)
            while link.state().unacked_bytes:
                await asyncio.sleep(0)
            assert link.backlog_bytes() == 0
            transport.abort()

    asyncio.run(run())


def test_nothing_is_sent_again_where_nothing_is_lost_and_nobody_knows_after_the_end():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            transport.write(b'x' * 2000)
            await asyncio.to_thread(other.recv, 4096)
            assert link.lost_segments() == 0
            transport.abort()
            while link.lost_segments() is not None:
                await asyncio.sleep(0)

    asyncio.run(run())


def test_what_nobody_reads_is_a_backlog_and_little_of_it_is_in_the_kernel():
    async def run():
        link, transport, other = await connected(reads=False)
        with other:
            transport.write(b'x' * 1_000_000)
            for _ in range(10):
                await asyncio.sleep(0)
            assert link.backlog_bytes() > 500_000
            # Without the bound, the kernel would take megabytes.
            assert link.state().unacked_bytes < 200_000
            assert link.excess_bytes(link.state(), 1_000_000) >= 0
            transport.abort()
            await asyncio.sleep(0)
            assert link.closed

    asyncio.run(run())


def test_a_way_is_clear_as_long_as_next_to_nothing_is_under_way():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            assert link.is_clear()
            transport.write(b'x' * 9000)
            assert not link.is_clear()
            read = 0
            while read < 9000:
                read += len(await asyncio.to_thread(other.recv, 4096))
            while not link.is_clear():
                await asyncio.sleep(0)
            transport.abort()
            await asyncio.sleep(0)
            assert not link.is_clear()

    asyncio.run(run())


def test_a_viewer_who_has_gone_with_pictures_unread_is_not_waited_for():
    async def run():
        link, transport, other = await connected(reads=False)
        transport.pause_reading()  # nothing is expected of it, so that nothing tells that it goes
        transport.write(bytes(12_000))
        assert transport.get_write_buffer_size() == 0  # nor is there more to write
        while link.state() and not link.state().since_answer_s:
            await asyncio.sleep(0.001)
        assert link.state().unacked_bytes
        other.close()
        while link.state() is not None:
            await asyncio.sleep(0.01)
        transport.write(b'x')
        assert link.closed

    asyncio.run(asyncio.wait_for(run(), WAIT_S))


def test_there_is_progress_when_the_other_end_takes_something():
    async def run():
        _, transport, other = await connected(reads=False)
        with other:
            assert progress(transport) == (False, 0)
            transport.write(bytes(8 * 2**20))
            owing, before = progress(transport)
            while progress(transport) != (owing, before):  # until both kernels are full
                owing, before = progress(transport)
                await asyncio.sleep(0.05)
            assert owing
            taken = 0
            while progress(transport)[1] == before:
                taken += len(other.recv(65536))
                await asyncio.sleep(0)
            assert taken <= 2**22 and progress(transport)[0]
            transport.abort()
            await asyncio.sleep(0)
            assert progress(transport)[0] is False

    asyncio.run(run())


def test_a_closed_connection_has_no_state():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            assert link.state().segment_bytes > 0
            transport.abort()
            await asyncio.sleep(0)
            assert link.state() is None
            assert link.backlog_bytes() == 0

    asyncio.run(run())


def test_the_time_since_the_last_answer_is_that_of_the_kernel():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            transport.write(b'x')
            await asyncio.to_thread(other.recv, 1)
            while link.state().unacked_bytes:
                await asyncio.sleep(0)
            first = link.state().since_answer_s
            begun_s = time.monotonic()
            while link.state().since_answer_s < first + 0.02:
                await asyncio.sleep(0)
            assert time.monotonic() - begun_s > 0.005  # it is a time, and not a count
            transport.abort()

    asyncio.run(run())


@pytest.mark.parametrize(('unacked', 'size', 'excess'), [
    (0, 148_000, 0),  # all has arrived
    (16_000, 148_000, -384),  # 16 kB may be left of a large picture,
    (20_000, 148_000, 3616),
    (5_000, 12_000, 2000),  # a quarter of a small one,
    (2_800, 2_000, -96),  # and two segments in any case: the other end may answer late
])
def test_a_picture_may_begin_when_little_is_left_of_the_one_before(unacked, size, excess):
    link = Link.__new__(Link)
    assert link.excess_bytes(state(unacked), size) == excess


def test_what_a_long_path_has_in_flight_is_no_backlog():
    link = Link.__new__(Link)
    wide_and_long = state(400_000, least_round_trip=0.1, rate=5_000_000)
    assert link.excess_bytes(wide_and_long, 148_000) < 0
    narrow_and_long = state(400_000, least_round_trip=0.1, rate=500_000)
    assert link.excess_bytes(narrow_and_long, 148_000) > 0


@pytest.mark.parametrize(('round_trip', 'begins'), [(0.105, True), (0.2, False)])
def test_on_a_long_path_without_a_queue_the_next_picture_begins(round_trip, begins):
    link = Link.__new__(Link)
    # 100 kB/s is all that there was to deliver: the path may be wider.
    seen = state(400_000, least_round_trip=0.1, rate=100_000)._replace(
        app_limited=True, round_trip_s=round_trip)
    assert (link.excess_bytes(seen, 148_000) <= 0) == begins


def test_the_kernel_knows_the_round_trip_and_who_sets_the_rate():
    async def run():
        link, transport, other = await connected(reads=True)
        with other:
            transport.write(b'x' * 2000)
            await asyncio.to_thread(other.recv, 4096)
            while link.state().unacked_bytes:
                await asyncio.sleep(0)
            seen = link.state()
            assert seen.app_limited  # since there was no more to send
            assert 0 < seen.round_trip_s < 10
            assert seen.queue_s == seen.round_trip_s - seen.least_round_trip_s
            transport.abort()

    asyncio.run(run())
