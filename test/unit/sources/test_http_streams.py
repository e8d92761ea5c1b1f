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

"""Cameras that send JPEGs by HTTP, each in its own way; browsers show them all."""

import base64
import hashlib
import itertools
import re

import av
import cv2
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import pictures, videos
from support.capturing import capturing
from support.processes import wait_until
from support.raw_camera import head, parts, raw_camera, whole
from support.turning import look, quarters, seen, turn_film

PICTURES = [pictures.jpeg(160, 120, seed) for seed in range(4)]
TEXT = b'temperature: 21\r\n'
BROKEN = b'\xff\xd8\xff\xe0\0\0' * 50


def source(url, **settings):
    return UrlSource(SourceSettings('url', url, **settings))


def impatient(url):
    """Return one that says soon what is wrong."""
    stream = source(url)
    stream._give_up_s = 0.5
    return stream


def part(fields, picture, boundary=b'--b7', line=b'\r\n', end=None):
    return (boundary + line + b''.join(field + line for field in fields) + line + picture
            + (line if end is None else end))


def chunked(piece):
    return b'%x\r\n%b\r\n' % (len(piece), piece)


JPEG_TYPE = b'Content-Type: image/jpeg'
PACKINGS = {
    'as usual': (head(), lambda p: part([JPEG_TYPE], p)),
    'boundary behind each part only': (head(), lambda p: (
        JPEG_TYPE + b'\r\nContent-Length: %d\r\n\r\n%b\r\n--b7\r\n' % (len(p), p))),
    'no dashes': (head(), lambda p: part([JPEG_TYPE], p, b'b7')),
    'dashes in the type, too': (head('multipart/x-mixed-replace; boundary=--b7'),
                                lambda p: part([JPEG_TYPE], p)),
    'another boundary than said': (head(), lambda p: part([JPEG_TYPE], p, b'--frame')),
    'quoted': (head('multipart/x-mixed-replace;boundary="b7"'), lambda p: part([JPEG_TYPE], p)),
    'no boundary said': (head('multipart/x-mixed-replace'), lambda p: part([JPEG_TYPE], p)),
    'image/jpg': (head(), lambda p: part([b'Content-Type: image/jpg'], p)),
    'type with parameters': (head(), lambda p: part(
        [b'content-type:image/jpeg; charset=binary', b'X-Timestamp: 17'], p)),
    'no type': (head(), lambda p: part([b'Content-Length: %d' % len(p)], p)),
    'no heads': (head(), lambda p: b'--b7\r\n' + p + b'\r\n'),
    'nothing but pictures': (head(), lambda p: p),
    'line feeds only': (head().replace(b'\r', b''), lambda p: part(
        [JPEG_TYPE, b'Content-Length: %d' % len(p)], p, line=b'\n')),
    'no line behind a part': (head(), lambda p: part(
        [JPEG_TYPE, b'Content-Length: %d' % len(p)], p, end=b'')),
    'a length too short': (head(), lambda p: part(
        [JPEG_TYPE, b'Content-Length: %d' % (len(p) - 7)], p)),
    'a length too long': (head(), lambda p: part(
        [JPEG_TYPE, b'Content-Length: %d' % (len(p) + 9)], p)),
    'a length of gigabytes': (head(), lambda p: part(
        [JPEG_TYPE, b'Content-Length: 4000000000'], p)),
    'a length of a megabyte': (head(), lambda p: part([JPEG_TYPE, b'Content-Length: 1000000'], p)),
    'a length of nothing': (head(), lambda p: part([JPEG_TYPE, b'Content-Length: 0'], p)),
    'padded': (head(), lambda p: part(
        [JPEG_TYPE, b'Content-Length: %d' % (len(p) + 500)], p + bytes(500))),
    'text between': (head(), lambda p: part([b'Content-Type: text/plain'], TEXT) + part(
        [JPEG_TYPE, b'Content-Length: %d' % len(p)], p)),
    'chunked': (head('multipart/x-mixed-replace; boundary=b7', 'Transfer-Encoding: chunked'),
                lambda p: chunked(part([JPEG_TYPE], p))),
    'no type of the whole': (head(''), lambda p: part([JPEG_TYPE], p)),
    'a wrong type': (head('text/html'), lambda p: part([JPEG_TYPE], p)),
    'back to back': (head('application/octet-stream'), lambda p: p),
    'one type for all': (head('image/jpeg'), lambda p: p),
    'MJPEG': (head('video/x-motion-jpeg'), lambda p: p),
    'HTTP/1.0 with a bare status': (b'HTTP/1.0 200\r\n\r\n', lambda p: part([JPEG_TYPE], p)),
}


