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

"""The bridge hands on the H.264 of a topic, and encodes where there is none."""

from support.processes import parameters, running, wait_until
from support.web import bridge, get, state

SMALL = {'source': 'pattern', 'width': 640, 'height': 360, 'fps': 15}


def encoder(program):
    return state(program.url)['h264'].get('h264', {}).get('encoder')


def test_it_hands_on_what_the_camera_publishes(guest, video_messages):
    with running('camera', *parameters(**SMALL)), bridge() as program, \
            get(f'{program.url}stream.mjpg') as pictures:
        pictures.read(10_000)  # before that, the bridge may not know yet that there is some
        with get(f'{program.url}stream.h264') as video:
            assert video.read(5) == b'\0\0\0\1\x67'
            wait_until(lambda: encoder(program) == 'source')
            guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'libx264')
            assert state(program.url)['h264']['h264']['width'] == 640
        guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'not used')


def test_it_encodes_where_nobody_does():
    with running('camera', *parameters(**SMALL)), bridge() as program, \
            get(f'{program.url}stream.h264') as video:
        assert video.read(5) == b'\0\0\0\1\x67'
        wait_until(lambda: encoder(program) == 'libx264')
