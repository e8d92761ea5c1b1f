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
from contextlib import asynccontextmanager, contextmanager
import errno
import io
import socket
import struct
import threading
import time

from pi_camera_stream.codecs.h264 import nal_units, unit_type
from pi_camera_stream.outlets import calling, datagrams, names, sending, sending_udp
from pi_camera_stream.outlets.create import create_outlets, OutletSettings
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.admission import Admission
from pi_camera_stream.web.sound.listeners import Listeners
import pytest
from support.filming import DEFAULT, FRONT, SIZE, Studio
from support.processes import WAIT_S
from support.rtsp_client import Depacketizer
from support.senders import free_port
from support.sounding import Source

GROUP = '239.255.41.42'
IP_RECVTTL = 12  # linux/in.h

pytestmark = pytest.mark.usefixtures('pyav')


class Site(Studio):
    def __init__(self, url, **settings):
        super().__init__()
        self.logged, rules = [], AccessRules(max_viewers=1)
        self.places = Admission(rules)
        self.outlet, = create_outlets(OutletSettings('127.0.0.1', outlets=(url,), **settings),
                                      self.catalog, rules, self.places, None, self.logged.append)

    async def until(self, condition):
        end_s = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end_s, self.outlet.state()
            await asyncio.sleep(0.01)


def run(url, scenario):
    async def within():
        site = Site(url)
        filming = asyncio.create_task(site.film())
        await site.outlet.open()
        try:
            await asyncio.wait_for(scenario(site), WAIT_S)
        finally:
            filming.cancel()
            await site.outlet.close()
            site.catalog.close()
    asyncio.run(within())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sending, '_POLL_S', 0.02)


@contextmanager
def receiver(port=0, group=''):
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.bind((group or '127.0.0.1', port))
        if group:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                           socket.inet_aton(group) + socket.inet_aton('127.0.0.1'))
        yield one


async def receive_from(one):
    while True:
        try:
            return one.recvfrom(65536)
        except BlockingIOError:
            await asyncio.sleep(0.002)


async def receive(one):
    return (await receive_from(one))[0]


@asynccontextmanager
async def listening(port):
    """Wait for who calls; yields a queue of readers and writers."""
    calls, writers = asyncio.Queue(), []

    def take(reader, writer):
        writers.append(writer)
        calls.put_nowait((reader, writer))

    server = await asyncio.start_server(take, '127.0.0.1', port)
    try:
        yield calls
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def decoded(data, form='h264'):
    import av
    found = []
    try:
        with av.open(io.BytesIO(data), format=form) as container:
            for picture in container.decode(video=0):
                found.append((picture.width, picture.height))
    except (av.error.InvalidDataError, av.error.EOFError):  # it ends in the midst of a picture
        pass
    return found


def test_rtp_with_reports_goes_to_a_port_and_the_next_one():
    port = free_port()

    async def scenario(site):
        with receiver(port) as rtp, receiver(port + 1) as rtcp:
            there, frames = Depacketizer(), []
            while len(frames) < 30:
                packet = await receive(rtp)
                assert len(packet) <= 1400
                frames += there.put(packet)
            kinds = [unit_type(unit) for unit in nal_units(frames[0][0])]
            assert kinds[:2] == [7, 8]
            assert 5 in kinds
            assert decoded(b''.join(data for data, _ in frames))[0] == SIZE
            report, sender = await receive_from(rtcp)
            seconds, = struct.unpack_from('>I', report, 8)
            assert (report[1], abs(seconds - 2_208_988_800 - time.time()) < 60) == (200, True)
            site.outlet._looks = -1_000_000  # from now on it asks for none by itself
            await asyncio.sleep(0.1)
            asked = site.camera.keys_asked
            rtcp.sendto(struct.pack('>BBHII', 0x81, 206, 2, 1, 2), sender)
            await site.until(lambda: site.camera.keys_asked > asked)
            viewer, = site.catalog.stream().state()['viewers']
            assert (viewer['transport'], viewer['codec']) == ('rtp', 'h264')
            # Whoever watches besides is not kept out by it.
            assert site.places.viewers == 0

    run(f'rtp://127.0.0.1:{port}', scenario)