@pytest.mark.parametrize('packing', PACKINGS.values(), ids=PACKINGS)
def test_however_they_are_packed_all_pictures_come_as_they_were_sent(packing):
    beginning, pack = packing

    def answer(request, call):
        yield beginning
        for picture in itertools.cycle(PICTURES):
            yield pack(picture)

    with raw_camera(answer) as camera, capturing(source(camera.url('/cam.mjpeg'))) as run:
        seen = [run.picture() for _ in range(8)]
        wait_until(lambda: run.loop.captured.total >= 12)
        assert run.loop.restarts == 0
        assert len(camera.requests) == 1
        assert run.source.hello['detail'] == 'JPEG over HTTP'
    assert {bytes(picture).rstrip(b'\0') for picture in seen} == set(PICTURES)


def test_a_picture_behind_the_end_of_another_in_its_part_is_not_shown():
    small = pictures.jpeg(16, 16, 9)

    def answer(request, call):
        yield head()
        for picture in itertools.cycle(PICTURES):
            both = picture + small
            yield part([JPEG_TYPE, b'Content-Length: %d' % len(both)], both)

    with raw_camera(answer) as camera, capturing(source(camera.url())) as run:
        assert all(run.picture().startswith(tuple(PICTURES)) for _ in range(6))


FIRST = {
    'nothing': b'',
    'no HTTP': b'hello\r\n',
    '401': whole('401 Unauthorized', b'', 'text/plain', 'WWW-Authenticate: Basic realm="x"'),
    '403': whole('403 Forbidden', b'no'),
    '404': whole('404 Not Found', b'no'),
    '503': whole('503 Service Unavailable', b'busy'),
    '500': whole('500 Internal Server Error'),
    'no content': head('', status='204 No Content'),
    'a page': whole('200 OK', b'<html>starting</html>' * 100),
    'an empty stream': head(),
    'no video': whole('200 OK', bytes(range(256)) * 40, 'application/octet-stream'),
    'an empty picture': whole('200 OK', b'', 'image/jpeg'),
}


@pytest.mark.parametrize('first', FIRST.values(), ids=FIRST)
def test_a_camera_that_is_still_starting_is_waited_for(first):
    def answer(request, call):
        if call <= 2:
            yield first
        else:
            yield from parts(PICTURES)

    with raw_camera(answer) as camera, capturing(impatient(camera.url())) as run:
        assert run.picture() in PICTURES
        assert run.ends == []


SAYS = {
    '401': (FIRST['401'], r'refuses access \(401 Unauthorized\): .* USER:PASSWORD@HOST'),
    '403': (FIRST['403'], r'refuses access \(403 Forbidden\): put the right user'),
    '404': (FIRST['404'], r'cannot be played \(404 Not Found\): start the sender, or correct'),
    '503': (FIRST['503'], r'cannot be played now \(503 Service Unavailable\): wait until'),
    'a page': (FIRST['a page'], 'delivers is not video: open it in a browser'),
    'an empty stream': (FIRST['an empty stream'], 'no JPEG among them: have the camera'),
    'no picture': (whole('200 OK', b'GIF89a', 'image/gif'), 'cannot be shown: it is GIF data'),
    'broken': (head() + BROKEN, 'are cut off or broken: have'),
    'a picture that is none': (whole('200 OK', PICTURES[0][:60], 'image/jpeg'),
                               'is left out: it has no frame header; have the camera send whole'),
    'nothing': (b'', 'closed without an answer.: start the sender'),
}


@pytest.mark.parametrize(('answer', 'words'), SAYS.values(), ids=SAYS)
def test_why_there_is_no_picture_is_said_and_is_no_end(answer, words):
    with (raw_camera(lambda request, call: [answer]) as camera,
          capturing(impatient(camera.url())) as run):
        wait_until(lambda: any(re.search(words, said) for said in run.problems))
        assert run.ends == []


