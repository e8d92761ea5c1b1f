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

"""H.264 of a topic while somebody wants it: encoded by the bridge, or by the camera's node."""

import av
from support.processes import parameters, running, wait_until
from support.web import bridge, get, state


def decoded(response, pictures):
    """Return so many pictures of an endless byte stream."""
    context, found = av.CodecContext.create('h264', 'r'), []
    while len(found) < pictures:
        for packet in context.parse(response.read1()):
            found += context.decode(packet)
    return found


def test_a_player_gets_the_topic_as_h264_at_the_rate_that_was_set():
    with running('camera', *parameters(source='pattern', width=320, height=240)), \
            bridge(h264_bitrate=60_000) as program:
        with get(f'{program.url}stream.h264') as response:
            assert response.headers['Content-Type'] == 'video/h264'
            pictures = decoded(response, 60)
            assert {(one.width, one.height) for one in pictures} == {(320, 240)}
            stream = state(program.url)
            video, = stream['h264'].values()
            assert (video['encoder'], video['most_bits_per_s']) == ('libx264', 60_000)
            assert stream['viewers'][0]['codec'] == 'h264'
        wait_until(lambda: not state(program.url)['h264'])
        with get(f'{program.url}stream.h264?tier=h264_small') as response:
            assert decoded(response, 1)[0].width == 160


def test_what_the_cameras_node_encodes_is_handed_on(video_messages):
    with running('camera', *parameters(source='pattern', width=320, height=240)), \
            bridge() as program:
        with get(f'{program.url}stream.h264') as response:
            assert decoded(response, 30)[-1].width == 320
            stream = state(program.url)
            assert stream['h264']['h264']['encoder'] == 'source'
            assert stream['h264']['h264']['encoding_ms'] is None
            assert stream['viewers'][0]['age_ms'] > 0
            with get(f'{program.url}stream.h264?tier=h264_small') as small:
                assert decoded(small, 1)[0].width == 160
                assert state(program.url)['h264']['h264_small']['encoder'] == 'libx264'
        wait_until(lambda: not state(program.url)['h264'])


def test_what_comes_later_than_the_viewer_is_handed_on_too(video_messages):
    def encoder():
        return state(program.url)['h264'].get('h264', {}).get('encoder')

    with bridge() as program, get(f'{program.url}stream.h264'), \
            running('camera', *parameters(source='pattern', width=320, height=240)):
        wait_until(lambda: encoder() == 'source')
