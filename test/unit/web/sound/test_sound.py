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

"""Sound over HTTP, from a source that the test gives it."""

import asyncio
from contextlib import asynccontextmanager
import json
import struct
import threading
import time

import aiohttp
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.core.sound import SoundBuffer, SoundPacket
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.sound.listeners import is_clear, Listeners
from pi_camera_stream.web.sound.sound import Sound
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.stream.link import LinkState
import pytest
from support.listening import listen
from support.sounding import Source
from support.streams import Stream

HEAD = struct.Struct('>BBHIq')
TOKEN = 'correct-horse-battery'
WAIT_S = 20.0


@asynccontextmanager
async def opened(sound, **rules):
    """Run the application with that sound; yield what opens a WebSocket, and its address."""
    catalog = Catalog('/camera', lambda name: Stream(
        name, time.time_ns, lambda _: None, RenditionEncoder(), RenditionSpec()))
    app = Application(catalog, AccessRules(**rules), lambda _: None, sound=sound)
    runner = await listen(app.build(ConnectionReaper()), access_log=None)
    try:
        async with aiohttp.ClientSession(
                f'http://127.0.0.1:{runner.addresses[0][1]}') as session:
            yield session
    finally:
        await runner.cleanup()


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_packets_come_with_their_stamps_while_somebody_listens():
    async def run():
        source = Source()
        async with opened(Sound(source, time.time_ns)) as session:
            async with session.ws_connect('/sound') as socket:
                assert await socket.receive_json() == {
                    'type': 'hello', 'codec': 'opus', 'rate': 48000, 'channels': 1,
                    'packet_ms': 10}
                await until(lambda: source.wanted == [True])
                threading.Thread(target=source.give, args=(b'one',)).start()
                message = await socket.receive_bytes(timeout=WAIT_S)
                version, codec, _, sequence, stamp_ns = HEAD.unpack_from(message)
                assert (version, codec, sequence) == (1, 0, 1)
                assert abs(time.time_ns() - stamp_ns) < 60e9
                assert message[HEAD.size:] == b'one'
                source.give(leave_out=4)
                assert HEAD.unpack_from(await socket.receive_bytes(timeout=WAIT_S))[3] == 6
                await socket.send_json({'type': 'clock', 'client_ms': 5})
                answer = await socket.receive_json()
                assert answer['client_ms'] == 5
                assert abs(answer['server_ms'] - time.time() * 1e3) < 60e3
                state = await (await session.get('/state')).json()
                assert state['sound'] == {'device': 'mic', 'listeners': 1, 'reason': '',
                                          'packets_dropped': 0}
            await until(lambda: source.wanted == [True, False])

    asyncio.run(run())


def test_why_there_is_no_sound_is_told_and_when_there_is_again():
    async def run():
        source = Source()
        source.reason = 'the microphone has gone: plug it in again'
        async with opened(Sound(source, time.time_ns)) as session, \
                session.ws_connect('/sound') as socket:
            await socket.receive()
            assert await socket.receive_json() == {'type': 'signal', 'reason': source.reason}
            source.reason = ''
            source.give()
            assert await socket.receive_json() == {'type': 'signal', 'reason': ''}
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY

    asyncio.run(run())


def test_who_listens_is_let_go_when_the_server_stops():
    async def run():
        sound = Sound(Source(), time.time_ns)
        async with opened(sound) as session, session.ws_connect('/sound') as socket:
            await socket.receive_json()
            sound.end()
            message = await socket.receive(timeout=WAIT_S)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

    asyncio.run(run())


def test_it_is_for_those_who_may_watch_and_as_many():
    async def run():
        source = Source()
        async with opened(Sound(source, time.time_ns), access_token=TOKEN,
                          max_viewers=1) as session:
            assert (await session.get('/sound')).status == 401
            with pytest.raises(aiohttp.WSServerHandshakeError, match='401'):
                await session.ws_connect('/sound')
            with pytest.raises(aiohttp.WSServerHandshakeError, match='403'):
                await session.ws_connect('/sound', origin='http://elsewhere.example',
                                         params={'token': TOKEN})
            async with session.ws_connect('/sound', params={'token': TOKEN}):
                with pytest.raises(aiohttp.WSServerHandshakeError, match='503'):
                    await session.ws_connect('/sound', params={'token': TOKEN})
        assert source.wanted == [True, False]

    asyncio.run(run())


@pytest.mark.parametrize('message', ['{}', '{"type": "ack"}', '{"type": "clock"}', '[', '"'])
def test_what_no_page_would_send_ends_it(message):
    async def run():
        async with opened(Sound(Source(), time.time_ns)) as session, \
                session.ws_connect('/sound') as socket:
            await socket.receive()
            await socket.send_str(message)
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION

    asyncio.run(run())


def test_without_a_microphone_there_is_nothing():
    async def run():
        async with opened(None) as session:
            assert (await session.get('/sound')).status == 404
            assert 'sound' not in json.loads(await (await session.get('/state')).text())

    asyncio.run(run())


def test_a_listener_that_is_behind_has_the_newest_and_holds_nobody_up():
    async def run():
        source = Source()
        listeners = Listeners(source)
        listeners.attach()
        with listeners.join() as slow, listeners.join() as quick:
            taken = []
            for _ in range(20):
                source.give()
                taken.append((await quick.take(WAIT_S)).sequence)
            assert taken == list(range(1, 21))
            assert [(await slow.take(WAIT_S)).sequence for _ in range(6)] == list(range(15, 21))
            assert slow.dropped == listeners.all_dropped == 14
        assert listeners.all_dropped == 14
        assert not source.feed.listeners

    asyncio.run(run())


def test_what_comes_while_the_loop_is_busy_is_dropped_but_for_the_newest():
    async def run():
        source = Source()
        listeners = Listeners(source)
        listeners.attach()
        with listeners.join() as listener:
            for _ in range(30):
                source.give()
            assert [(await listener.take(WAIT_S)).sequence for _ in range(6)] == [
                25, 26, 27, 28, 29, 30]
            assert listeners.all_dropped == 24

    asyncio.run(run())


@pytest.mark.parametrize(('segments', 'round_trip_s', 'clear'), [
    (0, 0.0, True), (8, 0.0, True), (9, 0.0, False), (20, 0.1, True), (24, 0.1, False)])
def test_nothing_is_sent_into_a_way_that_stands_still(segments, round_trip_s, clear):
    class Link:
        def state(self):
            return LinkState(segments * 1448, 1448, round_trip_s, 0.0, 0)

    assert is_clear(Link()) == clear


def test_a_buffer_holds_the_newest():
    buffer = SoundBuffer(2)
    for sequence in (1, 2, 3):
        buffer.put(SoundPacket(b'', 0, sequence))
    assert [buffer.take().sequence, buffer.take().sequence, buffer.take()] == [2, 3, None]
    assert buffer.dropped == 1
