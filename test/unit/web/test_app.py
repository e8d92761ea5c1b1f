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
import inspect
import json
import threading
import time
from urllib.parse import urljoin

import aiohttp
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core import reception
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.results import ResultsFeed
from pi_camera_stream.web.stream import stream as stream_module
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.webrtc import availability
import pytest
from support import pictures
from support.listening import listen
from support.streams import Stream
from yarl import URL

DEFAULT, FRONT = '/camera/image_raw/compressed', '/front/compressed'
TYPE = 'sensor_msgs/msg/CompressedImage'
TOKEN = 'correct-horse-battery'
JPEG = pictures.jpeg()
FRAME_S = 0.02  # between two pictures
PLAIN = ('/', '/latency', '/streams', '/state', '/metrics', '/healthz', '/clock', '/snapshot.jpg',
         '/snapshot', '/static/viewer/viewer.js')
ENDLESS = ('/stream.mjpg', '/stream', '/stream.h264')


class Site:
    """The application on a loopback port, a camera that goes on, and those who come."""

    def __init__(self, rules):
        self.catalog = Catalog(DEFAULT, lambda name: Stream(
            name, time.time_ns, lambda _: None,
            RenditionEncoder(), RenditionSpec()))
        self.catalog.update({DEFAULT: TYPE, FRONT: TYPE})
        self.app = Application(self.catalog, rules, lambda _: None, results=ResultsFeed())

    async def film(self):
        """Offer pictures to whom somebody watches; a task of its own."""
        sequence = 0
        while True:
            sequence += 1
            for stream in self.catalog.streams():
                if not stream.idle:
                    stream.offer(Frame(JPEG, time.time_ns(), sequence, 64, 48))
            await asyncio.sleep(FRAME_S)

    def url(self, path):
        return URL(f'http://127.0.0.1:{self.port}{path}', encoded=True)

    def ask(self, path, method='GET', **options):
        return self.session.request(method, self.url(path), allow_redirects=False, **options)

    async def text(self, path, **options):
        """Return status and text of an answer."""
        async with self.ask(path, **options) as answer:
            return answer.status, await answer.text()

    async def json(self, path):
        """Return what is strict JSON, as browsers read it."""
        status, text = await self.text(path)
        assert status == 200
        return json.loads(text, parse_constant=lambda name: pytest.fail(f'{name} is no JSON'))

    async def picture(self, path, when=None):
        """Watch an endless picture until one has come after the event; return it."""
        async with self.ask(path) as answer:
            assert answer.status == 200, await answer.text()
            if when is not None:
                await when.wait()
            head = await _head_of_part(answer)
            size = int(head.partition(b'Content-Length: ')[2].split()[0])
            return await answer.content.readexactly(size)


def _place(answer):
    """Return where a browser would go, below the root of the server."""
    return URL(urljoin(answer.url.raw_path, answer.headers['Location']))


async def _head_of_part(answer):
    head = b''
    while not head.endswith(b'\r\n\r\n'):  # which aiohttp 3.8 cannot read until
        line = await answer.content.readline()
        assert line, head
        head += line
    return head


@asynccontextmanager
async def opened(rules):
    """Run a Site."""
    site = Site(rules)
    runner = await listen(site.app.build(ConnectionReaper()), access_log=None)
    site.port, site.server = runner.addresses[0][1], runner.server
    film = asyncio.create_task(site.film())
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=(
                aiohttp.TCPConnector(limit=0, force_close=True))) as site.session:
            yield site
    finally:
        film.cancel()
        await runner.cleanup()


def with_rules(**rules):
    """Run an async test with a site that has these rules."""
    def decorate(test):
        def wrapped(**fixtures):
            async def run():
                async with opened(AccessRules(**rules)) as site:
                    await test(site, **fixtures)
            asyncio.run(run())
        wrapped.__name__ = test.__name__
        parameters = list(inspect.signature(test).parameters.values())[1:]
        wrapped.__signature__ = inspect.Signature(parameters)
        return wrapped
    return decorate


