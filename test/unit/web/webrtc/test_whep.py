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
import gc
import inspect
from itertools import pairwise
from pathlib import Path
import re
import socket
import struct
import time

import aiohttp
from aioice import stun
from aiortc.rtp import (
    pack_remb_fci,
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
)
from benchmarks.video.page import Watch
from benchmarks.video.rtp_pages import Receiver
import cv2
import numpy as np
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.stream import tiers
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.webrtc import (
    ice_servers,
    peer,
    shared_packets,
    video_session,
    whep_session,
)
from pi_camera_stream.web.webrtc.transport_feedback import Arrival
import pytest
from support.listening import listen
from support.streams import Stream
from support.whep_client import WAIT_S, WhepClient

TOPIC = '/camera/image_raw/compressed'
TOKEN = 'correct-horse-battery'
OFFERS = Path(__file__).with_name('offers')
CHROMIUM = OFFERS / 'chromium.sdp'
# Written by what is publicly known of Safari 17 on iOS, as nobody here has one to record.
SAFARI = OFFERS / 'safari_17_ios_written.sdp'
WIDTH, HEIGHT = 320, 240
FRAME_S = 1 / 30
FRAGMENT = {'Content-Type': 'application/trickle-ice-sdpfrag'}
NUMBER = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'
LEVELS = 200  # of grey, by which pictures are told from each other


class Site:
    """The application on a loopback port, a camera that goes on, and those who come."""

    def __init__(self, rules):
        self.catalog = Catalog(TOPIC, lambda name: Stream(
            name, time.time_ns, lambda _: None, RenditionEncoder(), RenditionSpec()))
        self.app = Application(self.catalog, rules, lambda _: None)
        self.filming, self.noisy = asyncio.Event(), False
        self.filming.set()
        self.clients = []

    @property
    def stream(self):
        return self.catalog.streams()[0]

    @property
    def rendition(self):
        return self.stream.video.renditions[tiers.H264]

    @property
    def places(self):
        """Return how many are taken."""
        return self.app.places.viewers

    def sessions(self):
        return list(self.app._whep._sessions.values())

    async def film(self):
        """Offer grey pictures to whom somebody watches; a task of its own."""
        sequence, noise = 0, np.random.default_rng(1)
        while True:
            await self.filming.wait()
            sequence += 1
            grey = 20 + sequence % LEVELS
            image = noise.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8) if self.noisy \
                else np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
            picture = cv2.imencode('.jpg', image)[1].tobytes()
            if not self.stream.idle:
                self.stream.offer(Frame(picture, time.time_ns(), sequence, WIDTH, HEIGHT))
            await asyncio.sleep(FRAME_S)

    def client(self, path='/whep'):
        client = WhepClient(self.session, self.url(path))
        self.clients.append(client)
        return client

    def url(self, path):
        return f'http://127.0.0.1:{self.port}{path}'

    async def watching(self, path='/whep'):
        """Return a client that has seen a picture."""
        client = self.client(path)
        await client.watch()
        return client

    async def until(self, condition):
        """Wait until something is so."""
        async def look():
            while not condition():
                await asyncio.sleep(0.01)
        await asyncio.wait_for(look(), WAIT_S)


@asynccontextmanager
async def opened(rules):
    site, failed = Site(rules), []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: failed.append(what))
    runner = await listen(site.app.build(ConnectionReaper()), access_log=None)
    site.port, site.server = runner.addresses[0][1], runner
    film = asyncio.create_task(site.film())
    try:
        async with aiohttp.ClientSession(
                cookie_jar=aiohttp.CookieJar(unsafe=True)) as site.session:
            yield site
    finally:
        film.cancel()
        for client in site.clients:
            await client.close()
        await runner.cleanup()
    gc.collect()  # which tells of tasks whose exceptions nobody has seen
    assert failed == []


