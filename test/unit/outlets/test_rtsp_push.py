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
from pi_camera_stream.outlets import rtsp_push, sending
from pi_camera_stream.outlets.create import create_outlets, OutletSettings
from pi_camera_stream.outlets.digest import Digest, Proof
from pi_camera_stream.outlets.rtsp_messages import Interleaved, MessageReader, write_answer
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.sound.listeners import Listeners
import pytest
from support.filming import Studio
from support.processes import WAIT_S
from support.rtsp_client import Depacketizer
from support.senders import free_port
from support.sounding import Source

SECRET = 'correct-horse'

pytestmark = pytest.mark.usefixtures('pyav')


class Server:
    """Takes what is recorded there, as its attributes say."""

    def __init__(self, port):
        self.port = port
        self.statuses, self.basic, self.secret, self.silent = {}, False, '', False
        self.timeout, self.channel = '', 0
        self.deaf, self.heard = (), []  # what it refuses where sound is in it; payloads
        self.asked, self.sdp, self.frames, self.writers = [], '', [], []
        self.session_headers = []

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, '127.0.0.1', self.port)
        try:
            yield self
        finally:
            server.close()
            self.end()
            await asyncio.sleep(0)

    def end(self):
        """End all connections."""
        while self.writers:
            self.writers.pop().transport.abort()

    async def _serve(self, reader, writer):
        self.writers.append(writer)
        messages, digest, there = MessageReader(), Digest(), Depacketizer()
        try:
            while data := await reader.read(65536):
                for message in messages.feed(data):
                    if not isinstance(message, Interleaved):
                        self._answer(message, writer, digest)
                    elif message.channel == self.channel:
                        self.frames += there.put(message.data)
                    elif message.channel == self.channel + 2:
                        self.heard.append(bytes(message.data[12:]))
        except ConnectionError:
            pass

    def _answer(self, request, writer, digest):
        self.asked.append(request.method)
        if self.silent:
            return
        headers = {'CSeq': request.headers['cseq']}
        status = self.statuses.get(request.method, 200)
        sounds = request.url.endswith('/track1') or 'm=audio' in request.body.decode()
        if sounds and request.method in self.deaf:
            status = 501
        if self.secret:
            proof, _ = digest.check(request.headers.get('authorization', ''), request.method,
                                    [self.secret])
            if proof is not Proof.RIGHT:
                status = 401
                headers['WWW-Authenticate'] = 'Basic realm="x"' if self.basic else (
                    f'Basic realm="x"\r\nWWW-Authenticate: {digest.challenge}')
        if request.method == 'ANNOUNCE':
            self.sdp = request.body.decode()
        if request.method == 'SETUP':
            channel = self.channel + (2 if sounds else 0)
            headers['Transport'] = (f'RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};'
                                    'mode=record')
            headers['Session'] = f'42{self.timeout}'
        elif request.method != 'ANNOUNCE':
            self.session_headers.append(request.headers.get('session'))
        writer.write(write_answer(status, headers))


class Site(Studio):
    def __init__(self, server, login='', insecure=False, path='live/robot', source=None):
        super().__init__()
        self.logged, self.server = [], server
        sound = None if source is None else Listeners(source)
        if sound is not None:
            sound.attach()
        self.outlet, = create_outlets(
            OutletSettings('127.0.0.1', outlets=(f'rtsp://{login}127.0.0.1:{server.port}/{path}',),
                           insecure=insecure),
            self.catalog, AccessRules(), None, None, self.logged.append, sound)

    async def until(self, condition):
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s, self.outlet.state()
            await asyncio.sleep(0.01)


def run(scenario, **options):
    async def within():
        site = Site(Server(free_port()), **options)
        filming = asyncio.create_task(site.film())
        await site.outlet.open()
        try:
            await asyncio.wait_for(scenario(site, site.server), WAIT_S)
        finally:
            filming.cancel()
            await site.outlet.close()
            site.catalog.close()
            await asyncio.sleep(0)
        said = ' '.join([*site.logged, str(site.outlet.state()), site.outlet.title()])
        assert SECRET not in said
        assert 'robot@' not in said
    asyncio.run(within())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sending, '_POLL_S', 0.02)


def test_a_server_gets_what_it_is_told_of_and_again_when_it_has_been_away():
    async def scenario(site, server):
        await site.until(lambda: 'nothing listens' in site.outlet.reason)
        for number in (1, 2):
            async with server.running():
                await site.until(lambda: len(server.frames) > 20)
                assert site.outlet.state()['reason'] == ''
                assert server.asked[:3] == ['ANNOUNCE', 'SETUP', 'RECORD']
                assert 'm=video 0 RTP/AVP 96\r\n' in server.sdp
                assert 'sprop-parameter-sets=' in server.sdp
                kinds = [unit_type(unit) for unit in nal_units(server.frames[0][0])]
                assert kinds[:2] == [7, 8]  # it begins with a key frame
                assert set(server.session_headers) == {'42'}
                assert site.outlet.begun == number
                viewer, = site.catalog.stream().state()['viewers']
                assert (viewer['transport'], viewer['address']) == ('rtsp-push', '127.0.0.1')
                server.frames.clear()
                server.asked.clear()
            await site.until(lambda n=number: site.camera.wanted[2 * n - 1:2 * n] == [False])

    run(scenario)