@pytest.mark.parametrize(('more', 'words'), [
    ([b'x' * 5000] * 40, 'no JPEG among them'),
    ([part([JPEG_TYPE], BROKEN)] * 40, 'cut off or broken'),
])
def test_of_a_stream_without_a_picture_it_is_said_at_once(more, words):
    """Not only when it ends."""
    def answer(request, call):
        yield head()
        yield from itertools.cycle(more)

    with raw_camera(answer) as camera, capturing(impatient(camera.url())) as run:
        wait_until(lambda: any(words in said for said in run.problems))


def test_a_stream_that_falls_silent_is_told_as_such():
    def answer(request, call):
        yield head()
        for _ in range(5):
            for picture in PICTURES:
                yield part([JPEG_TYPE], picture)
        while True:
            yield b''

    with raw_camera(answer) as camera, capturing(source(camera.url())) as run:
        assert 'has sent nothing for' in run.wait_for_problem('http')
        wait_until(lambda: len(camera.requests) > 1)


def test_pictures_that_come_seldom_are_waited_for(monkeypatch):
    """Each pause is longer than a sender may take that has not answered."""
    def answer(request, call):
        yield head()
        for picture in itertools.cycle(PICTURES):
            yield part([JPEG_TYPE], picture)

    with raw_camera(answer, rate=1.2) as camera:
        seldom = impatient(camera.url())
        monkeypatch.setattr('pi_camera_stream.sources.reconnecting_source._FIRST_S', 0.5)
        monkeypatch.setattr('pi_camera_stream.sources.capture_loop._SILENT_UNKNOWN_S', 0.5)
        with capturing(seldom) as run:
            assert [run.picture() for _ in range(4)] == PICTURES
            assert run.problems == []
            assert len(camera.requests) == 1


@pytest.mark.parametrize('kind', ['image/jpeg', 'image/jpg', 'application/octet-stream', ''])
@pytest.mark.parametrize('with_length', [True, False])
def test_a_single_picture_is_asked_for_again_and_again(kind, with_length):
    def answer(request, call):
        picture = PICTURES[call % 4]
        if with_length:
            yield whole('200 OK', picture, kind)
        else:
            yield head(kind) + picture

    with (raw_camera(answer) as camera,
          capturing(source(camera.url('/snapshot.jpg'), fps=25.0)) as run):
        seen = [run.picture() for _ in range(6)]
        wait_until(lambda: len(camera.requests) >= 10)
        assert run.loop.restarts == 0
        assert 'fps' in run.source.starts_with or not run.source.hello['snapshots']
    assert len(set(seen)) > 1
    assert set(seen) <= set(PICTURES)


@pytest.mark.parametrize(('suffix', 'kind'), [
    ('.png', 'image/png'), ('.webp', 'image/jpeg'), ('.bmp', 'text/plain')])
def test_a_picture_of_another_format_is_decoded(suffix, kind):
    image = pictures.image(64, 48)
    data = cv2.imencode(suffix, image)[1].tobytes()
    with (raw_camera(lambda request, call: [whole('200 OK', data, kind)]) as camera,
          capturing(source(camera.url(), quality=95)) as run):
        assert cv2.absdiff(run.image(), image).mean() < 8


def digest_answer(request, algorithm):
    """Return whether the request's Authorization is right, as a camera checks it."""
    field = re.search(r'Authorization: Digest (.*)\r\n', request)
    if not field:
        return False
    got = dict(re.findall(r'(\w+)="?([^",]*)"?', field[1]))

    def digest(*values):
        return hashlib.new(algorithm, ':'.join(values).encode()).hexdigest()

    path, secret = request.split()[1], digest('ad"min', 'cam', 'p:s@1')
    if got.get('algorithm', '').lower().endswith('-sess'):
        secret = digest(secret, 'n1', got['cnonce'])
    expected = digest(secret, 'n1', got['nc'], got['cnonce'], 'auth', digest('GET', path))
    return (got['response'], got['uri']) == (expected, path)


