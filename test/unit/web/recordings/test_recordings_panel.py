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
"""Who may see, make and delete recordings from a page, and what they get."""

import asyncio
from collections import Counter
import errno
from functools import wraps
import inspect
import io
import json
import os
from tempfile import TemporaryDirectory
import threading
import time
from urllib.parse import quote

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
import av
from hypothesis import example, given
from hypothesis import strategies as st
from pi_camera_stream.codecs.jpeg_splitter import JpegSplitter
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame, H264
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.recording.matroska import MatroskaWriter, TICKS_PER_S, Title
from pi_camera_stream.recording.output_file import OutputFile
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.recordings import download
from pi_camera_stream.web.stream.catalog import Catalog
import pytest
from support import pictures, videos
from support.recordings import FakeRecordings, film, TOPIC
from support.site import GET, reset, site
from support.streams import Stream
from yarl import URL

TOKEN, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'
JSON = {'Content-Type': 'application/json'}
NAME = '2026-11-28_12-00-00_camera.mkv'
BYTES = bytes(range(256)) * 1024
PLACES = (('/recordings.json', 'GET'), (f'/recordings/{NAME}', 'GET'),
          (f'/recordings/{NAME}/play', 'GET'), (f'/recordings/{NAME}', 'DELETE'),
          ('/record', 'POST'))


class Scene:
    """A server with recordings; an async context manager."""

    def __init__(self, folder, recorder=True, **rules):
        self.recordings = FakeRecordings(folder)
        catalog = Catalog(TOPIC, lambda name: Stream(
            name, lambda: 0, lambda _: None, RenditionEncoder(), RenditionSpec()))
        self._app = Application(catalog, AccessRules(**rules), lambda _: None,
                                recordings=self.recordings if recorder else None)
        self._token = rules.get('driver_token') or rules.get('access_token')

    async def __aenter__(self):
        self._client = TestClient(TestServer(self._app.build(ConnectionReaper())))
        await self._client.start_server()
        self.here = f'http://127.0.0.1:{self._client.port}'
        return self

    async def __aexit__(self, *_):
        await self._client.close()

    async def shut_down(self):
        """Let those who have lasting requests go, as the server does before it waits for them."""
        await self._client.app.shutdown()

    def request(self, path, method='GET', token=None, headers=None, **options):
        """Ask as a page of this server does, with the best token that there is."""
        if token is None and self._token:
            token = self._token
        headers = {'Origin': self.here, **({'Authorization': f'Bearer {token}'} if token else {}),
                   **(headers or {})}
        url = URL(f'{self.here}{path}', encoded=True)
        return self._client.session.request(method, url, headers=headers, **options)

    async def ask(self, path, method='GET', **options):
        async with self.request(path, method, **options) as answer:
            return answer.status, (await answer.read()).decode(errors='replace')

    async def record(self, on=True, **options):
        return await self.ask('/record', 'POST', json={'on': on}, **options)

    def put(self, data=BYTES, name=NAME):
        (self.recordings.folder / name).write_bytes(data)


def scene(**options):
    """Run an async test that takes a scene."""
    def decorate(test):
        @wraps(test)
        def wrapped(*arguments, **named):
            async def run():
                with TemporaryDirectory() as folder:
                    async with Scene(folder, **options) as it:
                        await asyncio.wait_for(test(it, *arguments, **named), 60)
            asyncio.run(run())
        del wrapped.__wrapped__  # or pytest would look for all of its arguments
        wrapped.__signature__ = inspect.Signature(
            list(inspect.signature(test).parameters.values())[1:])
        return wrapped
    return decorate


@scene(recorder=False, access_token=TOKEN)
async def test_where_nothing_is_recorded_nothing_of_it_is_there(it):
    for path, method in (*PLACES, ('/recordings', 'GET')):
        status, text = await it.ask(path, method)
        assert status == 404 and 'nothing at this address' in text
    assert 'recording' not in json.loads((await it.ask('/state'))[1])


@scene()
async def test_without_a_token_nobody_sees_or_makes_a_recording_and_hears_why(it):
    it.put()
    for path, method in PLACES:
        status, text = await it.ask(path, method)
        assert status == 403 and "'access_token'" in text and text.count('\n') == 1
    assert it.recordings.told == []
    state = json.loads((await it.ask('/state'))[1])['recording']
    assert state['topics'] == [TOPIC]  # what is recorded is for everyone to know
    assert not state['you_may']['see'] and not state['you_may']['record']
    assert "'access_token'" in state['you_may']['why_not']