def test_what_is_sent_by_rtp_is_told_at_camera_sdp():
    port = free_port()

    async def scenario(site):
        stream = site.catalog.stream(FRONT)
        with receiver(port):
            text = await site.outlet.sdp(stream, 'h264')
            assert f'm=video {port} RTP/AVP 96\r\n' in text
            assert 'c=IN IP4 127.0.0.1\r\n' in text
            assert 'sprop-parameter-sets=' in text
            assert await site.outlet.sdp(stream, 'h264_small') == ''
            assert await site.outlet.sdp(site.catalog.stream(), 'h264') == ''

    run(f'rtp://127.0.0.1:{port}?topic={FRONT}', scenario)


def test_mpegts_goes_to_a_group_not_beyond_the_next_router():
    port = free_port()

    async def scenario(site):
        with receiver(port, GROUP) as group:
            group.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            data = await receive(group)
            while len(decoded(data, 'mpegts')) < 20:
                for _ in range(20):
                    piece = await receive(group)
                    assert len(piece) % 188 == 0
                    assert len(piece) <= 1316
                    data += piece
            while True:  # until there is another one
                try:
                    _, ((_, kind, ttl),), _, _ = group.recvmsg(2048, 64)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.002)
            assert (kind, ttl[0]) == (socket.IP_TTL, 1)
        assert set(decoded(data, 'mpegts')) == {SIZE}
        assert site.outlet.state()['reason'] == ''  # nobody hears of who has left

    run(f'udp://{GROUP}:{port}', scenario)


def test_that_nobody_listens_is_told_until_somebody_does(monkeypatch):
    monkeypatch.setattr(sending_udp, '_REFUSED_S', 0.3)
    port = free_port()

    async def scenario(site):
        await site.until(lambda: 'nothing listens' in site.outlet.reason)
        assert site.outlet.state()['clients'] == 1
        with receiver(port) as there:
            await site.until(lambda: not site.outlet.reason)
            assert await receive(there)
        assert len(site.logged) == 1

    run(f'udp://127.0.0.1:{port}', scenario)


def test_a_network_that_is_not_there_is_told_and_taken_when_it_is(monkeypatch):
    port, gone = free_port(), threading.Event()
    gone.set()

    class Cut(socket.socket):
        def send(self, data):
            if gone.is_set():
                raise OSError(errno.ENETUNREACH, 'Network is unreachable')
            return super().send(data)

        def sendmsg(self, buffers, ancillary):
            if gone.is_set():
                raise OSError(errno.ENETUNREACH, 'Network is unreachable')
            return super().sendmsg(buffers, ancillary)

    async def scenario(site):
        await site.until(lambda: 'no route to 127.0.0.1' in site.outlet.reason)
        assert site.outlet.state()['frames_lost'] > 0
        gone.clear()
        with receiver(port) as there:
            await site.until(lambda: not site.outlet.reason)
            assert await receive(there)

    monkeypatch.setattr(datagrams.socket, 'socket', Cut)
    run(f'udp://127.0.0.1:{port}', scenario)


def test_who_is_called_gets_parameter_sets_a_key_frame_and_what_follows_again_and_again():
    port = free_port()

    async def scenario(site):
        await site.until(lambda: 'nothing listens' in site.outlet.reason)
        assert not site.camera.wanted  # nothing is encoded for nobody
        async with listening(port) as calls:
            for number in range(2):
                reader, writer = await calls.get()
                data = b''
                while len(decoded(data)) < 10:
                    data += await reader.read(65536)
                assert [unit_type(unit) for unit in nal_units(data)][:2] == [7, 8]
                assert site.outlet.state()['reason'] == ''
                writer.transport.abort()
                await site.until(lambda n=number: site.camera.wanted[2 * n:] != [True])
        assert site.outlet.frames_sent >= 20
        assert 'closed the connection' in ''.join(site.logged)

    run(f'tcp://127.0.0.1:{port}', scenario)


def test_a_receiver_that_takes_nothing_is_called_anew(monkeypatch):
    monkeypatch.setattr(calling, 'STUCK_S', 0.2)
    port = free_port()

    async def scenario(_):
        async with listening(port) as calls:
            stuck, _ = await calls.get()
            stuck._transport.pause_reading()
            reader, _ = await calls.get()
            assert await reader.read(4) == b'\0\0\0\1'

    run(f'tcp://127.0.0.1:{port}', scenario)