async def until(condition):
    """Let the server work."""
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(('path', 'kind'), [
    ('/', 'text/html'), ('/latency', 'text/html'), ('/streams', 'application/json'),
    ('/state', 'application/json'), ('/metrics', 'text/plain'), ('/healthz', 'text/plain'),
    ('/snapshot.jpg', 'image/jpeg'), ('/snapshot', 'image/jpeg'),
    ('/static/viewer/viewer.css', 'text/css'),
    ('/stream.h264', 'video/h264'),
    *((path, 'multipart/x-mixed-replace') for path in ENDLESS[:2])])
@with_rules()
async def test_each_address_answers_and_so_does_the_question_for_its_head(site, path, kind):
    for method in ('GET', 'HEAD'):
        async with site.ask(path, method) as answer:
            assert (answer.status, answer.content_type) == (200, kind)
            assert 'no-' in answer.headers.get('Cache-Control', 'no-')
            if path in ENDLESS and method == 'GET':
                continue
            assert bool(await answer.read()) == (method == 'GET')


@pytest.mark.parametrize(('path', 'method', 'status', 'sentence'), [
    ('/nothing', 'GET', 404, 'nothing at this address; there is /, '),
    ('/stream.mjpg?topic=/x', 'GET', 404, f"no image topic '/x'; available: {DEFAULT}, "),
    ('/snapshot?topic=%00%0d%0aX:%20y', 'GET', 404, "no image topic '/\\x00\\r\\nX: y'"),
    ('/stream.h264?topic=none', 'GET', 404, "no image topic '/none'"),
    ('/ws?tier=h264', 'GET', 400, 'tier h264 is for a WebSocket that asks for codecs=jpeg,h264'),
    ('/snapshot.jpg?tier=h264', 'GET', 400, 'tier h264 is for a WebSocket'),
    ('/ws?topic=none', 'GET', 404, "no image topic '/none'"),
    ('/camera.sdp', 'GET', 404, f"'{DEFAULT}' is not sent by RTP as h264: add its receiver"),
    ('/camera.sdp?topic=none', 'GET', 404, "no image topic '/none'"),
    ('/camera.sdp?tier=full', 'GET', 400, 'the tiers of H.264 are h264 and h264_small'),
    ('/stream_viewer?topic=none', 'GET', 404, "no image topic '/none'"),
    ('/stream?type=vp8', 'GET', 400, 'type must be mjpeg or ros_compressed'),
    ('/stream?quality=0', 'GET', 400, 'quality must be 1 to 100 percent'),
    ('/snapshot?max_age=nan', 'GET', 400, "max_age must be 0 to 3600 s, not 'nan'"),
    ('/ws?tier=best', 'GET', 400, 'tier must be auto, jpeg, full, '),
    ('/ws', 'GET', 426, 'this address is for WebSockets'),
    ('/ws', 'HEAD', 405, ''),
    ('/results', 'GET', 426, 'this address is for WebSockets'),
    ('/state', 'POST', 405, 'method not allowed'),
])
@with_rules()
async def test_what_cannot_be_is_one_sentence(site, path, method, status, sentence):
    answered, text = await site.text(path, method=method)
    assert answered == status
    assert text.startswith(sentence)
    assert text.count('\n') == (method != 'HEAD')
    assert not site.catalog.stream().viewers


@pytest.mark.parametrize(('query', 'topic'), [
    ('', DEFAULT), ('?topic=/front', FRONT), ('?topic=%2Ffront%2Fcompressed', FRONT)])
@with_rules()
async def test_the_viewer_of_web_video_server_leads_to_the_page(site, query, topic):
    async with site.ask(f'/stream_viewer{query}') as answer:
        assert answer.status == 302
        assert answer.headers['Location'].startswith('./?')
        assert _place(answer) == URL('/').with_query(topic=topic)


@with_rules()
async def test_names_of_topics_are_decoded(site):
    for path in ('/stream?topic=/front', '/stream.mjpg?topic=%2Ffront%2Fcompressed',
                 '/stream?topic=front&type=ros_compressed'):
        assert await site.picture(path) == JPEG
    assert [stream.name for stream in site.catalog.streams()] == [DEFAULT, FRONT]
    assert site.catalog.stream().idle
    assert len(await site.picture('/stream?width=32&topic=/front')) < len(JPEG)


@with_rules()
async def test_the_topics_are_listed(site):
    assert await site.json('/streams') == {
        'default': DEFAULT,
        'streams': [{'topic': DEFAULT, 'type': TYPE}, {'topic': FRONT, 'type': TYPE}]}