@scene(driver_token=DRIVER)
async def test_with_a_driver_token_alone_it_is_for_who_has_it(it):
    it.put()
    for path, method in PLACES:
        status, text = await it.ask(path, method, token='')
        assert status == 403 and 'driver token' in text
    assert it.recordings.told == []
    assert (await it.ask(f'/recordings/{NAME}'))[0] == 200
    assert (await it.record())[0] == 200


@scene(access_token=TOKEN)
async def test_who_has_no_token_does_not_even_come_in(it):
    for path, method in PLACES:
        assert (await it.ask(path, method, token='wrong'))[0] == 401
    async with it.request('/recordings', token='wrong', allow_redirects=False,
                          headers={'Accept': 'text/html'}) as answer:
        assert answer.status == 303
        assert answer.headers['Location'] == './login?next=%2Frecordings&wrong=1'


@scene(access_token=TOKEN, driver_token=DRIVER)
async def test_who_only_watches_sees_recordings_and_changes_nothing(it):
    it.put()
    assert (await it.ask(f'/recordings/{NAME}', token=TOKEN))[0] == 200
    assert 'driver token' in (await it.record(token=TOKEN))[1]
    assert (await it.ask(f'/recordings/{NAME}', 'DELETE', token=TOKEN))[0] == 403
    assert it.recordings.told == []
    you_may = json.loads((await it.ask('/state', token=TOKEN))[1])['recording']['you_may']
    assert you_may == {'see': True, 'record': False, 'why_not': ''}


@scene(access_token=TOKEN)
async def test_pages_of_others_change_nothing(it):
    it.put()
    for origin in ('https://example.com', 'null', ''):
        for path, method in PLACES[3:]:
            async with it.request(path, method, headers={'Origin': origin}, json={'on': True}
                                  ) as answer:
                assert answer.status == 403
    assert it.recordings.told == []


@scene(access_token=TOKEN)
async def test_the_button_begins_and_ends_and_says_why_not(it):
    assert (await it.record(True))[0] == 200
    assert json.loads((await it.ask('/state'))[1])['recording']['recording'] is True
    assert (await it.record(False))[0] == 200
    assert it.recordings.told == [True, False]
    it.recordings.says = 'the card is read-only: put another one in'
    assert await it.record(True) == (409, f'{it.recordings.says}\n')


@scene(access_token=TOKEN)
@pytest.mark.parametrize('body', [{}, {'on': 1}, {'on': 'true'}, [], 'x' * 2000])
async def test_what_is_neither_on_nor_off_is_refused(it, body):
    assert (await it.ask('/record', 'POST', json=body))[0] in (400, 413)
    assert it.recordings.told == []


@scene(access_token=TOKEN)
async def test_the_list_has_what_is_there(it):
    film(it.recordings.folder / NAME)
    it.recordings.running = film(it.recordings.folder / 'b.mkv', 'jpeg', 10)
    status, text = await it.ask('/recordings.json')
    assert status == 200
    files = {file['name']: file for file in json.loads(text)['files']}
    assert files[NAME]['codec'] == 'h264' and not files[NAME]['running']
    assert files['b.mkv']['codec'] == 'jpeg' and files['b.mkv']['running']
    assert abs(files[NAME]['duration_s'] - 2) < 0.2


@scene(access_token=TOKEN)
async def test_delete_deletes_one_and_says_why_not(it):
    it.put()
    it.recordings.says = 'it is being written: end the recording first'
    assert await it.ask(f'/recordings/{NAME}', 'DELETE') == (409, f'{it.recordings.says}\n')
    it.recordings.says = ''
    assert (await it.ask(f'/recordings/{NAME}', 'DELETE'))[0] == 200
    assert (await it.ask(f'/recordings/{NAME}', 'DELETE'))[0] == 404