@pytest.mark.parametrize(('challenges', 'algorithm'), [
    (['Digest realm="cam", nonce="n1", qop="auth,auth-int", opaque="o"'], 'md5'),
    (['Digest qop="auth", realm="cam", nonce="n1", algorithm=SHA-256',
      'Digest qop="auth", realm="cam", nonce="n1", algorithm=MD5'], 'sha256'),
    (['Digest realm="cam", nonce="n1", qop="auth", algorithm=MD5-sess'], 'md5'),
    (['Digest realm="cam", nonce="n1", qop="auth", algorithm="SHA-256-sess"'], 'sha256'),
    (['Digest realm="cam", nonce="n1", algorithm=unheard', 'Basic realm="cam"'], ''),
    (['Basic realm=cam'], ''),
    (['basic realm="cam", charset="UTF-8"'], ''),
    ([], ''),
])
def test_a_camera_gets_the_password_in_the_way_it_asks_for(challenges, algorithm):
    basic = base64.b64encode(b'ad"min:p:s@1').decode()

    def answer(request, call):
        right = (digest_answer(request, algorithm) if algorithm
                 else f'Authorization: Basic {basic}' in request)
        if right:
            yield from parts(PICTURES)
        yield whole('401 Unauthorized', b'', 'text/plain', *(
            f'WWW-Authenticate: {challenge}' for challenge in challenges))

    with (raw_camera(answer) as camera, capturing(source(
            camera.url('/a/b.cgi?x=1&y=2', 'ad%22min:p:s%401@'))) as run):
        assert run.picture() in PICTURES
        assert 'Authorization' not in camera.requests[0]


@pytest.mark.parametrize('status', [
    '301 Moved Permanently', '302 Found', '303 See Other', '307 Temporary Redirect',
    '308 Permanent Redirect'])
def test_it_goes_where_the_camera_sends_it_with_the_password_there(status):
    def answer(request, call):
        if request.startswith('GET /here'):
            yield whole(status, b'', 'text/html', 'Location: /there')
        elif 'Authorization: Basic' in request:
            yield from parts(PICTURES)
        yield whole('401 Unauthorized', b'', 'text/plain', 'WWW-Authenticate: Basic realm="x"')

    with (raw_camera(answer) as camera,
          capturing(source(camera.url('/here', 'admin:hunter2@'))) as run):
        assert run.picture() in PICTURES
        assert [request.partition(' HTTP')[0] for request in camera.requests] == [
            'GET /here', 'GET /there', 'GET /there']


def asking(request, call):
    """Answer whoever has no password that it is needed."""
    if 'Authorization' in request:
        yield from parts(PICTURES)
    yield whole('401 Unauthorized', b'', 'text/plain', 'WWW-Authenticate: Basic realm="x"')


def test_a_camera_with_a_certificate_of_its_own_making_is_shown(certificate):
    with (raw_camera(asking, certificate=certificate) as camera,
          capturing(source(camera.url('/cam', 'admin:hunter2@'))) as run):
        assert run.picture() in PICTURES
        assert run.source.hello['detail'] == 'JPEG over HTTPS'
        assert run.problems == []


def test_so_is_a_film_behind_such_a_certificate(certificate, tmp_path):
    """FFmpeg asks for it by itself."""
    path = tmp_path / 'film.mp4'
    videos.write(path, size=(320, 180), picture=quarters(320, 180))
    film = whole('200 OK', path.read_bytes(), 'video/mp4')
    with (raw_camera(lambda request, call: [film], certificate=certificate) as camera,
          capturing(source(camera.url('/film.mp4'), quality=95)) as run):
        assert look(run.image()) == seen(1, 320, 180)


@pytest.mark.parametrize('to_tls', [True, False])
def test_the_password_goes_from_http_to_https_and_not_the_other_way(certificate, to_tls):
    with raw_camera(asking, certificate=certificate if to_tls else None) as there:
        def moved(request, call):
            if call == 1:  # by then it has been seen that it knows the password
                yield whole('401 Unauthorized', b'', 'text/plain',
                            'WWW-Authenticate: Basic realm="x"')
            yield whole('302 Found', b'', 'text/html', f'Location: {there.url("/stream")}')

        with (raw_camera(moved, certificate=None if to_tls else certificate) as camera,
              capturing(impatient(camera.url('/', 'admin:hunter2@'))) as run):
            if to_tls:
                assert run.picture() in PICTURES
            else:
                assert 'refuses access (401 Unauthorized)' in run.wait_for_problem('refuses')
                assert there.requests
                assert not any('Authorization' in request for request in there.requests)