def with_site(**rules):
    """Run an async test with a site that has these rules."""
    def decorate(test):
        def run(*arguments, **named):
            async def opened_test():
                async with opened(AccessRules(**rules)) as site:
                    await test(site, *arguments, **named)
            asyncio.run(opened_test())
        run.__name__, run.__signature__ = test.__name__, inspect.Signature(
            list(inspect.signature(test).parameters.values())[1:])
        return run
    return decorate


def grey_of(frame):
    return round(float(frame.to_ndarray(format='gray').mean()))


async def send_rtcp(client, packet):
    """Let a client say something that aiortc does not say by itself."""
    transceiver, = client.connection.getTransceivers()
    await transceiver.receiver.transport._send_rtp(bytes(packet))


def written(arrivals):
    """Return a report of packets that came one after the other, as it is sent."""
    ticks = [round(at_s / 0.00025) for _, at_s in arrivals]
    reference = ticks[0] // 256
    deltas = [after - before for before, after in pairwise([256 * reference, *ticks])]
    body = struct.pack(f'>H{len(deltas)}h', 2 << 13 | len(deltas), *deltas)
    body += bytes(-len(body) % 4)
    return struct.pack('>BBHIIHHI', 0x8F, 205, 4 + len(body) // 4, 1, 0, arrivals[0].number,
                       len(arrivals), reference << 8) + body


def nack(sender, lost):
    return RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=sender._ssrc, lost=lost)


def feedback(site, kind, fci=b''):
    sender = site.sessions()[0].peer._sender
    return RtcpPsfbPacket(fmt=kind, ssrc=1, media_ssrc=0 if fci else sender._ssrc, fci=fci)


@pytest.mark.parametrize('shared', [True, False])
@with_site()
async def test_pictures_come_in_order_and_none_is_missing(site, monkeypatch, shared):
    if not shared:  # the packets of one viewer with those of others
        monkeypatch.setattr(shared_packets, '_KNOWN', ((0, 0), (0, 0)))
    client = await site.watching()
    await client.more(30)
    greys = [grey_of(frame) for frame in client.frames][-30:]
    steps = {(after - before) % LEVELS for before, after in pairwise(greys)}
    assert steps <= {0, 1, 2, 3} and client.frames[-1].width == WIDTH
    assert site.sessions()[0].peer._shares == shared
    state = await client.state()
    assert abs(state['server_ms'] - state['stamp_ms']) < 60_000


@with_site(max_viewers=1)
async def test_a_page_that_watches_takes_no_second_place_for_the_same_camera(site):
    async with site.session.ws_connect(site.url('/ws')) as page:
        name = (await page.receive_json())['viewer']
        client = await site.watching(f'/whep?viewer={name}')
        assert site.places == 1
        status, text = await site.client(f'/whep?viewer={name}').ask()  # nor gets a third
        assert status == 503 and 'max_viewers' in text
    await site.until(lambda: len(site.stream.viewers) == 1)
    assert site.places == 1  # the page has gone, and its video goes on
    await client.more()
    await client.leave()
    await site.until(lambda: not site.places)


@with_site()
async def test_a_client_can_tell_how_old_a_picture_is(site):
    client = await site.watching()
    begun = (await client.state())
    assert begun['rtp_timestamp'] is not None
    await client.more(15)
    state = await client.state()
    ticks = (state['rtp_timestamp'] - begun['rtp_timestamp']) & 0xFFFFFFFF
    assert ticks / 90 == pytest.approx(state['stamp_ms'] - begun['stamp_ms'], abs=0.1)
    assert state['server_ms'] >= state['stamp_ms']


@with_site()
async def test_state_and_metrics_have_viewers_by_transport(site):
    client = await site.watching()
    async with site.session.get(site.url('/state')) as answer:
        viewer, = (await answer.json())['streams'][0]['viewers']
    assert (viewer['transport'], viewer['codec'], viewer['tier']) == ('webrtc', 'h264', 'h264')
    assert viewer['frames_sent'] > 0 and viewer['age_ms'] is not None
    async with site.session.get(site.url('/metrics')) as answer:
        assert re.search(r'viewers{.*transport="webrtc".*} 1.0', await answer.text())
    await client.leave()


