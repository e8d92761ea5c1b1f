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

"""Whose certificate is believed, as the parameter `tls_ca` says it."""

import re
import shutil
import subprocess

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import pictures, videos
from support.capturing import capturing
from support.processes import wait_until
from support.raw_camera import parts, raw_camera, whole
from support.sending import sending

PICTURES = [pictures.jpeg(160, 120, seed) for seed in range(2)]
SUBJECT = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '9')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('certificates')


@pytest.fixture(scope='module')
def make(folder):
    """Return a function that makes a certificate, of its own making or signed by another."""
    assert shutil.which('openssl'), 'sudo apt install openssl'

    def run(*words):
        subprocess.run(['openssl', *words], cwd=folder, check=True, capture_output=True)

    def make(name, subject, host='', signed_by=''):
        extension = ['-addext', f'subjectAltName={host}'] if host else []
        run('req', '-x509', *SUBJECT, '-keyout', f'{name}.key', '-out', f'{name}.crt',
            '-subj', f'/CN={subject}', *extension,
            *(['-CA', f'{signed_by}.crt', '-CAkey', f'{signed_by}.key'] if signed_by else []))
        return str(folder / f'{name}.crt'), str(folder / f'{name}.key')
    return make


@pytest.fixture(scope='module')
def robot(make):
    """Return a certificate as docs/driving.md makes it, with the name of no address."""
    return make('robot', 'robot')


@pytest.fixture(scope='module')
def other(make):
    return make('other', 'robot')


def source(url, **settings):
    stream = UrlSource(SourceSettings('url', url, **settings))
    stream._give_up_s = 0.5
    return stream


def stream(request, call):
    yield from parts(PICTURES)


def test_a_certificate_that_is_in_the_file_is_believed_whatever_its_name(robot):
    with (raw_camera(stream, certificate=robot) as camera,
          capturing(source(camera.url(), tls_ca=robot[0])) as run):
        assert run.picture() in PICTURES


def test_clock_and_calibration_come_by_the_same_way(robot):
    with sending(10, '--certfile', robot[0], '--keyfile', robot[1],
                 '--access-token', 'a-long-secret') as sender:
        url = sender.url(login=':a-long-secret@').replace('http:', 'https:')
        with capturing(source(url, tls_ca=robot[0])) as run:
            assert run.picture()
            wait_until(lambda: run.source.sender.uncertainty_ms is not None)
            assert run.source.sender.frame_id == 'camera_optical_frame'


def test_another_one_is_not_though_it_has_the_same_name(robot, other):
    with (raw_camera(stream, certificate=other) as camera,
          capturing(source(camera.url('/', ':a-secret@'), tls_ca=robot[0])) as run):
        said = run.wait_for_problem("presents a certificate that 'tls_ca' does not cover")
        assert 'set that parameter to a file with the certificate of this server' in said
        assert 'a-secret' not in said
        assert camera.requests == []


@pytest.mark.parametrize(('host', 'believed'), [('IP:127.0.0.1', True), ('DNS:pi', False)])
def test_one_that_is_signed_by_one_in_the_file_must_have_the_name_of_the_host(make, host,
                                                                               believed):
    authority = make('authority', 'us')
    signed = make('signed', 'pi', host, 'authority')
    with (raw_camera(stream, certificate=signed) as camera,
          capturing(source(camera.url(), tls_ca=authority[0])) as run):
        if believed:
            assert run.picture() in PICTURES
        else:
            run.wait_for_problem("'tls_ca' does not cover")
            assert camera.requests == []


def test_ffmpeg_looks_at_it_too_and_at_its_name(robot, certificate, tmp_path):
    path = tmp_path / 'film.mp4'
    videos.write(path, size=(320, 180))
    film = whole('200 OK', path.read_bytes(), 'video/mp4')
    with (raw_camera(lambda request, call: [film], certificate=certificate) as camera,
          capturing(source(camera.url('/film.mp4'), tls_ca=certificate[0])) as run):
        assert run.picture()
        assert len(camera.requests) > 1
    with (raw_camera(lambda request, call: [film], certificate=robot) as camera,
          capturing(source(camera.url('/film.mp4'), tls_ca=robot[0])) as run):
        run.wait_for_problem('cannot be played')
        assert len(camera.requests) == 1  # which was ours


def test_whoever_leads_from_https_to_http_is_not_followed(robot):
    with raw_camera(stream) as there:
        moved = whole('302 Found', b'', 'text/html', f'Location: {there.url("/stream")}')
        with (raw_camera(lambda request, call: [moved], certificate=robot) as camera,
              capturing(source(camera.url(), tls_ca=robot[0])) as run):
            run.wait_for_problem('redirects to an address without HTTPS')
            assert there.requests == []


@pytest.mark.parametrize(('content', 'why'), [
    (None, r'cannot be read \(No such file or directory\)'),
    (b'', 'has no certificates in it'), (b'\xff\x00' * 2000, 'has no certificates in it'),
    (b'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
     'has no certificates in it'),
    (b'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
     'has no certificates in it')])
def test_a_file_that_is_none_is_one_sentence(tmp_path, content, why):
    file = tmp_path / 'robot.pem'
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PermanentError, match=(
            rf"^parameter 'tls_ca': '{re.escape(str(file))}' {why}: set it to a file with the "
            r'certificate \(PEM\) of the server, such as its `certfile`$')):
        source('https://pi/stream.mjpg', tls_ca=str(file)).check()


@pytest.mark.parametrize('file', ['/', '/dev', '\0', '~nobody-here/x', 'x' * 5000])
def test_so_is_what_is_no_file(file):
    with pytest.raises(PermanentError, match=r"^parameter 'tls_ca': .* cannot be read"):
        source('https://pi/stream.mjpg', tls_ca=file).check()


def test_it_is_for_https_only(robot):
    with pytest.raises(PermanentError, match='is for addresses with https://, and not for http:'):
        source('http://pi/stream.mjpg', tls_ca=robot[0]).check()
    with pytest.raises(PermanentError, match="source 'v4l2' does not know the parameter 'tls_ca'"):
        from pi_camera_stream.sources.v4l2 import V4l2Source
        V4l2Source(SourceSettings('v4l2', tls_ca=robot[0]))