@scene(access_token=TOKEN)
async def test_a_file_comes_whole_or_in_ranges(it):
    it.put()

    async def fetch(**headers):
        names = {'range': 'Range', 'if_range': 'If-Range'}
        async with it.request(f'/recordings/{NAME}', headers={
                names[name]: value for name, value in headers.items()}) as answer:
            return answer.status, await answer.read(), answer.headers

    status, data, head = await fetch()
    assert (status, data) == (200, BYTES)
    assert head['Content-Disposition'] == f'attachment; filename="{NAME}"'
    size = len(BYTES)
    for wanted, begin, end in (('5-9', 5, 10), ('100000-', 100_000, size), ('-7', size - 7, size),
                               (f'9-{10 * size}', 9, size), ('0-', 0, size)):
        status, data, head = await fetch(range=f'bytes={wanted}')
        assert (status, data) == (206, BYTES[begin:end])
        assert head['Content-Range'] == f'bytes {begin}-{end - 1}/{size}'
    for beyond in (f'{size}-', '-0', 5000 * '9' + '-'):
        status, _, head = await fetch(range=f'bytes={beyond}')
        assert status == 416 and head['Content-Range'] == f'bytes */{size}'
    for senseless in ('bytes=9-5', 'bytes=0-1,3-4', 'pages=1-2'):
        assert (await fetch(range=senseless))[:2] == (200, BYTES)
    tag = head.get('ETag', (await fetch())[2]['ETag'])
    assert (await fetch(range='bytes=5-9', if_range=tag))[0] == 206
    # It has grown since: the two halves would not belong together.
    assert (await fetch(range='bytes=5-9', if_range='"other"'))[:2] == (200, BYTES)
    assert (await fetch(range='bytes=5-9', if_range=head['Date']))[:2] == (200, BYTES)
    async with it.request(f'/recordings/{NAME}', 'HEAD', headers={'Range': 'bytes=5-9'}) as answer:
        assert answer.status == 200
        assert answer.headers['Content-Length'] == str(size) and await answer.read() == b''


@scene(access_token=TOKEN)
async def test_a_file_is_not_held_in_memory(it):
    path = it.recordings.folder / NAME
    with open(path, 'wb') as file:
        file.truncate(200_000_000_000)  # of which nothing takes room
    async with it.request(f'/recordings/{NAME}') as answer:
        assert await answer.content.readexactly(1_000_000) == bytes(1_000_000)
    async with it.request(f'/recordings/{NAME}', headers={'Range': 'bytes=-3'}) as answer:
        assert await answer.read() == bytes(3)


@scene(access_token=TOKEN)
async def test_no_more_than_a_few_are_read_at_a_time_and_the_rest_hears_so(it):
    with open(it.recordings.folder / NAME, 'wb') as file:
        file.truncate(10_000_000_000)
    answers = [await it.request(f'/recordings/{NAME}') for _ in range(4)]
    status, text = await it.ask(f'/recordings/{NAME}')
    assert status == 503 and 'already' in text
    assert (await it.ask('/state'))[0] == 200
    for answer in answers:
        answer.close()
    while (await it.ask(f'/recordings/{NAME}', headers={'Range': 'bytes=0-1'}))[0] != 206:
        await asyncio.sleep(0.01)


@scene(access_token=TOKEN)
async def test_who_reads_is_let_go_when_the_server_stops(it):
    with open(it.recordings.folder / NAME, 'wb') as file:
        file.truncate(10_000_000_000)
    async with it.request(f'/recordings/{NAME}') as answer:
        await it.shut_down()
        with pytest.raises((aiohttp.ClientPayloadError, ConnectionError)):
            while await asyncio.wait_for(answer.content.readany(), 20):
                pass


def test_a_file_that_ends_too_early_ends_the_connection_only(monkeypatch, caplog):
    def read(*_):
        if failing:
            raise OSError(errno.EIO, 'Input/output error')
        return b''

    @scene(access_token=TOKEN)
    async def within(it):
        it.put()
        monkeypatch.setattr(download.os, 'pread', read)
        async with it.request(f'/recordings/{NAME}') as answer:
            with pytest.raises((aiohttp.ClientPayloadError, ConnectionError)):
                await answer.read()

    failing = False  # it has been cut
    within()
    assert caplog.records == []
    failing = True
    within()
    assert [bool(record.exc_info) for record in caplog.records] == [False]
    assert 'cannot be read to its end (Input/output error)' in caplog.text


