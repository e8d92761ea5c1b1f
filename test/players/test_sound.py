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

"""What players hear of a microphone beside the pictures, by RTSP."""

from contextlib import contextmanager
from pathlib import Path
import shutil

import av
from benchmarks.common import networks
from benchmarks.common.sound_card import clicks, RATE, SoundCard
import numpy as np
import pytest
from support import playing, senders
from support.playing import decoded, output
from support.processes import running

SECONDS = 3
SECRET = 'correct-horse'


@pytest.fixture(autouse=True)
def _arecord(missing):
    if shutil.which('arecord') is None:
        missing('arecord (alsa-utils) is not installed')


@contextmanager
def a_card(tmp_path_factory):
    """Yield a card for one program: two that record from it would get half of the sound each."""
    made = SoundCard(tmp_path_factory.mktemp('card'), clicks())
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def serving(card, address, port, *arguments, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ALSA_CONFIG_PATH', card.environment['ALSA_CONFIG_PATH'])
        with running('serve', '--source', 'pattern', '--size', '320x240', '--fps', '15',
                     '--address', address, '--port', '0', '--rtsp-port', port, '--audio',
                     card.name, *arguments, **options) as program:
            program.url = program.wait_for(r'Open (\S+) in')[1]
            program.rtsp = f'rtsp://{address}:{port}/camera'
            yield program


@pytest.fixture(scope='module')
def program(tmp_path_factory):
    rtsp, push, rtp = (senders.free_port() for _ in range(3))
    with a_card(tmp_path_factory) as card, serving(card, '127.0.0.1', rtsp, '--outlets', (
            f'rtp://127.0.0.1:{rtp},rtsp://robot:{SECRET}@127.0.0.1:{push}/live')) as one:
        one.push = push
        yield one


@pytest.fixture
def url(program):
    return program.rtsp


def hear(frames):
    """Return when clicks were heard, in s of the stream, from some seconds of it."""
    heard, end_s = [], None
    for frame in frames:
        end_s = frame.time + SECONDS if end_s is None else end_s
        samples = abs(frame.to_ndarray().astype(np.float32)).max(axis=0)
        loud = np.flatnonzero(samples > 0.1)
        if len(loud) and (not heard or frame.time - heard[-1] > 0.1):
            heard.append(frame.time + loud[0] / RATE)
        if frame.time > end_s:
            return heard
    pytest.fail('sound has ended')


@pytest.mark.parametrize('way', ['tcp', 'udp'])
def test_pictures_and_sound_come_together(url, way):
    pictures, frames = [], []
    with av.open(url, options={'rtsp_transport': way}, timeout=30) as player:
        def sound():
            for packet in player.demux():
                if packet.stream.type == 'video':
                    pictures.append(packet.pts)
                else:
                    yield from packet.decode()

        frames = hear(sound())
    assert len(pictures) > SECONDS * 15 / 2
    assert len(frames) >= 2 * SECONDS - 2
    assert abs(np.diff(frames) - 0.5).max() < 0.02


def test_sound_alone_can_be_played(url):
    with av.open(url, options={'rtsp_transport': 'tcp', 'allowed_media_types': 'audio'},
                 timeout=30) as player:
        assert [stream.type for stream in player.streams] == ['audio']
        assert len(hear(player.decode(audio=0))) >= 2 * SECONDS - 2


def test_who_gets_rtp_hears_it(program):
    with av.open(f'{program.url}camera.sdp', options={
            'protocol_whitelist': 'http,tcp,udp,rtp'}, timeout=30) as player:
        assert sorted(stream.type for stream in player.streams) == ['audio', 'video']
        assert len(hear(player.decode(audio=0))) >= 2 * SECONDS - 2


def clicks_in(stream):
    """Return how many clicks are in some seconds of samples."""
    samples = np.frombuffer(stream.read(SECONDS * RATE * 4), np.float32)
    loud = np.flatnonzero(abs(samples) > 0.1)
    return 1 + np.count_nonzero(np.diff(loud) > RATE / 10) if len(loud) else 0


def test_a_media_server_is_given_it_and_pictures_alone_where_it_takes_no_sound(program):
    server = ('/usr/bin/python3', str(Path(playing.__file__).with_name('media_server.py')),
              str(program.push), 'robot', SECRET)
    with output(*server, 'sound') as sound:
        assert clicks_in(sound) >= 2 * SECONDS - 2
    pictures = decoded(*server)
    assert next(pictures).shape[:2] == (240, 320)
    pictures.close()
    program.wait_for('without sound')


def test_a_group_on_another_computer_hears_it(tmp_path_factory, missing):
    if reason := networks.unavailable():
        missing(reason)
    with networks.two_hosts() as (here, there), a_card(tmp_path_factory) as card, serving(
            card, networks.ADDRESSES[0], '8554', '--rtsp-multicast', 'true', prefix=here) as one, \
            output(*there, 'ffmpeg', '-v', 'error', '-rtsp_transport', 'udp_multicast',
                   '-analyzeduration', '500000', '-i',
                   one.rtsp, '-map', '0:a', '-f', 'f32le', '-ac', '1', '-') as sound:
        assert clicks_in(sound) >= 2 * SECONDS - 2
