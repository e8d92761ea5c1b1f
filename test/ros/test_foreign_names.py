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
"""Programs with names that ROS has none of are in the domain: nobody of ours minds."""

from itertools import islice
import json

from pi_camera_stream.client.frame_subscriber import FrameSubscriber
from pi_camera_stream.nodes.ros_session import RosSession
import pytest
from std_msgs.msg import String
from support import pictures
from support.foreign import running_foreign
from support.guest import Camera
from support.processes import parameters, Program, running, wait_until
from support.web import bridge, get, parts, state

LISTED = '/a__b'  # the only one of them that ROS can name


@pytest.fixture(autouse=True)
def _foreigners(cyclonedds):
    with running_foreign():
        yield


def test_the_bridge_shows_what_has_a_name(guest):
    camera, picture = Camera(guest, '/front'), pictures.jpeg()
    with bridge() as program:
        known = wait_until(lambda: {LISTED, '/front'} <= {*(topics := streams(program.url))}
                           and topics)
        assert [name for name in known if not name.replace('_', '').replace('/', '').isalnum()] \
            == []
        with get(f'{program.url}stream.mjpg?topic=/front&tier=full') as response:
            camera.send_until(picture, lambda: state(program.url, '/front')['viewers'][0][
                'frames_sent'])
            assert any(body == picture for _, body in islice(parts(response), 9))
        # What it cannot receive does not end it either.
        for name in ('/a__b', '/' + 'x' * 240):
            with get(f'{program.url}stream.mjpg?topic={name}') as response:
                next(parts(response))
        assert 'Traceback' not in program.output


def test_the_other_nodes_work(guest):
    guest.listen(String, '/camera/results')
    with running('consumer', *parameters(processor='edges')) as consumer, \
         running('camera', *parameters(source='pattern')):
        consumer.wait_for('running')
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: float(values['frames/s processed']) > 5)


def test_programs_get_their_pictures(guest):
    camera, picture = Camera(guest, '/front'), pictures.jpeg()
    with FrameSubscriber('/front') as frames:
        camera.send_until(picture, lambda: frames.counters()['received'])
        assert frames.next_frame().jpeg == picture


def test_who_looks_around_sees_the_others(guest):
    Camera(guest, '/front')
    with RosSession('looking') as session:
        session.watch_clocks()
        wait_until(lambda: {'/front', LISTED} <= {topic.name for topic in session.image_topics()})


def test_latency_is_measured(guest):
    with running('camera', *parameters(source='pattern')):
        program = Program('latency', '--seconds', 3)
        assert program.wait() == 0, program.output
        assert 'Traceback' not in program.output, program.output


def streams(url):
    """Return the topics that the bridge lists."""
    return [stream['topic'] for stream in json.load(get(f'{url}streams'))['streams']]