@scene(access_token=TOKEN)
async def test_a_card_that_does_not_answer_keeps_nobody_from_anything_else(it):
    answers, asked = threading.Event(), []
    it.put()

    def path(name):
        asked.append(name)
        answers.wait(60)
        return it.recordings.folder / name

    it.recordings.path = path
    waiting = [asyncio.ensure_future(it.ask(f'/recordings/{NAME}')) for _ in range(12)]
    while not asked:
        await asyncio.sleep(0.01)
    try:
        assert (await it.ask('/state'))[0] == 200
        assert (await it.ask('/recordings'))[0] == 200  # a file, too
        assert not any(task.done() for task in waiting)
    finally:
        answers.set()
    assert {status for status, _ in await asyncio.gather(*waiting)} <= {200, 503}


def test_who_takes_nothing_of_a_file_is_let_go(tmp_path):
    with open(tmp_path / NAME, 'wb') as file:
        file.truncate(1_000_000_000)
    with site(rules=AccessRules(access_token=TOKEN), recordings=FakeRecordings(tmp_path),
              patience_s=0.5) as robot, robot.connected(
                  GET.format(f'/recordings/{NAME}?token={TOKEN}'), buffer_bytes=4096) as client:
        assert reset(client)


@scene(access_token=TOKEN)
async def test_h264_becomes_what_browsers_play_from_any_moment_on(it):
    film(it.recordings.folder / NAME)
    for from_s, least, most in ((0, 60, 60), (1.2, 20, 45)):
        async with it.request(f'/recordings/{NAME}/play?from={from_s}') as answer:
            assert answer.status == 200 and answer.content_type == 'video/mp4'
            data = await answer.read()
        with av.open(io.BytesIO(data)) as container:
            pictures = list(container.decode(video=0))
        assert least <= len(pictures) <= most
        assert pictures[0].time == 0.0


