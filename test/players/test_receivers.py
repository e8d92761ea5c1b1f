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


"""Who waits for what we send, and the media server that we push to."""

from contextlib import contextmanager
import json
from pathlib import Path
import shutil
import subprocess

from benchmarks.common import networks
import pytest
from support import playing, senders, web
from support.playing import decoded, ffmpeg, gstreamer, pyav, see, SIZE
from support.processes import running, wait_until

SECRET, GROUP = 'correct-horse', '239.255.17.4'
RTP = ('application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96')
H264 = 'video/x-h264,stream-format=byte-stream'
SYSTEM_PYTHON = '/usr/bin/python3'  # whose packages those of Debian are
LOW_DELAY = ('-fflags', 'nobuffer', '-flags', 'low_delay', '-analyzeduration', '500000')


@contextmanager
def serving(address, outlets, **options):
    with running('serve', '--source', 'pattern', '--size', '{}x{}'.format(*SIZE), '--fps', '30',
                 '--address', address, '--port', '8080' if options else '0', '--outlets',
                 ','.join(outlets), **options) as program:
        program.url = program.wait_for(r'Open (\S+) in')[1]
        yield program


@pytest.fixture(scope='module')
def program():
    ports = [senders.free_port() for _ in range(4)]
    rtp, ts, tcp, rtsp = ports
    with serving('127.0.0.1', [
            f'rtp://127.0.0.1:{rtp}', f'udp://127.0.0.1:{ts}', f'tcp://127.0.0.1:{tcp}',
            f'rtsp://robot:{SECRET}@127.0.0.1:{rtsp}/live']) as one:
        one.rtp, one.ts, one.tcp, one.rtsp = ports
        yield one
        assert SECRET not in one.output


@pytest.fixture(autouse=True)
def _players(missing):
    for name in ('ffmpeg', 'gst-launch-1.0'):
        if shutil.which(name) is None:
            missing('the players are the Debian packages ffmpeg and '
                    'gstreamer1.0-{tools,plugins-good}')


def outlets(program):
    with web.get(f'{program.url}state') as answer:
        return json.load(answer)['outlets']


def rtp_by_gstreamer(*options, prefix=()):
    return gstreamer('udpsrc', *options, f'caps={RTP}', '!', 'rtph264depay', '!', H264,
                     prefix=prefix)


def test_rtp(program):
    sdp = f'{program.url}camera.sdp'
    see(ffmpeg(sdp, '-protocol_whitelist', 'http,tcp,udp,rtp', *LOW_DELAY))
    see(pyav(sdp, 'udp', protocol_whitelist='http,tcp,udp,rtp'))
    see(rtp_by_gstreamer(f'port={program.rtp}'))


def test_mpegts(program):
    url = f'udp://127.0.0.1:{program.ts}'
    see(ffmpeg(url, '-f', 'mpegts', *LOW_DELAY))
    see(pyav(url, 'udp', analyzeduration='500000', fflags='nobuffer'))


def test_who_is_called_by_tcp(program):
    see(ffmpeg(f'tcp://127.0.0.1:{program.tcp}?listen', '-f', 'h264', '-probesize', '32768',
               *LOW_DELAY))
    see(gstreamer('tcpserversrc', 'host=127.0.0.1', f'port={program.tcp}'))


def test_a_media_server_is_pushed_to_and_again_when_it_has_been_away(program, missing):
    needs = 'import gi; gi.require_version("GstRtspServer", "1.0")'
    if subprocess.run([SYSTEM_PYTHON, '-c', needs], stderr=subprocess.DEVNULL).returncode:
        missing('the media server is the Debian packages gir1.2-gst-rtsp-server-1.0 and '
                'python3-gi')
    for _ in range(2):
        see(decoded(SYSTEM_PYTHON, str(Path(playing.__file__).with_name('media_server.py')),
                    str(program.rtsp), 'robot', SECRET))
        wait_until(lambda: any(one['reason'] for one in outlets(program)
                               if one['kind'] == 'rtsp-push'))


def test_groups_from_one_computer_to_another(missing):
    if reason := networks.unavailable():
        missing(reason)
    here_address, there_address = networks.ADDRESSES[:2]
    sent = [f'rtp://{GROUP}:5004', f'udp://{GROUP}:5008']
    with networks.two_hosts() as (here, there), \
            serving(here_address, sent, prefix=here) as program:
        see(ffmpeg(f'http://{here_address}:8080/camera.sdp', '-protocol_whitelist',
                   'http,tcp,udp,rtp', '-localaddr', there_address, *LOW_DELAY, prefix=there))
        see(rtp_by_gstreamer('port=5004', f'multicast-group={GROUP}', prefix=there))
        see(ffmpeg(f'udp://{GROUP}:5008?localaddr={there_address}', '-f', 'mpegts', *LOW_DELAY,
                   prefix=there))
        program.wait_for('in a browser')