@with_rules()
async def test_the_state_says_what_comes_and_who_watches(site):
    nothing = await site.json('/state')
    assert nothing['viewers'] == 0
    assert nothing['streams'][0]['viewers'] == []
    assert nothing['streams'][0]['width'] is None
    async with site.ask('/stream.mjpg?tier=low') as answer, site.session.ws_connect(
            site.url('/ws')) as socket:
        await _head_of_part(answer)
        await socket.receive_json()
        await socket.receive_bytes()
        state = await site.json('/state')
    stream, = state['streams']
    viewers = stream.pop('viewers')
    assert state['viewers'] == len(viewers) == 2
    assert set(stream) == {
        'topic', 'frames_per_s', 'bytes_per_s', 'frames_per_s_sent', 'bytes_per_s_sent', 'width',
        'height', 'age_ms', 'last_frame_s_ago', 'signal', 'undecodable', 'undecodable_reason',
        'replaced', 'h264'}
    assert (stream['topic'], stream['width'], stream['height']) == (DEFAULT, 64, 48)
    assert stream['frames_per_s'] > 0
    assert [(v['address'], v['transport'], v['tier']) for v in viewers] == [
        ('127.0.0.1', 'mjpeg', 'low'), ('127.0.0.1', 'websocket', 'full')]
    assert all(v['frames_sent'] > 0 and v['bytes_sent'] > 0 for v in viewers)
    assert set(viewers[0]) == {
        'address', 'transport', 'tier', 'codec', 'connected_s', 'frames_sent', 'frames_skipped',
        'bytes_sent', 'age_ms', 'backlog_bytes', 'unread_bytes'}
    assert [v['codec'] for v in viewers] == ['jpeg', 'jpeg']


@pytest.mark.parametrize('message', [
    'x', '[]', '{}', '{"type": "ack", "sequence": NaN}', '{"type": "tier", "tier": 1}', '[' * 1000,
    '{"type": "ack", "sequence": %s}' % ('9' * 400)])
@with_rules()
async def test_nonsense_of_a_page_ends_its_connection_and_fails_nowhere(site, message, caplog):
    async with site.session.ws_connect(site.url('/ws')) as socket:
        await socket.send_str(message)
        while not socket.closed:
            await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    await until(lambda: not site.catalog.stream().viewers)
    assert not caplog.records


@with_rules()
async def test_no_page_can_spoil_the_state_for_the_others(site):
    async with site.session.ws_connect(site.url('/ws')) as socket:
        for _ in range(2):
            await socket.send_json({'type': 'ack', 'sequence': 1, 'age_ms': 1.7e308})
        await socket.send_json({'type': 'clock', 'client_ms': 1})
        while not socket.closed and '"clock"' not in str((await socket.receive()).data):
            pass
        await site.json('/state')


@with_rules()
async def test_a_status_picture_that_fails_does_not_end_the_care_for_viewers(site, monkeypatch):
    def draw_status(*_):
        drawn.append(1)
        raise ValueError('too large')

    drawn, stream = [], site.catalog.stream()
    monkeypatch.setattr(stream_module, '_TICK_S', 0.001)
    monkeypatch.setattr(reception, 'SILENT_S', -1.0)
    monkeypatch.setattr(stream_module, 'status_image', draw_status)
    async with site.ask('/stream.mjpg') as answer:
        assert answer.status == 200
        await until(lambda: len(drawn) > 1 or stream._ticking.done())
        assert not stream._ticking.done()


@with_rules(access_token=TOKEN)
async def test_with_a_token_nothing_is_shown_without_it(site):
    paths = [path for path in PLAIN if not path.startswith(('/healthz', '/static'))]
    for path in (*paths, *ENDLESS, '/stream_viewer', '/camera.sdp', '/ws', '/nothing'):
        for method in ('GET', 'HEAD'):
            assert (await site.text(path, method=method))[0] == 401
    for path in ('/healthz', '/static/viewer/viewer.js'):
        assert (await site.text(path))[0] == 200
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await site.session.ws_connect(site.url('/ws'))
    assert caught.value.status == 401
    assert site.catalog.stream().idle


