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
from contextlib import asynccontextmanager
import time

from pi_camera_stream.codecs.h264 import nal_units, unit_type
from pi_camera_stream.outlets import listening
from pi_camera_stream.outlets.raw_tcp import RawTcpServer
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.admission import Admission
import pytest
from support.filming import FRONT, SIZE, Studio
from support.processes import WAIT_S

pytestmark = pytest.mark.usefixtures('pyav')


class Site(Studio):
    def __init__(self, topic='', **rules):
        super().__init__()
        self.logged, rules = [], AccessRules(**rules)
        self.places = Admission(rules)
        self.server = RawTcpServer('127.0.0.1', 0, topic, self.catalog, rules, self.places,
                                   self.logged.append)

    @asynccontextmanager
    async def player(self):
        reader, writer = await asyncio.open_connection('127.0.0.1', self.server.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            try:
                await writer.wait_closed()
            except ConnectionError:
                pass

    async def until(self, condition):
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s
            await asyncio.sleep(0.01)


def run(scenario, **options):
    async def within():
        site = Site(**options)
        filming = asyncio.create_task(site.film())
        await site.server.open()
        try:
            await scenario(site)
        finally:
            filming.cancel()
            await site.server.close()
            site.catalog.close()
    asyncio.run(within())


async def read(reader, pictures):
    """Return all that comes up to so many pictures, and the pictures."""
    import av
    decoder, data, found = av.CodecContext.create('h264', 'r'), b'', []
    while len(found) < pictures:
        piece = await asyncio.wait_for(reader.read(65536), WAIT_S)
        assert piece
        data += piece
        for packet in decoder.parse(piece):
            found += decoder.decode(packet)
    return data, found


async def until_end(reader):
    try:
        while await asyncio.wait_for(reader.read(65536), WAIT_S):
            pass
    except ConnectionError:
        pass


def test_who_connects_gets_parameter_sets_a_key_frame_and_what_follows():
    async def scenario(site):
        async with site.player() as (reader, writer):
            writer.write(b'GET / HTTP/1.1\r\n\r\n')  # whatever it says
            data, pictures = await read(reader, 20)
            assert (pictures[0].width, pictures[0].height) == SIZE
            kinds = [unit_type(unit) for unit in nal_units(data)]
            assert kinds[:2] == [7, 8]
            assert kinds[kinds.index(9) - 1] == 5  # the next one begins
            assert kinds.count(9) >= 20
            viewer, = site.catalog.stream().state()['viewers']
            assert (viewer['transport'], viewer['codec']) == ('tcp', 'h264')
        await site.until(lambda: site.camera.wanted == [True, False])
        assert site.places.viewers == 0
        assert site.server.frames_sent >= 20
        assert site.server.url() == f'tcp://127.0.0.1:{site.server.port}'

    run(scenario)


def test_who_has_nothing_to_say_may_watch_and_is_forgotten_when_gone(monkeypatch):
    monkeypatch.setattr(listening, 'STUCK_S', 0.3)
    monkeypatch.setattr(listening, '_POLL_S', 0.05)

    async def scenario(site):
        async with site.player() as (reader, writer):
            writer.write_eof()
            await read(reader, 60)
            site.camera.silent = True
            await until_end(reader)
        await site.until(lambda: site.places.viewers == 0)

    run(scenario)


def test_who_takes_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(listening, 'STUCK_S', 0.3)
    monkeypatch.setattr(listening, '_POLL_S', 0.05)

    async def scenario(site):
        async with site.player() as (_, stuck), site.player() as (reader, _):
            stuck.transport.pause_reading()
            await site.until(lambda: site.server.state()['clients'] == 2)
            while site.server.state()['clients'] == 2:
                # It keeps nobody waiting.
                assert await asyncio.wait_for(reader.read(65536), WAIT_S)

    run(scenario)


def test_another_topic():
    async def scenario(site):
        async with site.player() as (reader, _):
            await read(reader, 2)
            assert site.cameras[FRONT].wanted == [True]

    run(scenario, topic=FRONT)


@pytest.mark.parametrize(('options', 'said'), [
    ({'topic': '/nothing'}, "topic '/nothing'"), ({'max_viewers': 1}, 'max_viewers')])
def test_who_is_refused_is_let_go_and_the_log_says_why_once(options, said):
    async def scenario(site):
        async with site.player() as (first, _):
            if 'topic' not in options:
                await read(first, 1)
            for _ in range(2):
                async with site.player() as (reader, _):
                    await until_end(reader)
        assert site.server.state()['refused'] >= 2
        line, = site.logged
        assert said in line

    run(scenario, **options)