@scene(access_token=TOKEN)
async def test_h264_keeps_its_sound(it):
    path = it.recordings.folder / NAME
    units = videos.access_units([pictures.image(320, 240, number // 9) for number in range(60)])
    encoder = av.CodecContext.create('libopus', 'w')
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, 'mono', 's16'
    silence = av.AudioFrame(format='s16', layout='mono', samples=96_000)
    silence.sample_rate = 48_000
    for plane in silence.planes:
        plane.update(bytes(plane.buffer_size))
    packets = [bytes(packet) for packet in (*encoder.encode(silence), *encoder.encode(None))]
    file = OutputFile(path)
    writer = MatroskaWriter(file, Frame(units[0], 0, 0, 320, 240, codec=H264),
                            Title(TOPIC, 1.7e9, 0, sound_channels=1))
    for number, unit in enumerate(units):  # 30 pictures a second, 50 packets of sound
        for sound in range(number * 5 // 3, min((number + 1) * 5 // 3, len(packets))):
            writer.add_sound(packets[sound], sound * TICKS_PER_S // 50)
        writer.add(Frame(unit, 0, number, 320, 240, codec=H264, key=number == 0),
                   number * TICKS_PER_S // 30)
    writer.finish()
    file.close()
    async with it.request(f'/recordings/{NAME}/play') as answer:
        data = await answer.read()
    with av.open(io.BytesIO(data)) as container:
        counts = Counter(packet.stream.type for packet in container.demux() if packet.size)
    assert counts['video'] == 60 and counts['audio'] > 90


@scene(access_token=TOKEN)
async def test_jpegs_become_an_endless_picture_at_their_own_pace(it):
    film(it.recordings.folder / NAME, 'jpeg', 20, 40)
    began_s = time.monotonic()
    async with it.request(f'/recordings/{NAME}/play') as answer:
        assert answer.content_type == 'multipart/x-mixed-replace'
        data = await answer.read()
    assert time.monotonic() - began_s > 0.4  # and not at once
    splitter = JpegSplitter()
    assert 15 <= len(splitter.feed(data, 0)) <= 20


@scene(access_token=TOKEN)
async def test_what_cannot_be_shown_is_refused_with_a_sentence(it):
    for data in (b'', BYTES, b'\x1aE\xdf\xa3' + bytes(100)):
        it.put(data)
        status, text = await it.ask(f'/recordings/{NAME}/play')
        assert status == 422 and text.count('\n') == 1
    for number in ('-1', 'nan', 'inf', '1e99', 'x'):
        assert (await it.ask(f'/recordings/{NAME}/play?from={number}'))[0] == 400


@scene(access_token=TOKEN)
async def test_a_recording_that_was_cut_off_is_shown_up_to_there(it):
    film(it.recordings.folder / NAME)
    whole = (it.recordings.folder / NAME).read_bytes()
    it.put(whole[:len(whole) * 3 // 4])
    async with it.request(f'/recordings/{NAME}/play') as answer:
        data = await answer.read()
    with av.open(io.BytesIO(data)) as container:
        assert 10 < len(list(container.decode(video=0))) < 60


@scene(access_token=TOKEN)
async def test_links_are_not_followed(it):
    secret = it.recordings.folder / 'secret.txt'
    secret.write_text('secret')
    (it.recordings.folder / NAME).symlink_to(secret)
    os.mkfifo(it.recordings.folder / 'pipe.mkv')
    (it.recordings.folder / 'folder.mkv').mkdir()
    # Also when what keeps the files has not looked.
    for careless in (False, True):
        if careless:
            it.recordings.path = lambda name: it.recordings.folder / name
        for name in (NAME, 'pipe.mkv', 'folder.mkv', 'nothing.mkv'):
            status, text = await it.ask(f'/recordings/{name}')
            assert status == 404 and 'there is no' in text


ODD = ('..', '.', '../secret.txt', '..%2fsecret.txt', '%2e%2e%2fsecret.txt', '%2e%2e/secret.txt',
       '..%5csecret.txt', '/etc/passwd', '%2fetc%2fpasswd', 'a%00.mkv', '%00', 'x' * 5000,
       '%E2%80%AE.mkv', '%ff.mkv', 'a.mkv%0d%0aX:%20y', '.hidden.mkv', '%C0%AE%C0%AE/secret.txt',
       '..%252fsecret.txt', '%EF%BC%8E%EF%BC%8E%EF%BC%8Fsecret.txt', '%ED%A0%80.mkv')


@pytest.mark.parametrize('odd', ODD)
@scene(access_token=TOKEN)
async def test_no_name_leads_out_of_the_folder(it, odd):
    await _see_that_it_leads_nowhere(it, odd)


@given(st.text(max_size=40) | st.lists(st.sampled_from(
    ['..', '/', '\\', '\0', '%', 'secret.txt', '.', 'a.mkv', '\u202e', '%2e']), max_size=8
    ).map(''.join))
@example('../secret.txt')
def test_no_generated_name_leads_out_of_the_folder(text):
    run = scene(access_token=TOKEN)(_see_that_it_leads_nowhere)
    run(quote(text, safe='', errors='surrogatepass'))


async def _see_that_it_leads_nowhere(it, odd):
    """Beside the folder there is a file; what keeps the files looks at no name."""
    secret = it.recordings.folder / 'secret.txt'
    secret.write_text('secret')
    inner = it.recordings.folder / 'inner'
    inner.mkdir()
    it.recordings.path = lambda name: inner / name
    asked = []
    it.recordings.delete = lambda name: asked.append(name)
    for method in ('GET', 'HEAD'):
        for after in ('', '/play'):
            status, text = await it.ask(f'/recordings/{odd}{after}', method)
            assert 400 <= status < 500, (status, text)
            assert 'secret' not in text.replace('secret.txt', '')
    assert asked == [] and secret.exists()


@scene(access_token=TOKEN)
async def test_figures_for_prometheus(it):
    it.recordings.recording = True
    text = (await it.ask('/metrics'))[1]
    assert 'pi_camera_stream_recording 1.0' in text
    assert 'pi_camera_stream_recording_free_bytes 5.4e+09' in text
    assert 'pi_camera_stream_recording_frames_left_out_total 3.0' in text
    assert 'pi_camera_stream_recording_works 1.0' in text
    it.recordings.fault = 'the card is full'
    assert 'pi_camera_stream_recording_works 0.0' in (await it.ask('/metrics'))[1]


@scene(access_token=TOKEN)
async def test_who_asks_too_often_is_told_so(it):
    statuses = [(await it.ask('/recordings.json'))[0] for _ in range(40)]
    assert statuses[0] == 200 and 429 in statuses