@with_rules(access_token=TOKEN)
async def test_with_the_token_all_is_shown(site):
    for path in (*PLAIN, *ENDLESS):
        async with site.ask(path, headers={'Authorization': f'Bearer {TOKEN}'}) as answer:
            assert answer.status == 200
    assert await site.picture(f'/stream.mjpg?token={TOKEN}') == JPEG
    async with site.session.ws_connect(site.url(f'/ws?token={TOKEN}')) as socket:
        assert (await socket.receive_json())['type'] == 'hello'


@with_rules(access_token=TOKEN)
async def test_who_opens_a_page_is_led_to_the_login_and_back_to_that_page(site):
    for page in ('/', '/latency'):
        async with site.ask(f'{page}?topic=/a', headers={'Accept': 'text/html'}) as answer:
            location = _place(answer)
            assert (answer.status, location.path) == (303, '/login')
            assert URL(location.query['next']) == URL(page).with_query(topic='/a')
        async with site.ask(f'{page}?topic=/a&token={TOKEN}') as answer:
            location = _place(answer)
            assert (answer.status, location) == (303, URL(page).with_query(topic='/a'))
            cookie = answer.headers['Set-Cookie'].partition(';')[0]
        async with site.ask(str(location), headers={'Cookie': cookie}) as answer:
            assert answer.status == 200


@with_rules(max_viewers=2)
async def test_the_place_of_a_viewer_who_has_left_is_free_again(site):
    stream = site.catalog.stream()
    for _ in range(3):
        async with site.ask('/stream.h264') as first, site.session.ws_connect(site.url('/ws')):
            assert first.status == 200
            await until(lambda: len(stream.viewers) == 2)
            for path in ('/stream.mjpg', '/stream.h264'):
                async with site.ask(path) as answer:
                    assert answer.status == 503
                    assert int(answer.headers['Retry-After']) > 0
                    assert 'max_viewers = ' in await answer.text()
            async with site.ask('/snapshot.jpg') as answer:
                assert answer.status == 200  # who does not stay takes no place
        await until(lambda: not stream.viewers)


@with_rules(max_viewers=200)
async def test_of_two_hundred_viewers_who_come_and_go_nothing_is_left(site, monkeypatch):
    async def watch(number, everybody):
        query = f'?tier={("auto", "high", "low")[number % 3]}' if number % 7 else '?width=32'
        if number % 2:
            await site.picture(f'/stream.mjpg{query}', everybody)
            return
        async with site.session.ws_connect(site.url(f'/ws{query}')) as socket:
            await everybody.wait()
            while (await socket.receive()).type is not aiohttp.WSMsgType.BINARY:
                assert not socket.closed

    monkeypatch.setattr(stream_module, '_LINGER_S', 0.0)
    stream, before = site.catalog.stream(), asyncio.all_tasks()
    for _ in range(2):
        everybody = asyncio.Event()
        tasks = [asyncio.create_task(watch(number, everybody)) for number in range(200)]
        await until(lambda: len(stream.viewers) == 200)
        assert not any(task.done() for task in tasks)
        everybody.set()
        await asyncio.gather(*tasks)
    await until(lambda: stream.idle and not site.server.connections)
    assert not stream.viewers
    assert list(stream._renditions) == [None]
    assert (stream._full.users, stream._full._waiting, stream._tasks) == (0, [], set())
    assert site.app.places.viewers == 0
    await until(lambda: asyncio.all_tasks() == before)
    await until(lambda: 'render' not in {thread.name for thread in threading.enumerate()})
    assert stream.frames_sent >= 400


@pytest.mark.parametrize(('path', 'method', 'status', 'words'), [
    ('/whep', 'POST', 501, 'WebRTC needs aiortc: sudo apt install python3-aiortc'),
    ('/whep', 'GET', 405, ''), ('/whep/0123', 'DELETE', 404, 'this viewer has left'),
    ('/whep/0123', 'PATCH', 404, 'this viewer has left'),
    ('/whep/0123', 'GET', 404, 'this viewer has left')])
@with_rules()
async def test_without_aiortc_webrtc_is_refused_and_all_else_goes_on(
        site, path, method, status, words, monkeypatch):
    monkeypatch.setattr(availability, 'find_spec', lambda _: None)
    answer = await site.text(path, method=method, data='v=0',
                             headers={'Content-Type': 'application/sdp'})
    assert answer[0] == status and words in answer[1]
    assert await site.picture('/stream.mjpg') == JPEG