@with_site()
async def test_all_goes_away_with_a_viewer_who_leaves(site):
    client = await site.watching()
    assert site.places == 1 and site.rendition.users == 1
    assert await client.leave() == 200
    await site.until(lambda: not site.places)
    assert not site.stream.viewers and not site.sessions() and not site.rendition.users
    assert await client.leave() == 404


@with_site()
async def test_who_closes_the_connection_has_left(site):
    client = await site.watching()
    await client.connection.close()
    await site.until(lambda: not site.places)
    assert not site.rendition.users


@with_site()
async def test_who_is_stuck_is_let_go(site, monkeypatch):
    monkeypatch.setattr(video_session, '_SILENT_S', 1.5)
    client = await site.watching()
    transceiver, = client.connection.getTransceivers()
    for protocol in transceiver.receiver.transport.transport._connection._protocols:
        protocol.transport.abort()
    await site.until(lambda: not site.places)
    assert not site.rendition.users


@with_site()
async def test_who_says_nothing_and_answers_stays(site, monkeypatch):
    monkeypatch.setattr(video_session, '_SILENT_S', 1.5)
    monkeypatch.setattr(video_session, '_LOOK_S', 0.05)
    client = await site.watching()
    session, = site.sessions()
    session.peer._sender._handle_rtcp_packet = _hear_nothing
    begun_s = session.peer.reports.heard_s
    await site.until(lambda: session.peer.reports.heard_s > begun_s + 3)
    await client.more()
    assert site.places == 1


async def _hear_nothing(_packet):
    pass


@with_site()
async def test_who_never_connects_costs_nothing_for_long(site, monkeypatch):
    monkeypatch.setattr(whep_session, '_CONNECT_S', 0.3)
    client = site.client()
    status, answer = await client.send(CHROMIUM.read_text())
    assert status == 201 and 'playout-delay' in answer
    assert site.places == 1 and not site.rendition.users  # nothing is encoded for them
    await site.until(lambda: not site.places)
    assert await client.state() is None


@with_site()
async def test_safari_is_answered_with_the_baseline_among_its_codecs(site):
    status, answer = await site.client().send(SAFARI.read_bytes())
    assert status == 201, answer
    formats = re.search('m=video [0-9]+ UDP/TLS/RTP/SAVPF (.*)\r', answer)[1].split()
    assert formats == ['98', '99']  # 96 is H.264 of another profile, 102 of another mode
    assert 'a=fmtp:99 apt=98\r' in answer and 'a=rtcp-fb:98 nack pli\r' in answer
    assert 'a=rtcp-fb:98 transport-cc\r' in answer and 'playout-delay' in answer


@with_site()
async def test_the_same_offer_again_takes_the_place_of_the_first(site):
    client, again = site.client(), site.client()
    offer = await client.offer()
    assert (await client.send(offer))[0] == 201
    assert (await again.send(offer))[0] == 201
    await site.until(lambda: site.places == 1)
    client.answer = again.answer
    await client.connect()
    await client.more()


@with_site()
async def test_an_answer_has_one_fingerprint_and_one_address(site):
    client = site.client()
    status, answer = await client.ask()
    assert status == 201, answer
    assert len(re.findall('a=fingerprint:sha-256 ', answer)) == answer.count('a=fingerprint:') == 1
    assert set(re.findall('a=candidate:.* udp \\d+ (\\S+)', answer)) == {'127.0.0.1'}
    assert 'VP8' not in answer and 'a=sendonly' in answer


