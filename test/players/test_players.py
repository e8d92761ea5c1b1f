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

"""What people watch with, and what we hand to it."""

from contextlib import contextmanager
import json
import shutil

import av
from benchmarks.common import networks
import pytest
from support import senders, web
from support.playing import COUNT, ffmpeg, gstreamer, opencv, pyav, rtspsrc, see, SIZE
from support.processes import running, wait_until

TOKEN = 'correct-horse-battery'
WAYS = ('tcp', 'udp')


@contextmanager
def serving(*words):
    """Serve the test pattern; the program has the attributes `url` and `rtsp_port`."""
    port, raw_port = senders.free_port(), senders.free_port()
    with running('serve', '--source', 'pattern', '--size', '{}x{}'.format(*SIZE), '--fps', '30',
                 '--address', '127.0.0.1', '--port', '0', '--rtsp-port', port, '--outlets',
                 f'tcp://:{raw_port}', '--outlets-insecure', 'true', *words) as program:
        program.raw_url = f'tcp://127.0.0.1:{raw_port}'
        program.rtsp_port, program.url = port, program.wait_for(r'Open (\S+) in')[1]
        yield program


@pytest.fixture(scope='module')
def program():
    with serving() as one:
        yield one


@pytest.fixture(scope='module')
def guarded():
    with serving('--access-token', TOKEN) as one:
        yield one


def rtsp_url(program, login='', query=''):
    return f'rtsp://{login}127.0.0.1:{program.rtsp_port}/camera{query}'


@pytest.fixture
def _ffmpeg(missing):
    if shutil.which('ffmpeg') is None:
        missing('the player is the Debian package ffmpeg')


@pytest.fixture
def _gstreamer(missing):
    if shutil.which('gst-launch-1.0') is None:
        missing('the player is the Debian packages gstreamer1.0-{tools,plugins-good}')


@pytest.mark.usefixtures('_ffmpeg')
@pytest.mark.parametrize('options', [(), ('-fflags', 'nobuffer', '-flags', 'low_delay')])
@pytest.mark.parametrize('way', WAYS)
def test_ffmpeg_plays(program, way, options):
    see(ffmpeg(rtsp_url(program), '-rtsp_transport', way, *options))


@pytest.mark.usefixtures('_gstreamer')
@pytest.mark.parametrize('way', WAYS)
def test_gstreamer_plays(program, way):
    see(rtspsrc(rtsp_url(program), way))


@pytest.mark.parametrize('way', WAYS)
def test_opencv_plays(program, way, monkeypatch):
    monkeypatch.setenv('OPENCV_FFMPEG_CAPTURE_OPTIONS', f'rtsp_transport;{way}')
    see(opencv(rtsp_url(program)))


@pytest.mark.parametrize('way', WAYS)
def test_pyav_plays(program, way):
    see(pyav(rtsp_url(program), way, fflags='nobuffer', flags='low_delay'))


@pytest.mark.usefixtures('_ffmpeg', '_gstreamer')
@pytest.mark.parametrize('way', WAYS)
def test_players_know_how_to_prove_that_they_know_the_token(guarded, way, monkeypatch):
    monkeypatch.setenv('OPENCV_FFMPEG_CAPTURE_OPTIONS', f'rtsp_transport;{way}')
    url = rtsp_url(guarded, f'anybody:{TOKEN}@')
    for pictures in (ffmpeg(url, '-rtsp_transport', way), rtspsrc(url, way), opencv(url),
                     pyav(url, way)):
        see(pictures)
    with pytest.raises(av.error.HTTPUnauthorizedError):
        next(pyav(rtsp_url(guarded), way))
    assert TOKEN not in guarded.output


@pytest.mark.usefixtures('_ffmpeg', '_gstreamer')
def test_the_smaller_rendition_is_played_by_who_asks_for_it(program):
    url, half = rtsp_url(program, query='?tier=h264_small'), (SIZE[0] // 2, SIZE[1] // 2)
    see(ffmpeg(url, '-rtsp_transport', 'tcp', size=half), half)
    see(rtspsrc(url, 'udp'), half)
    see(pyav(url, 'udp'), half)
    with pytest.raises(av.error.HTTPBadRequestError):
        next(pyav(rtsp_url(program, query='?tier=full'), 'tcp'))


@pytest.mark.usefixtures('_ffmpeg', '_gstreamer')
def test_who_reads_raw_tcp_plays(program):
    host, _, port = program.raw_url.removeprefix('tcp://').partition(':')
    for pictures in (ffmpeg(program.raw_url, '-f', 'h264'), pyav(program.raw_url, ''),
                     gstreamer('tcpclientsrc', f'host={host}', f'port={port}')):
        see(pictures)


@pytest.mark.usefixtures('_ffmpeg', '_gstreamer')
def test_from_one_computer_to_another_also_by_multicast(missing):
    if reason := networks.unavailable():
        missing(reason)
    address = networks.ADDRESSES[0]
    url = f'rtsp://{address}:8554/camera'
    with networks.two_hosts() as (here, there), running(
            'serve', '--source', 'pattern', '--size', '{}x{}'.format(*SIZE), '--fps', '30',
            '--address', address, '--rtsp-port', '8554', '--rtsp-multicast', 'true',
            prefix=here) as program:
        program.wait_for('in a browser')
        for way in ('udp_multicast', *WAYS):
            see(ffmpeg(url, '-rtsp_transport', way, prefix=there))
        for way in ('udp-mcast', *WAYS):
            see(rtspsrc(url, way, there))


def test_nothing_is_encoded_once_they_have_gone(program):
    def state():
        with web.get(f'{program.url}state') as answer:
            return json.load(answer)
    see(pyav(rtsp_url(program), 'tcp'))
    wait_until(lambda: state()['viewers'] == 0)
    wait_until(lambda: state()['streams'][0]['h264'] == {})
    assert state()['outlets'][0]['frames_sent'] >= COUNT