def test_a_host_that_is_not_found_is_looked_for_again_and_keeps_nobody_waiting(monkeypatch):
    real, hangs, found = socket.getaddrinfo, threading.Event(), threading.Event()

    def look(host, *arguments, flags=0, **options):
        if host != 'robot.example' or flags:
            return real(host, *arguments, flags=flags, **options)
        if found.is_set():
            return real('127.0.0.1', *arguments, **options)
        hangs.wait(WAIT_S)
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')

    monkeypatch.setattr(names.socket, 'getaddrinfo', look)
    monkeypatch.setattr(sending, '_LOOK_UP_S', 0.05)
    port = free_port()

    async def scenario(site):
        await site.until(lambda: 'still looking up' in site.outlet.reason)
        hangs.set()
        await site.until(lambda: "cannot resolve 'robot.example'" in site.outlet.reason)
        found.set()
        with receiver(port) as there:
            assert await receive(there)

    run(f'udp://robot.example:{port}', scenario)
    hangs.clear()
    found.clear()
    run(f'udp://robot.example:{port}', lambda site: site.until(lambda: site.outlet.reason))
    hangs.set()  # it has not been waited for in the end


@pytest.mark.parametrize('host', ['robot..example', f'{"a" * 64}.example'])
def test_what_can_be_no_name_is_not_found(host):
    run(f'tcp://{host}:5001', lambda site: site.until(
        lambda: f"cannot resolve '{host}'" in site.outlet.reason))


def test_what_goes_wrong_with_each_attempt_is_logged_once(monkeypatch, caplog):
    tried = []

    async def look_up(*_):
        tried.append(1)
        raise ValueError('not foreseen')

    monkeypatch.setattr(sending, 'look_up', look_up)
    run('tcp://robot.example:5001', lambda site: site.until(lambda: len(tried) > 2))
    assert [bool(record.exc_info) for record in caplog.records] == [True]


def test_a_topic_that_is_not_there_is_waited_for():
    port = free_port()

    async def scenario(site):
        await site.until(lambda: "topic '/late'" in site.outlet.reason)
        site.catalog.update({DEFAULT: '', '/late': ''})
        with receiver(port) as there:
            assert await receive(there)

    run(f'udp://127.0.0.1:{port}?topic=/late', scenario)


@pytest.mark.parametrize('scheme', ['udp', 'tcp'])
def test_what_cannot_be_encoded_any_more_is_told_at_once_and_sent_when_it_can(scheme):
    port = free_port()

    async def scenario(site):
        async with listening(port):
            with receiver(port):
                await site.until(lambda: site.outlet.frames_sent)
                site.camera.silent, video = True, site.camera.stream.video
                video.reason = lambda *_: 'it is too much'
                site.outlet._viewer.on_video('it is too much')
                await site.until(lambda: 'it is too much' in site.outlet.reason)
                assert site.outlet.state()['clients'] == 0
                site.camera.silent = False
                del video.reason
                await site.until(lambda: site.outlet.begun == 2)

    run(f'{scheme}://127.0.0.1:{port}', scenario)


def test_a_receiver_that_has_gone_is_missed_without_pictures_too():
    port = free_port()

    async def scenario(site):
        async with listening(port) as calls:
            reader, writer = await calls.get()
            await reader.read(1)
            site.camera.silent = True
            writer.get_extra_info('socket').setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))  # as who crashes
            writer.transport.abort()
            await calls.get()

    run(f'tcp://127.0.0.1:{port}', scenario)


def test_frames_that_are_too_large_to_be_sent_at_once_are_sent_one_after_the_other():
    class Large(datagrams.DatagramTransport):
        name = 'test'

        def write_now(self, frame, _):
            self._put(frame)

    async def scenario():
        with receiver() as there, socket.socket(type=socket.SOCK_DGRAM) as one:
            one.setblocking(False)
            one.connect(there.getsockname())
            transport = Large(one)
            transport.write_now([b'%d' % number for number in range(200)], 0)
            assert (transport.ready(), transport.take_transit_s()) == (False, float('inf'))
            there.settimeout(0)
            at_once = 0
            with pytest.raises(BlockingIOError):
                while there.recv(9):
                    at_once += 1
            assert at_once == datagrams._AT_ONCE
            await transport.wait_drained()
            assert transport.ready()
            for number in range(at_once, 200):
                assert await receive(there) == b'%d' % number
            assert transport.lost == 0
            transport.close()

    asyncio.run(scenario())


