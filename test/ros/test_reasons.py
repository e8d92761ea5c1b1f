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

"""Whoever waits for pictures is told why none is shown, wherever he looks."""

from pi_camera_stream import FrameSubscriber
import pytest
from rclpy.qos import qos_profile_sensor_data
from std_msgs.msg import String
from std_srvs.srv import SetBool
from support import pictures
from support.processes import parameters, running, wait_until
from support.publishing import compressed, raw, Repeater
from support.web import ask, bridge, get, state, topics

TOPIC = '/camera/image_raw/compressed'
PATTERN = parameters(source='pattern', width=320, height=240, fps=15)


def everywhere(guest, program, topic, reason, *states):
    """See that viewers, `/state`, a snapshot, `/diagnostics` and a program all tell the reason."""
    with get(f'{program.url}stream.mjpg?topic={topic}'), FrameSubscriber(topic) as frames:
        def told():
            frames.next_frame(0.2)
            there, here = state(program.url, topic)['signal'], frames.signal()
            return {there['state'], here.state} <= set(states) \
                and reason in there['reason'] and reason in here.reason
        wait_until(told)
        status, _, text = ask(program.port, f'/snapshot.jpg?topic={topic}')
        assert status == 503
        assert reason in text
        guest.diagnostics('http_bridge: bridge', lambda values: reason in values['message']
                          and f"no picture of '{topic}': " in values['message'])


def test_nobody_publishes_it(guest):
    with bridge() as program:
        everywhere(guest, program, TOPIC,
                   f"'{TOPIC}' has no publisher; topics with pictures: none", 'waiting')


def test_the_camera_says_why_it_sends_nothing(guest):
    with running('camera', *PATTERN) as camera, bridge() as program:
        camera.wait_for('publishing')
        guest.call(SetBool, '/camera/camera/set_capture', data=False)
        everywhere(guest, program, TOPIC,
                   f"'{TOPIC}' has a publisher, but it sends nothing; /camera/camera says: "
                   'the camera is off', 'waiting', 'silent')


@pytest.mark.parametrize(('message', 'reason'), [
    (compressed(pictures.jpeg()[:300]), 'it is not a whole JPEG'),
    (compressed(b'GIF89a' + bytes(100)), 'it is GIF data'),
    (raw(bytes(64 * 48), 'mono7', 64, 48), "the encoding 'mono7' is not supported"),
], ids=['half', 'format', 'encoding'])
def test_what_comes_and_cannot_be_shown_is_told_everywhere(guest, message, reason):
    with Repeater(guest, '/odd', message), bridge() as program:
        wait_until(lambda: '/odd' in topics(program.url))
        everywhere(guest, program, '/odd', reason, 'broken')


def test_the_consumer_tells_it_too(guest):
    guest.listen(String, '/camera/results')
    with running('consumer', *parameters(processor='edges')) as consumer:
        consumer.wait_for('running')
        guest.diagnostics('opencv_consumer: processing', lambda values: (
            f"'{TOPIC}' has no publisher" in values['message']))
        with Repeater(guest, TOPIC, compressed(b'GIF89a' + bytes(100))):
            guest.diagnostics('opencv_consumer: processing', lambda values: (
                'NOT SHOWN for' in values['message']))


def test_each_topic_with_trouble_has_a_line_of_its_own(guest):
    with Repeater(guest, '/one', compressed(b'GIF89a' + bytes(100))), \
            Repeater(guest, '/two', compressed(pictures.jpeg()[:300])), bridge() as program:
        for topic in ('/one', '/two'):
            wait_until(lambda topic=topic: topic in topics(program.url))
        with get(f'{program.url}stream.mjpg?topic=/one'), \
                get(f'{program.url}stream.mjpg?topic=/two'):
            program.wait_for(r"left out a picture of '/one': it is GIF data")
            program.wait_for(r"left out a picture of '/two': it is not a whole JPEG")


def test_a_topic_of_another_type_is_told(guest):
    publisher = guest.node.create_publisher(String, TOPIC, qos_profile_sensor_data)
    with bridge() as program:
        everywhere(guest, program, TOPIC, 'is of the type std_msgs/msg/String', 'waiting')
    guest.node.destroy_publisher(publisher)


def test_a_clock_that_nobody_publishes_is_told_though_pictures_come(guest):
    with running('camera', *PATTERN), \
            bridge(use_sim_time='true') as program, \
            get(f'{program.url}stream.mjpg'):
        def told():
            signal = state(program.url)['signal']
            return signal['state'] == 'shown' and 'nobody publishes /clock' in signal['reason']
        wait_until(told)