def test_it_proves_that_it_knows_the_password_and_says_it_to_nobody():
    async def scenario(site, server):
        server.secret = SECRET
        async with server.running():
            await site.until(lambda: server.frames)
        assert server.asked[:4] == ['ANNOUNCE', 'ANNOUNCE', 'SETUP', 'RECORD']

    run(scenario, login=f'robot:{SECRET}@')


@pytest.mark.parametrize(('login', 'basic', 'said'), [
    ('', False, 'asks for user and password: write them as rtsp://user:secret@server/path'),
    ('robot:guess@', False, 'wrong user or password'),
    (f'robot:{SECRET}@', True, "enable Digest there, or set 'outlets_insecure'")])
def test_who_is_not_let_in_is_told_why_and_does_not_insist(monkeypatch, login, basic, said):
    # Elsewhere than on this machine.
    monkeypatch.setattr(rtsp_push, 'is_loopback', lambda _: False)

    async def scenario(site, server):
        server.secret, server.basic = SECRET, basic
        async with server.running():
            await site.until(lambda: said in site.outlet.reason)
            tries = len(server.asked)
            await asyncio.sleep(1.2)
            assert len(server.asked) == tries

    run(scenario, login=login)


@pytest.mark.parametrize(('method', 'status', 'said'), [
    ('ANNOUNCE', 404, 'it answered 404 Not Found to ANNOUNCE'),
    ('SETUP', 461, 'it does not accept RTP over'), ('RECORD', 501, 'to RECORD')])
def test_what_a_server_refuses_is_told(method, status, said):
    async def scenario(site, server):
        server.statuses[method] = status
        async with server.running():
            await site.until(lambda: said in site.outlet.reason)
            server.statuses.clear()
            await site.until(lambda: server.frames)

    run(scenario)


@pytest.mark.parametrize('deaf', [(), ('SETUP',), ('ANNOUNCE',)], ids='|'.join)
def test_sound_goes_with_the_pictures_where_the_server_takes_it(deaf):
    source = Source()

    async def scenario(site, server):
        server.deaf = deaf
        async with server.running():
            await site.until(lambda: len(server.frames) > 5)
            assert ('m=audio' in server.sdp) == ('ANNOUNCE' not in deaf)
            if deaf:
                assert source.wanted == []
                assert any('without sound' in line for line in site.logged)
                return
            await site.until(lambda: source.wanted == [True])
            source.give(b'heard')
            await site.until(lambda: server.heard)
            assert server.heard == [b'heard'] or server.heard[1:] == [b'heard']
        await site.until(lambda: source.wanted == [True, False])

    run(scenario, source=source)


def test_a_channel_that_does_not_exist_is_refused():
    async def scenario(site, server):
        server.channel = 255
        async with server.running():
            await site.until(lambda: 'it asks for channel 255' in site.outlet.reason)

    run(scenario)


def test_a_server_that_does_not_answer_is_left(monkeypatch):
    monkeypatch.setattr(rtsp_push, '_ANSWER_S', 0.2)

    async def scenario(site, server):
        server.silent = True
        async with server.running():
            await site.until(lambda: 'no answer from' in site.outlet.reason)
            server.silent = False
            await site.until(lambda: server.frames)
        assert not any('internal error' in line for line in site.logged)

    run(scenario)


@pytest.mark.parametrize('garbage', [
    b'HTTP/1.1 200 OK\r\n\r\n', b'RTSP/1.0 200 OK\r\nContent-Length: 99999\r\n\r\n', bytes(100),
    b'RTSP/2.0 200 OK\r\n\r\n'], ids=['http', 'long', 'zeros', 'version'])
def test_what_makes_no_sense_ends_the_connection_only(garbage):
    async def scenario(site, server):
        async with server.running():
            await site.until(lambda: server.frames)
            server.writers[-1].write(garbage)
            await site.until(lambda: site.outlet.begun > 1)
            server.frames.clear()
            await site.until(lambda: server.frames)
        assert not any('internal error' in line for line in site.logged)

    run(scenario)


def test_signs_of_life_are_given_without_pictures_too_and_losses_are_heard(monkeypatch):
    monkeypatch.setattr(rtsp_push, '_LEAST_KEEP_S', 0.05)

    async def scenario(site, server):
        server.timeout, server.channel = ';timeout=0', 6
        async with server.running():
            await site.until(lambda: server.frames)
            await asyncio.sleep(0.1)
            asked = site.camera.keys_asked
            server.writers[-1].write(b'$\x07\0\x0c\x81\xce\0\x02' + bytes(8))  # PLI
            await site.until(lambda: site.camera.keys_asked > asked)
            site.camera.silent = True
            server.asked.clear()
            await site.until(lambda: server.asked.count('OPTIONS') >= 3)
        assert set(server.session_headers) == {'42'}

    run(scenario)