@pytest.mark.parametrize('error', [None, errno.EIO, errno.EAGAIN])
def test_datagrams_of_one_size_are_one_call_where_the_interface_can_cut_them(error):
    called = []

    class Counting(socket.socket):
        def send(self, data):
            called.append(1)
            return super().send(data)

        def sendmsg(self, buffers, ancillary):
            if error is not None and len(called) < 2:
                called.append(0)
                raise OSError(error, '')
            called.append(len(buffers))
            return super().sendmsg(buffers, ancillary)

    async def scenario():
        with receiver() as there, Counting(type=socket.SOCK_DGRAM) as one:
            one.setblocking(False)
            one.connect(there.getsockname())
            transport = datagrams.DatagramTransport.__new__(sending_udp.TsTransport)
            datagrams.DatagramTransport.__init__(transport, one)
            sent = [bytes([number]) * size for number, size in enumerate((9, 9, 9, 5, 9, 9, 5, 5))]
            transport._put(sent)
            assert [await receive(there) for _ in sent] == sent
            await transport.wait_drained()
            assert transport.lost == 0
            transport.close()

    asyncio.run(scenario())
    assert called == {None: [4, 3, 1], errno.EIO: [0, *[1] * 8], errno.EAGAIN: [0, 0, 4, 3, 1]}[
        error]


def test_what_the_kernel_does_not_take_in_time_is_lost():
    class Full(socket.socket):
        def send(self, _):
            raise BlockingIOError(errno.EAGAIN, 'it is full')

    async def scenario():
        lost = []
        with receiver() as there, Full(type=socket.SOCK_DGRAM) as one:
            one.connect(there.getsockname())
            transport = datagrams.DatagramTransport.__new__(sending_udp.TsTransport)
            datagrams.DatagramTransport.__init__(transport, one)
            transport.on_loss = lambda: lost.append(True)
            transport._put([b'x'])
            assert lost == []
            await transport.wait_drained()
            assert (lost, transport.lost, transport.ready()) == ([True], 1, True)
            transport.close()

    asyncio.run(scenario())


@pytest.mark.parametrize('group', ['', '239.255.3.8'])
def test_rtp_has_the_sound_of_a_microphone_at_ports_of_its_own(group):
    source, port = Source(), 24_560
    host = group or '127.0.0.1'

    async def scenario(site):
        listeners = site.outlet.sound = Listeners(source)
        listeners.attach()
        with receiver(port + 2, group) as sound, receiver(port + 3, group) as reports:
            await site.outlet.open()
            await site.until(lambda: source.wanted == [True] and site.outlet.frames_sent)
            sdp = await site.outlet.sdp(site.catalog.stream(), 'h264')
            assert f'm=video {port} RTP/AVP 96' in sdp
            assert f'm=audio {port + 2} RTP/AVP 97\r\na=rtpmap:97 opus/48000/2' in sdp
            source.give(b'heard')
            data = await receive(sound)
            assert (data[1] & 0x7F, data[12:]) == (97, b'heard')
            assert (await receive(reports))[1] == 200
            await site.outlet.close()
            await site.until(lambda: source.wanted == [True, False])

    asyncio.run(filmed(f'rtp://{host}:{port}', scenario))


def test_mpeg_ts_has_the_sound_of_a_microphone():
    source, port = Source(), free_port()

    async def scenario(site):
        listeners = site.outlet.sound = Listeners(source)
        listeners.attach()
        with receiver(port) as one:
            await site.outlet.open()
            await site.until(lambda: source.wanted == [True] and site.outlet.frames_sent)
            source.give(b'heard')
            while b'\x7f\xe0\x05heard' not in await receive(one):
                pass
            await site.outlet.close()
            await site.until(lambda: source.wanted == [True, False])

    asyncio.run(filmed(f'udp://127.0.0.1:{port}', scenario))


async def filmed(url, scenario):
    site = Site(url)
    filming = asyncio.create_task(site.film())
    try:
        await asyncio.wait_for(scenario(site), WAIT_S)
    finally:
        filming.cancel()
        site.catalog.close()
