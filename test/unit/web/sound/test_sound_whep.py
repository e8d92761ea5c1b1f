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

"""Sound by WebRTC: aiortc on both sides, on loopback."""

import asyncio
from contextlib import asynccontextmanager
import time

import aiohttp
from aiortc import rtcdtlstransport, rtcrtpreceiver
import av
import numpy as np
from pi_camera_stream.codecs.opus_encoder import OpusEncoder
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.core.sound import PACKET_SAMPLES, RATE
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.sound.sound import Sound
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.webrtc import availability, whep_session
import pytest
from support.listening import listen
from support.sounding import Source
from support.streams import Stream
from support.whep_client import WAIT_S, WhepClient
from yarl import URL

TONE_HZ = 1000


@asynccontextmanager
async def opened(**rules):
    """Run the application; yield the source, a session, and the address to listen at."""
    source = Source()
    catalog = Catalog('/camera', lambda name: Stream(
        name, time.time_ns, lambda _: None, RenditionEncoder(), RenditionSpec()))
    app = Application(catalog, AccessRules(**rules), lambda _: None,
                      sound=Sound(source, time.time_ns))
    runner = await listen(app.build(ConnectionReaper()), access_log=None)
    try:
        async with aiohttp.ClientSession() as session:
            yield source, session, URL(f'http://127.0.0.1:{runner.addresses[0][1]}/whep/sound')
    finally:
        await runner.cleanup()


async def whistle(source):
    """Give a tone, as fast as it can be heard."""
    encoder, at = OpusEncoder(), np.arange(PACKET_SAMPLES)
    while True:
        wave = np.sin((at + source.sequence * PACKET_SAMPLES) * 2 * np.pi * TONE_HZ / RATE)
        source.give(encoder.encode((wave * 12000).astype(np.int16))[0])
        await asyncio.sleep(0.01)


async def until(condition):
    async def wait():
        while not condition():
            await asyncio.sleep(0.005)
    await asyncio.wait_for(wait(), WAIT_S)


class Decoder:
    """Opus of any length; that of aiortc 1.4 takes packets of 20 ms only."""

    def __init__(self):
        self._context = av.CodecContext.create('opus', 'r')
        self._context.sample_rate, self._context.layout = RATE, 'mono'

    def decode(self, frame):
        return self._context.decode(av.Packet(frame.data))


def test_a_tone_is_heard_until_its_listener_leaves(monkeypatch):
    monkeypatch.setattr(rtcrtpreceiver, 'get_decoder', lambda _: Decoder())

    async def run():
        async with opened() as (source, session, url):
            client = WhepClient(session, url, ('audio',))
            whistling = asyncio.create_task(whistle(source))
            try:
                await client.watch()
                assert source.wanted == [True]
                frame = await client.more(40)
                samples = frame.to_ndarray().astype(float).ravel()
                strongest = np.fft.rfftfreq(len(samples), 1 / RATE)[
                    np.argmax(abs(np.fft.rfft(samples)))]
                assert abs(strongest - TONE_HZ) <= RATE / len(samples)
                assert await client.leave() == 200
                await until(lambda: source.wanted == [True, False])
                await until_left(client)
                assert await client.leave() == 404
            finally:
                whistling.cancel()
                await client.close()

    asyncio.run(run())


@pytest.mark.parametrize('kinds', [('audio', 'video'), ('video', 'audio')])
def test_of_an_offer_only_sound_is_taken(kinds):
    async def run():
        async with opened() as (_, session, url):
            client = WhepClient(session, url, kinds)
            status, text = await client.ask()
            assert status == 201
            taken = {line.split()[0]: line.split()[1] != '0'
                     for line in text.splitlines() if line.startswith('m=')}
            assert taken == {'m=audio': True, 'm=video': False}
            await client.close()

    asyncio.run(run())


def test_the_same_offer_again_takes_the_place_of_the_first():
    async def run():
        async with opened() as (source, session, url):
            client, again = (WhepClient(session, url, ('audio',)) for _ in range(2))
            offer = await client.offer()
            assert (await client.send(offer))[0] == 201
            assert (await again.send(offer))[0] == 201
            assert '/whep/sound/' in again.place
            await until_left(client)
            client.answer = again.answer
            await client.connect()
            await until(lambda: source.wanted == [True])
            assert (await again.state())['connected']
            assert await again.leave() == 200
            for one in (client, again):
                await one.close()

    asyncio.run(run())


async def until_left(client):
    async def look():
        while await client.state() is not None:
            await asyncio.sleep(0.01)
    await asyncio.wait_for(look(), WAIT_S)


def test_candidates_may_come_later():
    async def run():
        async with opened() as (_, session, url):
            client = WhepClient(session, url, ('audio',))
            assert (await client.ask())[0] == 201
            fragment = {'Content-Type': 'application/trickle-ice-sdpfrag',
                        'If-Match': client.headers['ETag']}
            async with session.patch(client.place, data='a=candidate:1 1 udp 1 127.0.0.1 9 typ '
                                     'host\r\n', headers=fragment) as answer:
                assert answer.status == 204
            async with session.patch(client.place, data='a=ice-ufrag:other\r\n',
                                     headers=fragment) as answer:
                assert answer.status == 422
                assert await answer.text() == ('ICE restart is not supported: send a new offer to '
                                               '/whep/sound\n')
            await client.close()

    asyncio.run(run())


def test_who_is_there_and_never_agrees_on_keys_opens_no_microphone(monkeypatch):
    async def hang(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(rtcdtlstransport.RTCDtlsTransport, 'start', hang)
    monkeypatch.setattr(whep_session, '_CONNECT_S', 0.5)

    async def run():
        async with opened() as (source, session, url):
            client = WhepClient(session, url, ('audio',))
            assert (await client.ask())[0] == 201
            await client.connect()
            await until(lambda: client.connection.iceConnectionState == 'completed')
            await until(lambda: not any(task.get_coro().__name__ == '_run'
                                        for task in asyncio.all_tasks()))
            assert source.wanted == [] and await client.leave() == 404
            await client.close()

    asyncio.run(run())


def test_what_cannot_be_is_one_sentence(monkeypatch):
    async def run():
        async with opened(max_viewers=1) as (source, session, url):
            client = WhepClient(session, url, ('video',))
            status, text = await client.ask()
            assert status == 400 and 'audio transceiver with the direction recvonly' in text
            assert (await client.send('v=0', 'text/plain'))[0] == 415
            first, second = (WhepClient(session, url, ('audio',)) for _ in range(2))
            assert (await first.ask())[0] == 201
            assert (await second.ask())[0] == 503
            await first.connect()
            await until(lambda: source.wanted == [True])
            monkeypatch.setattr(availability, 'find_spec', lambda _: None)
            status, text = await second.ask()
            assert status == 501
            assert 'apt install python3-aiortc' in text
            for one in (client, first, second):
                await one.close()

    asyncio.run(run())
