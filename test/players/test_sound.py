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

import shutil

import av
from benchmarks.common.sound_card import clicks, RATE, SoundCard
import numpy as np
import pytest
from support import senders
from support.processes import running

SECONDS = 3


@pytest.fixture(autouse=True)
def _arecord(missing):
    if shutil.which('arecord') is None:
        missing('arecord (alsa-utils) is not installed')


@pytest.fixture(scope='module')
def card(tmp_path_factory):
    made = SoundCard(tmp_path_factory.mktemp('card'), clicks())
    yield made
    made.stop()


@pytest.fixture(scope='module')
def url(card):
    port = senders.free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ALSA_CONFIG_PATH', card.environment['ALSA_CONFIG_PATH'])
        with running('serve', '--source', 'pattern', '--size', '320x240', '--fps', '15',
                     '--address', '127.0.0.1', '--port', '0', '--rtsp-port', port, '--audio',
                     card.name) as program:
            program.wait_for('Open')
            yield f'rtsp://127.0.0.1:{port}/camera'


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


def test_sound_alone_can_be_played(url, card):
    with av.open(url, options={'rtsp_transport': 'tcp', 'allowed_media_types': 'audio'},
                 timeout=30) as player:
        assert [stream.type for stream in player.streams] == ['audio']
        assert len(hear(player.decode(audio=0))) >= 2 * SECONDS - 2
