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

"""Packets of sound in RTP, and the session that they are in."""

import asyncio
import re
import socket
import struct

from pi_camera_stream.core.sound import PACKET_NS, PACKET_SAMPLES, SoundPacket
from pi_camera_stream.outlets.rtp_sound import InterleavedSound, SoundSender
from pi_camera_stream.outlets.rtsp_server import RtspServer
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.sound.listeners import Listeners
from pi_camera_stream.web.stream.link import LinkState
import pytest
from support.filming import Studio
from support.processes import WAIT_S
from support.rtsp_client import Client
from support.sounding import Source

BEGIN_NS = 1_795_255_708_930_755_282


def sent(sender, *packets):
    """Return marker, number and time of each packet."""
    heads = [struct.unpack_from('>BBHII', sender.pack(packet)) for packet in packets]
    return [(head[1] >> 7, head[2], head[3]) for head in heads]


def packet(sequence, stamp_ns=None, data=b'opus'):
    return SoundPacket(data, BEGIN_NS + sequence * PACKET_NS if stamp_ns is None else stamp_ns,
                       sequence)


def test_times_are_of_the_sound_and_gaps_are_gaps_of_time_only():
    sender = SoundSender(lambda: BEGIN_NS)
    (marked, number, begin), *rest = sent(sender, packet(1), packet(2), packet(7))
    assert marked
    assert [(mark, (one - number) % 65536, (ticks - begin) % 2**32) for mark, one, ticks in rest
            ] == [(0, 1, PACKET_SAMPLES), (0, 2, 6 * PACKET_SAMPLES)]


@pytest.mark.parametrize(('step_ns', 'ticks'), [
    (3_000_000, PACKET_SAMPLES), (10**9, 48_480), (-10**9, PACKET_SAMPLES)])
def test_time_follows_a_clock_that_was_set_but_never_back(step_ns, ticks):
    sender = SoundSender(lambda: BEGIN_NS)
    stamp_ns = BEGIN_NS + 2 * PACKET_NS + step_ns
    (_, _, begin), (marked, _, end) = sent(sender, packet(1), packet(2, stamp_ns))
    assert (end - begin) % 2**32 == ticks
    assert marked == (abs(step_ns) > PACKET_NS)


def test_reports_tell_which_time_is_now():
    clock = [100.0]
    sender = SoundSender(lambda: BEGIN_NS + 40_000_000, lambda: clock[0])
    assert sender.report() == b''
    (_, _, ticks), = sent(sender, packet(0))
    report = sender.report()
    ssrc, seconds, part, now_ticks, packets, size = struct.unpack_from('>IIIIII', report, 4)
    assert (ssrc, packets, size) == (sender.ssrc, 1, 4)
    assert (now_ticks - ticks) % 2**32 == 4 * PACKET_SAMPLES
    now_s = seconds - 2_208_988_800 + part / 2**32
    assert now_s == pytest.approx((BEGIN_NS + 40_000_000) / 1e9, abs=1e-5)
    assert sender.report() == b''
    clock[0] += 2.0
    assert sender.report()


class Writer:
    """A connection that takes all."""

    def __init__(self):
        self.transport, self.written = self, []
        self.write = self.written.append

    def set_write_buffer_limits(self, high):
        pass

    def get_extra_info(self, _):
        return None


def test_a_picture_does_not_wait_for_sound_that_nobody_has_acknowledged():
    writer = Writer()
    sound = InterleavedSound(writer, 2, SoundSender(lambda: BEGIN_NS))
    state = LinkState(unacked_bytes=5 * 1448, segment_bytes=1448, least_round_trip_s=0.0,
                      since_answer_s=0.0, bytes_per_s=0)
    assert sound.link.excess_bytes(state, 0) == 3 * 1448
    for _ in range(3):
        sound._send(b'packet', b'')
    assert sound.link.excess_bytes(state, 0) == 0
    assert writer.written == [b'$\x02\x00\x06packet'] * 3