def test_https_where_none_is_spoken_is_told():
    with raw_camera(lambda request, call: parts(PICTURES)) as camera:
        address = camera.url('/cam').replace('http:', 'https:')
        with capturing(impatient(address)) as run:
            assert 'does not speak HTTPS' in run.wait_for_problem('https')
            assert run.ends == []


def test_where_it_is_sent_elsewhere_it_goes_without_the_password():
    there_requests = []

    def stream(request, call):
        there_requests.append(request)
        yield from parts(PICTURES)

    with raw_camera(stream) as there:
        def moved(request, call):
            if '/there' in request.split()[1]:
                yield whole('302 Found', b'', 'text/html',
                            f'Location: {there.url("/stream", host="localhost")}')
            yield whole('301 Moved', b'', 'text/html', 'Location: there?a=b')

        with (raw_camera(moved) as camera,
              capturing(source(camera.url('/cam/here', 'admin:hunter2@'))) as run):
            assert run.picture() in PICTURES
            assert [request.split()[1] for request in camera.requests] == [
                '/cam/here', '/cam/there?a=b']
    assert 'Authorization' not in there_requests[0]


def test_places_without_end_are_told():
    def answer(request, call):
        yield whole('302 Found', b'', 'text/html', 'Location: /again')

    with raw_camera(answer) as camera, capturing(source(camera.url())) as run:
        assert 'redirects without end' in run.wait_for_problem('http')


def test_other_streams_are_left_to_ffmpeg(tmp_path):
    import av
    path = tmp_path / 'film.ts'
    with av.open(str(path), 'w', format='mpegts') as container:
        stream = container.add_stream('mpeg2video', rate=25)
        stream.width, stream.height = 320, 240
        for seed in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(
                pictures.image(320, 240, seed), format='bgr24')))
        container.mux(stream.encode(None))
    data = path.read_bytes()

    def answer(request, call):
        yield head('video/mp2t')
        while True:
            yield data

    with raw_camera(answer) as camera, capturing(source(camera.url())) as run:
        assert run.image().shape == (240, 320, 3)
        assert run.source.hello['detail'] == 'mpeg2video over HTTP'


# Of a file, test_turned_pictures.py sees all: what differs here is who reads it.
@pytest.mark.parametrize('orientation', [2, 6])
def test_a_film_is_turned_as_it_says(tmp_path, orientation):
    """By an FFmpeg of version 6.1 or newer: the pictures of older ones do not say it."""
    says = av.library_versions['libavcodec'] >= (60, 31)
    path = tmp_path / 'film.mp4'
    videos.write(path, size=(320, 180), picture=quarters(320, 180))
    turn_film(path, orientation)
    film = whole('200 OK', path.read_bytes(), 'video/mp4')
    with (raw_camera(lambda request, call: [film]) as camera,
          capturing(source(camera.url(), quality=95)) as run):
        assert look(run.image()) == seen(orientation if says else 1, 320, 180)


def test_what_is_no_camera_is_an_error_of_the_moment():
    """Whatever it sends: garbage is looked at, left out, and no end."""
    import random
    garbage = random.Random(7)

    def answer(request, call):
        yield garbage.choice([b'', head(), head('image/jpeg'), head(''), b'HTTP/1.1 999 \xff\r\n'])
        for _ in range(garbage.randrange(12)):
            yield garbage.choice([b'\xff\xd8\xff', b'\xff\xd9', b'\r\n--', b'Content-Length: 9',
                                  b'\r\n\r\n', PICTURES[0][:300], garbage.randbytes(3000)])

    with raw_camera(answer, rate=500.0) as camera, capturing(source(camera.url())) as run:
        wait_until(lambda: len(camera.requests) >= 6)
        assert run.ends == []