class StunServer(asyncio.DatagramProtocol):
    """Tell who asks that they come from there."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        asked = stun.parse_message(data)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, asked.transaction_id)
        answer.attributes['XOR-MAPPED-ADDRESS'] = '192.0.2.7', address[1]
        self.transport.sendto(bytes(answer), address)


@with_site()
async def test_servers_are_asked_and_told_to_the_client(site):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        StunServer, local_addr=('127.0.0.1', 0))
    url = f'stun:127.0.0.1:{transport.get_extra_info("sockname")[1]}'
    site.app._whep._servers = ice_servers.read_ice_servers([url])
    client = site.client()
    status, answer = await client.send(CHROMIUM.read_text())
    assert status == 201 and re.search(r'candidate:.* 192\.0\.2\.7 \d+ typ srflx', answer)
    assert client.headers['Link'] == f'<{url}>; rel="ice-server"'
    transport.close()


@with_site()
async def test_servers_that_do_not_answer_are_named(site, monkeypatch):
    async def wait(*_):
        await asyncio.Event().wait()
    monkeypatch.setattr(whep_session, '_ANSWER_S', 0.1)
    monkeypatch.setattr(peer.Peer, 'answer', wait)
    status, text = await site.client().send(CHROMIUM.read_text())
    assert status == 504 and 'ice_servers' in text
    await site.until(lambda: not site.places)


@with_site()
async def test_through_a_proxy_nobody_knows_which_address_reaches_the_client(site):
    client = site.client()
    status, answer = await client.send(CHROMIUM.read_text(), headers={
        'X-Forwarded-For': '192.0.2.9'})
    assert status == 201 and '127.0.0.1 ' not in ''.join(re.findall('a=candidate:.*', answer))


@pytest.mark.parametrize(('body', 'status', 'words'), [
    (b'', 400, 'v=0'), (b'\xff\xfe', 400, 'UTF-8'),
    (b'v=0\r\n' + bytes(1 << 20), 400, 'at most 64 kB'), (b'v=0\r\nm=x\r\n', 400, 'sections'),
    (CHROMIUM.read_bytes().replace(b'H264', b'H265'), 406, 'the offer has only VP8, VP9'),
    (CHROMIUM.read_bytes().replace(b'a=mid:1', b'a=extmap:one two three'), 400, 'malformed'),
])
@with_site()
async def test_what_is_no_offer_is_refused_in_a_sentence(site, body, status, words):
    answer = await site.client().send(body)
    assert answer[0] == status and words in answer[1] and answer[1].count('\n') == 1
    await site.until(lambda: not site.places)


@with_site()
async def test_the_kind_of_the_body_is_looked_at(site):
    assert (await site.client().send(b'{}', 'application/json'))[0] == 415


@pytest.mark.parametrize(('path', 'status', 'words'), [
    ('/whep?tier=full', 400, 'the tiers of WebRTC are auto, h264 and h264_small'),
    ('/whep?topic=/nothing', 404, 'no image topic')])
@with_site()
async def test_what_there_is_not_is_refused(site, path, status, words):
    answer = await site.client(path).send(CHROMIUM.read_text())
    assert answer[0] == status and words in answer[1]


@with_site()
async def test_small_pictures_can_be_asked_for(site):
    client = await site.watching('/whep?tier=h264_small')
    assert client.frames[-1].width == WIDTH // 2
    assert (await client.state())['tier'] == 'h264_small'


@with_site(max_viewers=1)
async def test_there_are_as_many_places_as_for_all_others(site):
    await site.watching()
    status, text = await site.client().ask()
    assert status == 503 and 'max_viewers' in text


@with_site(access_token=TOKEN)
async def test_who_watches_must_have_logged_in_and_is_cut_off_by_the_logout(site):
    assert (await site.client().ask())[0] == 401
    async with site.session.post(site.url('/login'), data={'token': TOKEN}) as answer:
        assert answer.status == 200
    await site.watching()
    async with site.session.post(site.url('/logout')) as answer:
        assert answer.status == 200
    await site.until(lambda: not site.places)


@with_site(allowed_origins=('https://example.org',))
async def test_pages_of_allowed_sites_may_ask_others_may_not(site):
    headers = {'Origin': 'https://example.org'}
    async with site.session.options(site.url('/whep'), headers=headers) as answer:
        assert 'POST' in answer.headers['Access-Control-Allow-Methods']
        assert 'Content-Type' in answer.headers['Access-Control-Allow-Headers']
    async with site.session.options(site.url('/state'), headers=headers) as answer:
        assert answer.headers['Access-Control-Allow-Methods'] == 'GET'
    client = site.client()
    assert (await client.send(CHROMIUM.read_text(), headers=headers))[0] == 201
    assert 'Location' in client.headers['Access-Control-Expose-Headers']
    assert (await client.send(CHROMIUM.read_text(), headers={
        'Origin': 'https://example.com'}))[0] == 403


@with_site()
async def test_a_flood_of_wishes_makes_no_flood_of_key_frames(site):
    client = await site.watching()
    rendition = site.rendition
    before, begun_s = rendition.keys_asked, time.monotonic()
    for _ in range(100):
        await send_rtcp(client, feedback(site, RTCP_PSFB_PLI))
        await asyncio.sleep(0.01)
    await site.until(lambda: rendition.keys_asked > before)
    await client.more(5)
    assert rendition.keys_asked - before <= 2 + (time.monotonic() - begun_s)
    assert (await client.state())['tier'] == 'h264'  # it has lost something, and decodes well


@with_site()
async def test_a_flood_of_wishes_for_lost_packets_makes_no_flood_of_packets(site):
    client = await site.watching()
    sender = site.sessions()[0].peer._sender
    send, again = sender.transport._send_rtp, []

    async def count(data):
        if data[1] & 127 == sender._RTCRtpSender__rtx_payload_type:
            again.append(data)
        await send(data)

    sender.transport._send_rtp = count
    history = sender._RTCRtpSender__rtp_history
    await site.until(lambda: len(history) > 60)
    lost = sorted(packet.sequence_number for packet in history.values())
    await send_rtcp(client, nack(sender, lost[:1]))
    await site.until(lambda: again)
    begun_s = time.monotonic()
    for _ in range(100):
        await send_rtcp(client, nack(sender, lost))
        await asyncio.sleep(0.01)
    await client.more(3)
    assert len(again) <= 130 + 300 * (time.monotonic() - begun_s)


@with_site()
async def test_the_rate_follows_what_the_client_says_fits_through(site):
    site.noisy = True
    client = await site.watching()
    sender = site.sessions()[0].peer._sender
    estimate_bps = 100_000
    while site.rendition.rate.share == 1.0 and site.rendition.users:
        estimate_bps = max(100, estimate_bps // 2)  # of which the first says nothing
        await send_rtcp(client, feedback(site, RTCP_PSFB_APP, pack_remb_fci(
            estimate_bps, [sender._ssrc])))
        await client.more()
    assert site.rendition.rate.share < 1.0 or not site.rendition.users


@with_site()
async def test_the_rate_follows_how_long_packets_take_where_the_client_tells(site):
    site.noisy = True
    client = site.client()
    offer = await client.offer()
    status, answer = await client.send(
        f'{offer}a=rtcp-fb:* transport-cc\r\na=extmap:13 {NUMBER}\r\n')
    assert status == 201 and f'a=extmap:13 {NUMBER}' in answer
    assert re.search(r'a=rtcp-fb:\d+ transport-cc\r', answer)
    await client.connect()
    await client.more()
    packets = site.sessions()[0].peer.reports.packets
    for frame in range(300):
        if site.rendition.rate.share < 1.0 or not site.rendition.users:
            break
        report = [Arrival((packets._number - back) & 0xFFFF, time.monotonic() + 0.03 * frame)
                  for back in reversed(range(4))]
        await send_rtcp(client, written(report))
        await client.more()
    assert site.rendition.rate.share < 1.0 or not site.rendition.users


@with_site()
async def test_a_receiver_without_a_decoder_tells_of_each_packet_and_sees_all_frames(site):
    receiver = Receiver(0, Watch('tier=h264'), site.session, str(site.url('/')))
    try:
        await receiver.enter()
        await site.until(lambda: site.sessions()[0].peer.connected.is_set())
        packets = site.sessions()[0].peer.reports.packets
        for _ in range(600):
            await receiver.report()
            if receiver.count > 30 and packets.heard:
                break
            await asyncio.sleep(0.05)
        assert packets.heard and not receiver.frames.given_up
        await receiver.leave()
        pictures = receiver.pictures()
        assert len(pictures) > 30
        assert all(0 < one.came_ns - one.stamp_ns < 10e9 for one in pictures)
        assert [one.stamp_ns for one in pictures] == sorted(one.stamp_ns for one in pictures)
    finally:
        await receiver.close()


@with_site()
async def test_garbage_changes_nothing(site):
    client = await site.watching()
    for kind in range(200, 208):
        for body in (b'', b'\0\0\0\1', bytes(range(64)), b'\xff' * 32):
            for count in (0, 1, 15, 31):
                head = bytes((0x80 | count, kind, 0, 1 + len(body) // 4))
                await send_rtcp(client, head + b'\0\0\0\1' + body)
    ports = re.findall(r'127\.0\.0\.1 (\d+) typ host', client.answer)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (b'', b'\0', b'\x80', bytes(1200), b'\x16\xfe\xff' + bytes(40)):
            stranger.sendto(datagram, ('127.0.0.1', int(ports[0])))
    await client.more(10)
    assert site.places == 1


@with_site()
async def test_candidates_can_follow(site):
    client = site.client()
    assert (await client.ask())[0] == 201
    ufrag = re.search('a=ice-ufrag:(.*)\r', client.connection.localDescription.sdp)[1]
    line = 'a=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\n'

    async def patch(text, **headers):
        async with site.session.patch(client.place, data=text, headers={
                **FRAGMENT, **headers}) as answer:
            return answer.status

    assert await patch(f'a=ice-ufrag:{ufrag}\r\nm=video 9 X 0\r\na=mid:0\r\n{line}') == 204
    assert await patch(line, **{'If-Match': client.headers['ETag']}) == 204
    assert await patch('a=end-of-candidates\r\n' + line * 1000) == 204
    assert await patch('garbage') == 204
    assert await patch(line, **{'If-Match': '"another"'}) == 412
    assert await patch(f'a=ice-ufrag:other\r\na=ice-pwd:{"x" * 22}\r\n') == 422
    assert await patch(line, **{'Content-Type': 'text/plain'}) == 415
    await client.connect()
    await client.more()


@with_site()
async def test_a_picture_says_that_there_is_none_until_the_camera_is_back(site):
    def plain(frame):
        return float(frame.to_ndarray(format='gray').std()) < 2

    client = await site.watching()
    assert plain(await client.more())
    site.filming.clear()
    while plain(await client.more()):
        pass
    assert site.stream.reception.signal().lost
    site.filming.set()
    while not plain(await client.more()):
        pass
    await client.more(5)
    assert plain(client.frames[-1]) and site.places == 1


@with_site()
async def test_the_server_ends_with_viewers(site):
    await site.watching()
    assert (await site.client().send(CHROMIUM.read_text()))[0] == 201
    await site.server.cleanup()
    assert not site.sessions() and not site.places


@with_site()
async def test_an_error_of_the_library_is_no_mystery(site, monkeypatch, caplog):
    async def fail(*_):
        raise RuntimeError('of the library')
    monkeypatch.setattr(peer.Peer, 'answer', fail)
    assert (await site.client().send(CHROMIUM.read_text()))[0] == 500
    await site.until(lambda: not site.places)
    assert 'of the library' in caplog.text
