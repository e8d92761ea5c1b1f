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
import random
import re
import socket
import struct
import time

from pi_camera_stream.outlets import listening, opening, outlet, rtsp_connection
from pi_camera_stream.outlets.rtsp_server import RtspServer
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
import pytest
from support.filming import DEFAULT, FRONT, SIZE, Studio
from support.processes import WAIT_S
from support.rtsp_client import Client, Depacketizer, TCP

TOKEN, DRIVER = 'correct-horse-battery', 'staple-of-the-driver'

pytestmark = pytest.mark.usefixtures('pyav')


class Site(Studio):
    """The server, and what has been logged."""

    def __init__(self, rules, multicast):
        super().__init__()
        self.logged, self.clients = [], []
        self.application = Application(self.catalog, rules, self.logged.append)
        self.server = RtspServer('127.0.0.1', 0, self.catalog, rules, self.application.places,
                                 self.application.note_wrong, self.logged.append, multicast)

    async def client(self, path='camera', login=None):
        client = await Client.open(self.server.port, path)
        client.login = login
        self.clients.append(client)
        return client

    async def slow_client(self):
        """Return one whose machine holds next to nothing for it."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection,
                                                      ('127.0.0.1', self.server.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        client = Client(reader, writer, f'rtsp://127.0.0.1:{self.server.port}/camera')
        self.clients.append(client)
        return client

    async def until(self, condition):
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s
            await asyncio.sleep(0.01)


@asynccontextmanager
async def site(multicast=False, **rules):
    one = Site(AccessRules(**rules), multicast)
    filming = asyncio.create_task(one.film())
    await one.server.open()
    try:
        yield one
    finally:
        filming.cancel()
        for client in one.clients:
            await client.end()
        await one.server.close()
        one.catalog.close()


def run(scenario, **rules):
    async def within():
        async with site(**rules) as one:
            await scenario(one)
    asyncio.run(within())


def decoded(frames):
    import av
    decoder = av.CodecContext.create('h264', 'r')
    return [picture for data, _ in frames for picture in decoder.decode(av.Packet(data))]


def test_a_player_describes_sets_up_plays_and_ends():
    async def scenario(site):
        client = await site.client()
        options = await client.ask('OPTIONS')
        assert 'DESCRIBE' in options.headers['public']
        describe, setup, play = await client.play()
        assert describe.headers['content-type'] == 'application/sdp'
        assert describe.headers['content-base'] == client.url + '/'
        assert re.search(r'm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n', describe.body)
        assert re.search(r'sprop-parameter-sets=[\w+/=]+,[\w+/=]+\r\n', describe.body)
        assert setup.headers['transport'].startswith('RTP/AVP/TCP;unicast;interleaved=0-1')
        assert setup.headers['session'].endswith(';timeout=60')
        frames = await client.frames(30)
        assert play.headers['rtp-info'] == f'url={client.url}/track0'
        assert len(decoded(frames)) >= 29
        assert decoded(frames)[0].width == SIZE[0]
        stream = site.catalog.stream()
        state = stream.state()['viewers'][0]
        assert state['transport'] == 'rtsp-tcp'
        assert state['codec'] == 'h264'
        assert (await client.ask('GET_PARAMETER')).status == 200
        assert (await client.ask('TEARDOWN')).status == 200
        await site.until(lambda: site.camera.wanted == [True, False])  # it began once alone
        assert site.server.state()['clients'] == 0
        assert site.server.state()['frames_sent'] >= 30
        assert site.server.bytes_sent > 1000
        assert site.application.places.viewers == 0
        client.session, client._depacketizer = '', Depacketizer()
        client.packets.clear()
        await client.play()  # again, in the same connection
        await client.frames(2)
        client.close()
        await site.until(lambda: site.camera.wanted[2:] == [True, False])

    run(scenario)


def test_a_report_with_capture_times_comes_with_the_first_frame():
    async def scenario(site):
        client = await site.client()
        await client.play()
        while not any(channel == 1 for channel, _ in client.packets):
            assert await client._exactly(1) == b'$'
            await client._packet()
        report = next(packet for channel, packet in client.packets if channel == 1)
        ntp_s = struct.unpack_from('>I', report, 8)[0] - 2_208_988_800
        assert abs(ntp_s - time.time()) < 60

    run(scenario)


def test_pictures_come_by_udp_to_who_asks_whatever_destination_is_said():
    async def scenario(site):
        with (socket.socket(type=socket.SOCK_DGRAM) as rtp,
              socket.socket(type=socket.SOCK_DGRAM) as rtcp):
            for one in (rtp, rtcp):
                one.bind(('127.0.0.1', 0))
                one.setblocking(False)
            ports = f'{rtp.getsockname()[1]}-{rtcp.getsockname()[1]}'
            client = await site.client()
            _, setup, _ = await client.play(
                f'RTP/AVP;unicast;destination=127.0.0.99;client_port={ports}')
            assert f'client_port={ports}' in setup.headers['transport']
            assert 'destination' not in setup.headers['transport']
            server = [int(port) for port in re.search(
                r'server_port=(\d+)-(\d+)', setup.headers['transport']).groups()]
            assert server[0] % 2 == 0
            assert server[1] == server[0] + 1
            loop, depacketizer, frames = asyncio.get_running_loop(), Depacketizer(), []
            while len(frames) < 10:
                packet = await asyncio.wait_for(loop.sock_recv(rtp, 2048), WAIT_S)
                frames += depacketizer.put(packet)
            assert len(decoded(frames)) >= 9
            assert site.catalog.stream().state()['viewers'][0]['transport'] == 'rtsp-udp'
            assert (await asyncio.wait_for(loop.sock_recv(rtcp, 2048), WAIT_S))[1] == 200
            before = site.catalog.stream().video.renditions
            asked = sum(one.keys_asked for one in before.values())
            rtcp.connect(('127.0.0.1', server[1]))
            rtcp.send(b'\x81\xce\x00\x02' + bytes(8))  # it needs a key frame
            await site.until(lambda: sum(one.keys_asked for one in before.values()) > asked)
            client.close()
            await site.until(lambda: site.camera.wanted == [True, False])

    run(scenario)


def receiver(setup):
    """Return a socket that is in the group that an answer names."""
    group, port = re.search(r'destination=([\d.]+);port=(\d+)-',
                            setup.headers['transport']).groups()
    one = socket.socket(type=socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((group, int(port)))
    one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                   socket.inet_aton(group) + socket.inet_aton('127.0.0.1'))
    one.setblocking(False)
    return one


def test_a_group_gets_pictures_once_while_somebody_plays_them():
    async def scenario(site):
        first, second = await site.client(), await site.client()
        _, setup, _ = await first.play('RTP/AVP;multicast')
        assert setup.headers['transport'].startswith('RTP/AVP;multicast;destination=239.255.')
        assert ';ttl=1;' in setup.headers['transport']
        _, again, _ = await second.play('RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001')
        assert again.headers['transport'] == setup.headers['transport']
        with receiver(setup) as group:
            depacketizer, frames = Depacketizer(), []
            loop = asyncio.get_running_loop()
            while len(frames) < 30:
                packet = await asyncio.wait_for(loop.sock_recv(group, 2048), WAIT_S)
                if packet[1] & 0x7F == 96:
                    frames += depacketizer.put(packet)
            begins = next(at for at, (data, _) in enumerate(frames) if data[4] & 31 == 7)
            assert len(decoded(frames[begins:])) >= len(frames) - begins - 1
            viewer, = site.catalog.stream().state()['viewers']
            assert viewer['transport'] == 'rtsp-multicast'
            assert site.application.places.viewers == 2
            await first.ask('TEARDOWN')
            await asyncio.wait_for(loop.sock_recv(group, 2048), WAIT_S)
            second.close()
            await site.until(lambda: site.camera.wanted == [True, False])
        assert site.application.places.viewers == 0
        first.session = ''
        await first.play('RTP/AVP;multicast')  # again
        await site.until(lambda: site.camera.wanted == [True, False, True])

    run(scenario, multicast=True)


def test_each_topic_has_its_name_and_others_are_not_found():
    async def scenario(site):
        client = await site.client('front')
        describe, _, _ = await client.play()
        assert f's={FRONT}' in describe.body
        await client.frames(2)
        for path in ('', 'camera', DEFAULT.strip('/'), 'camera/image_raw'):
            assert f's={DEFAULT}' in (await (await site.client(path)).ask('DESCRIBE')).body
        answer = await (await site.client('nothing')).ask('DESCRIBE')
        assert answer.status == 404
        assert 'available: /camera' in answer.body

    run(scenario)


def test_without_a_picture_it_says_why(monkeypatch):
    monkeypatch.setattr(opening, '_PATIENCE_S', 0.1)

    async def scenario(site):
        site.camera.silent = True
        site.catalog.stream().reception.missing = 'nobody publishes it'
        client = await site.client()
        answer = await client.ask('DESCRIBE')
        assert answer.status == 503
        assert DEFAULT in answer.body
        site.camera.silent = False
        await client.play()  # as soon as there is one

    run(scenario)


def test_where_there_is_no_h264_it_says_why():
    async def scenario(site):
        site.catalog.stream().video.reason = lambda *_: 'the processor is too slow'
        client = await site.client()
        answer = await client.ask('DESCRIBE')
        assert (answer.status, answer.body) == (503, 'the processor is too slow\n')

    run(scenario)


@pytest.mark.parametrize('password', [TOKEN, DRIVER])
def test_who_knows_a_token_may_watch_and_it_is_never_sent(password):
    async def scenario(site):
        client = await site.client()
        assert (await client.ask('OPTIONS')).status == 200
        answer = await client.ask('DESCRIBE')
        assert answer.status == 401
        assert answer.headers['www-authenticate'].startswith('Digest ')
        assert (await client.ask('SETUP', Transport=TCP)).status == 401
        client.login = ('anybody', password)
        await client.play()
        await client.frames(2)

    run(scenario, access_token=TOKEN, driver_token=DRIVER)


def test_wrong_passwords_are_counted_with_those_of_the_login():
    async def scenario(site):
        client = await site.client(login=('admin', 'guessed'))
        for _ in range(9):
            assert (await client.ask('DESCRIBE')).status == 401
        answer = await client.ask('DESCRIBE')
        assert answer.status == 403
        await client.ended()
        assert any('10 wrong access tokens' in line for line in site.logged)
        assert site.application.note_wrong('127.0.0.1') > 0
        right = await site.client(login=('admin', TOKEN))
        await right.play()  # whoever has its address could lock it out otherwise

    run(scenario, access_token=TOKEN)


def test_who_has_no_session_or_another_ones_may_not_play():
    async def scenario(site):
        client = await site.client()
        assert (await client.ask('PLAY')).status == 454
        other = await site.client()
        assert (await other.ask('SETUP', Transport=TCP)).status == 200
        client.session = other.session
        for method in ('PLAY', 'TEARDOWN', 'GET_PARAMETER'):
            assert (await client.ask(method)).status == 454
        assert (await other.ask('PLAY')).status == 200
        assert (await other.ask('PLAY')).status == 200
        assert (await other.ask('SETUP', Transport=TCP)).status == 455
        assert (await other.ask('RECORD')).status == 501
        assert (await client.ask('SETUP', Transport='RTP/AVP;multicast')).status == 461

    run(scenario)


def test_players_are_viewers_among_max_viewers():
    async def scenario(site):
        first, second = await site.client(), await site.client()
        await first.play()
        await first.frames(1)
        await second.ask('DESCRIBE')
        await second.ask('SETUP', Transport=TCP)
        answer = await second.ask('PLAY')
        assert answer.status == 503
        assert 'max_viewers' in answer.body
        with site.application.places.admit('127.0.0.1', leads=True):  # who watches a page
            first.close()
            await site.until(lambda: site.application.places.viewers == 1)
            assert (await second.ask('PLAY')).status == 503
        assert (await second.ask('PLAY')).status == 200

    run(scenario, max_viewers=1)


def test_a_session_that_does_not_play_ends(monkeypatch):
    monkeypatch.setattr(rtsp_connection, 'SESSION_S', 0.3)
    monkeypatch.setattr(listening, '_POLL_S', 0.05)

    async def scenario(site):
        client = await site.client()
        assert (await client.ask('SETUP', Transport=TCP)).status == 200
        await client.ended()
        assert site.server.state()['connections'] == 0

    run(scenario)


def test_who_says_nothing_and_who_takes_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(rtsp_connection, '_SILENCE_S', 0.3)
    monkeypatch.setattr(listening, 'STUCK_S', 0.3)
    monkeypatch.setattr(listening, '_POLL_S', 0.05)

    async def scenario(site):
        await (await site.client()).ended()
        client = await site.slow_client()
        await client.play()
        client.writer.transport.pause_reading()
        other = await site.client()
        await other.play()
        await other.frames(40)  # it keeps nobody waiting
        while site.server.state()['connections'] > 1:
            await other.frames(1)

    run(scenario)


def test_who_takes_what_it_gets_is_alive(monkeypatch):
    monkeypatch.setattr(rtsp_connection, 'SESSION_S', 0.3)
    monkeypatch.setattr(listening, '_POLL_S', 0.05)

    async def scenario(site):
        client = await site.client()
        await client.play()
        end_s = time.monotonic() + 1
        while time.monotonic() < end_s:
            await client.frames(1)

    run(scenario)


def test_who_falls_behind_goes_on_with_a_key_frame():
    async def scenario(site):
        client = await site.slow_client()
        await client.play()
        frames = await client.frames(1)
        viewer, = site.catalog.stream().viewers
        sent = site.camera.sent
        await site.until(lambda: site.camera.sent > sent + 100)  # it reads nothing
        while not viewer.skipped:
            frames += await client.frames(1)
        frames += await client.frames(10)
        assert len(decoded(frames)) >= len(frames) - 1

    run(scenario)


def test_who_reads_slowly_costs_the_others_no_quality():
    async def scenario(site):
        fast, slow = await site.client(), await site.slow_client()
        await fast.play()
        await slow.play()

        async def read_fast():
            while True:
                await fast.frames(1)

        reading = asyncio.create_task(read_fast())
        stream = site.catalog.stream()
        while max(viewer.skipped for viewer in stream.viewers) < 150:
            await slow.frames(1)
            await asyncio.sleep(0.06)
        reading.cancel()
        assert [one.rate.share for one in stream.video.renditions.values()] == [1.0, 1.0]

    run(scenario)


def test_a_player_that_has_begun_gets_another_key_frame(monkeypatch):
    monkeypatch.setattr(outlet, '_KEYS_S', (0.05,))

    async def scenario(site):
        client = await site.client()
        await client.play()
        await site.until(lambda: site.camera.keys_asked)

    run(scenario)


def test_500_connections_do_not_keep_out_who_plays(monkeypatch):
    monkeypatch.setattr(listening, '_MOST_WAITING', 20)

    async def scenario(site):
        player = await site.client()
        await player.play()
        crowd = [await asyncio.open_connection('127.0.0.1', site.server.port) for _ in range(500)]
        await site.until(lambda: site.server.state()['connections'] <= 21)
        await player.frames(10)
        late = await site.client()
        await late.play()
        await late.frames(2)
        for _, writer in crowd:
            writer.transport.abort()

    run(scenario)


def test_10000_fuzzed_requests(monkeypatch):
    monkeypatch.setattr(rtsp_connection, '_BYTES_A_SECOND', 1e9)
    monkeypatch.setattr(opening, '_PATIENCE_S', 0.01)
    chance = random.Random(4)
    methods = ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN', 'GET_PARAMETER', 'X']
    urls = ['rtsp://r/camera', 'rtsp://r/camera/track0', '*', '/', 'http://[/', 'rtsp://@@//%00']
    headers = ['CSeq: 1', 'CSeq: \xb2', 'Session: 1', 'Session:', 'Content-Length: 3', 'a: \xff',
               'Transport: RTP/AVP/TCP;interleaved=0-1', 'Transport: RTP/AVP/TCP;interleaved=9',
               'Transport: RTP/AVP;unicast;client_port=5000-5001', 'Transport: ;;,=,-',
               'Authorization: Digest nonce="', 'Authorization: Basic eDp4']
    garbage = ['$\0\0\1a', '$\1\0\3\x81\xce\0', '\r\n', '\xff\0', 'PLAY', ' RTSP/1.0\r\n']

    def request():
        if chance.random() < 0.1:
            return ''.join(chance.choices(garbage, k=chance.randrange(1, 4)))
        line = f'{chance.choice(methods)} {chance.choice(urls)} RTSP/1.0'
        return '\r\n'.join([line, *chance.choices(headers, k=chance.randrange(4)), '', ''])

    async def scenario(site):
        player = await site.client()
        await player.play()
        for _ in range(500):
            _, writer = await asyncio.open_connection('127.0.0.1', site.server.port)
            for _ in range(20):
                writer.write(request().encode('latin-1'))
            await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
        await site.until(lambda: site.server.state()['connections'] == 1)
        assert site.server.state()['refused'] > 1000
        await player.frames(5)
        assert not [line for line in site.logged if 'failed' in line]

    run(scenario)


def test_a_port_that_is_taken_is_named_and_nothing_else_is_touched():
    async def scenario(site):
        other = RtspServer('127.0.0.1', site.server.port, site.catalog, AccessRules(),
                           site.application.places, lambda _: 0.0, site.logged.append)
        await other.open()
        assert f'port {site.server.port}, which is in use' in other.reason
        assert "'rtsp_port'" in other.reason
        assert site.logged == [other.reason]
        assert other.state()['reason'] == other.reason
        await other.close()
        await (await site.client()).play()

    run(scenario)