class Site(Studio):
    def __init__(self, source, multicast):
        super().__init__()
        rules = AccessRules()
        application = Application(self.catalog, rules, print)
        self.listeners = None if source is None else Listeners(source)
        self.server = RtspServer('127.0.0.1', 0, self.catalog, rules, application.places,
                                 application.note_wrong, print, multicast, self.listeners)


def run(scenario, source, multicast=False):
    async def within():
        site = Site(source, multicast)
        if site.listeners is not None:
            site.listeners.attach()
        await site.server.open()
        client, other = [await Client.open(site.server.port) for _ in range(2)]
        filming = asyncio.create_task(site.film())
        try:
            await (scenario(client, other) if multicast else scenario(client))
        finally:
            filming.cancel()
            await client.end()
            await other.end()
            await site.server.close()
            site.catalog.close()
    asyncio.run(within())


async def _give(source):
    while True:
        source.give(b'sound')
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures('pyav')
def test_a_player_has_both_in_one_connection_and_sound_ends_with_it():
    source = Source()

    async def scenario(client):
        described = await client.ask('DESCRIBE')
        assert 'm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2' in described.body
        for track, channels in (('track0', '0-1'), ('track1', '2-3')):
            answer = await client.ask('SETUP', f'{client.url}/{track}', Transport=(
                f'RTP/AVP/TCP;unicast;interleaved={channels}'))
            assert f'interleaved={channels}' in answer.headers['transport']
        assert not any(source.wanted)
        answer = await client.ask('PLAY')
        assert [part.rpartition('/')[2].partition(';')[0] for part in
                answer.headers['rtp-info'].split(',')] == ['track0', 'track1']
        giving = asyncio.create_task(_give(source))
        while {0, 2} - {channel for channel, _ in client.packets}:
            await client.read_packet()
        assert {(data[1] & 0x7F, bytes(data[12:])) for channel, data in client.packets
                if channel == 2} == {(97, b'sound')}
        giving.cancel()
        assert (await client.ask('TEARDOWN')).status == 200
        await asyncio.wait_for(_until(lambda: source.wanted == [True, False]), WAIT_S)

    run(scenario, source)


@pytest.mark.usefixtures('pyav')
def test_a_group_has_sound_once_while_somebody_plays_it():
    source = Source()

    async def scenario(first, second):
        said = [(await client.ask('SETUP', f'{client.url}/{track}', Transport=(
            'RTP/AVP;multicast'))).headers['transport'] for client, track in (
                (first, 'track0'), (first, 'track1'), (second, 'track1'))]
        address, port = re.search(r'destination=([\d.]+);port=(\d+)-', said[0]).groups()
        assert f';destination={address};port={int(port) + 2}-{int(port) + 3};' in said[1]
        assert said[1] == said[2]
        with socket.socket(type=socket.SOCK_DGRAM) as group:
            group.setblocking(False)
            group.bind((address, int(port) + 2))
            group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             socket.inet_aton(address) + socket.inet_aton('127.0.0.1'))
            for client in (first, second):
                assert (await client.ask('PLAY')).status == 200
            await asyncio.wait_for(_until(lambda: source.wanted == [True]), WAIT_S)
            for client, words in ((first, [b'one', b'two']), (None, [b'three'])):
                for word in words:
                    source.give(word)
                    data = await asyncio.wait_for(
                        asyncio.get_running_loop().sock_recv(group, 2048), WAIT_S)
                    assert (data[1] & 0x7F, data[12:]) == (97, word)
                if client is not None:
                    await client.ask('TEARDOWN')
            assert source.wanted == [True]
            await second.ask('TEARDOWN')
            await asyncio.wait_for(_until(lambda: source.wanted == [True, False]), WAIT_S)

    run(scenario, source, multicast=True)


async def _until(condition):
    while not condition():
        await asyncio.sleep(0.005)


@pytest.mark.usefixtures('pyav')
def test_without_a_microphone_nothing_is_said_of_sound():
    async def scenario(client):
        assert 'm=audio' not in (await client.ask('DESCRIBE')).body
        answer = await client.ask('SETUP', f'{client.url}/track1', Transport=(
            'RTP/AVP/TCP;unicast;interleaved=2-3'))
        assert answer.status == 404

    run(scenario, None)
