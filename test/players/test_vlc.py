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

"""VLC of Debian, which has no RTSP: what is sent, and H.264 by TCP."""

from contextlib import contextmanager
from pathlib import Path
import shutil
import subprocess
import tempfile

import cv2
from pi_camera_stream.core import block_code
import pytest
from support import senders
from support.playing import SIZE
from support.processes import running, wait_until

COUNT, EVERY = 6, 5  # pictures, each so many
USER = 'nobody'  # it refuses root


@pytest.fixture(autouse=True)
def _vlc(missing):
    for program, package in (('cvlc', 'vlc-bin and vlc-plugin-base'), ('runuser', 'util-linux')):
        if shutil.which(program) is None:
            missing(f'{program} is in the Debian packages {package}')


@contextmanager
def vlc(*words):
    """Play; yield the folder for pictures of what it shows."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, USER)
        process = subprocess.Popen(
            ['runuser', '-u', USER, '--', 'env', f'HOME={folder}', 'cvlc', '--intf=dummy',
             '--no-audio', '--network-caching=100', '--vout=dummy', '--video-filter=scene',
             '--scene-format=png', f'--scene-ratio={EVERY}', '--scene-prefix=scene',
             f'--scene-path={folder}', *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Path(folder)
        finally:
            process.terminate()
            process.wait()


def shown(folder):
    """Return the numbers of the pictures that it has shown, and that can be read."""
    codes = [block_code.read(cv2.imread(str(path))) for path in sorted(folder.glob('*.png'))]
    return [code.number for code in codes if code is not None]


def test_vlc_plays_what_is_sent_and_what_says_nothing():
    rtp, ts, tcp = (senders.free_port() for _ in range(3))
    with running('serve', '--source', 'pattern', '--size', '{}x{}'.format(*SIZE), '--fps', '30',
                 '--address', '127.0.0.1', '--port', '0', '--outlets',
                 f'rtp://127.0.0.1:{rtp},udp://127.0.0.1:{ts},tcp://:{tcp}') as program:
        url = program.wait_for(r'Open (\S+) in')[1]
        for words in ((f'udp://@:{ts}',), ('--demux=avformat', f'{url}camera.sdp'),
                      ('--demux=h264', f'tcp://127.0.0.1:{tcp}')):
            with vlc(*words) as folder:
                wait_until(lambda folder=folder: len(set(shown(folder))) >= COUNT)
                numbers = shown(folder)
            assert numbers == sorted(numbers), words
