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

import json
import math
import time

import av
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped, Vector3
from pi_camera_stream.client.qos import reliable_qos
from pi_camera_stream.nodes.bridge import other_driving
from pi_camera_stream.nodes.bridge.other_driving import OtherDriving
from std_msgs.msg import String
from std_srvs.srv import SetBool
from support import pictures
from support.guest import Camera
from support.processes import parameters, running, wait_until

BRIDGE = '/camera/http_bridge'
SERVICE, STATUS = '/camera/http_bridge/record', 'http_bridge: recording'
JPEG = pictures.jpeg()


MOVING = {'label': 'moving', 'x': 0, 'y': 0, 'width': 9, 'height': 9}


def found(picture):
    """Return what a consumer says of a picture in which something moves."""
    stamp = picture.header.stamp
    return String(data=json.dumps({
        'stamp': {'sec': stamp.sec, 'nanosec': stamp.nanosec},
        'results': [{'processor': 'motion', 'detections': [MOVING], 'values': {}}]}))


def test_the_service_begins_and_ends_it(guest, tmp_path):
    camera, folder = Camera(guest), tmp_path / 'films'
    with running('bridge', *parameters(port=0, address='127.0.0.1', record_folder=folder)):
        assert guest.diagnostics(STATUS)['message'] == 'not recording'
        assert not camera.subscribers
        answer = guest.call(SetBool, SERVICE, data=True)
        assert (answer.success, answer.message) == (True, f"recording into '{folder}'")
        camera.send_until(JPEG, lambda: any(path.read_text().count('picture') > 2
                                            for path in folder.glob('*.jsonl')))
        values = guest.diagnostics(STATUS, lambda values: values['file'])
        assert values['level'] == DiagnosticStatus.OK
        assert values['message'] == f"recording {values['file']}"
        assert guest.call(SetBool, SERVICE, data=False).message == 'not recording'
        guest.diagnostics(STATUS, lambda values: not values['file'])
        with av.open(str(folder / values['file'])) as film:
            assert next(film.decode(video=0)).width == 64
            assert film.duration is not None
        assert guest.set_parameter(BRIDGE, 'record', 'always').successful
        camera.send_until(JPEG, lambda: len(list(folder.glob('*.mkv'))) == 2)
        refused = guest.set_parameter(BRIDGE, 'record', 'sometimes')
        assert 'off, ready, motion or always' in refused.reason
        assert guest.set_parameter(BRIDGE, 'record', 'off').successful
        guest.diagnostics(STATUS, lambda values: values['mode'] == 'off' and not values['file'])


def test_without_a_folder_it_cannot_be_set(guest):
    with running('bridge', *parameters(port=0, address='127.0.0.1')):
        refused = guest.set_parameter(BRIDGE, 'record', 'motion')
        assert not refused.successful
        assert refused.reason.endswith("start this node with 'record_folder'")
        assert guest.get_parameters(BRIDGE, 'record') == ['off']
        assert guest.set_parameter(BRIDGE, 'record', 'off').successful


def test_what_moves_begins_it_and_a_folder_that_cannot_be_is_said(guest, tmp_path):
    camera, folder = Camera(guest), tmp_path / 'disk' / 'films'
    results = guest.node.create_publisher(String, '/camera/results', reliable_qos(1))
    with running('bridge', *parameters(port=0, address='127.0.0.1', record_folder=folder,
                                       record='motion')):
        guest.diagnostics(STATUS, lambda values: values['message'] ==
                          'waiting for something to move' and results.get_subscription_count())

        def move():
            results.publish(found(camera.send(JPEG)))

        def told(values):
            move()
            return values['recording'] == 'True' and values['level'] == DiagnosticStatus.ERROR

        assert 'there is no folder' in guest.diagnostics(STATUS, told)['message']
        folder.parent.mkdir()
        wait_until(lambda: move() or list(folder.glob('*.mkv')))
        film, = folder.glob('*.mkv')
        wait_until(lambda: move() or '"found"' in film.with_suffix('.jsonl').read_text())


def driven(folder):
    """Return what is written of it so far, in all files."""
    lines = [json.loads(line) for path in folder.glob('*.jsonl')
             for line in path.read_text().split('\n')[:-1]]
    return [line for line in lines if line['type'] == 'driven']


def test_what_others_drive_with_is_in_it_with_its_stamps(guest, another_guest, tmp_path):
    """Neither type is known before, and both nodes publish as others' do."""
    camera, folder = Camera(guest), tmp_path / 'films'
    joystick = guest.node.create_publisher(Twist, '/cmd_vel', 10)
    with running('bridge', *parameters(port=0, address='127.0.0.1', record_folder=folder),
                 '-r', 'cmd_vel:=/cmd_vel'):
        guest.diagnostics(STATUS)
        assert not joystick.get_subscription_count()
        guest.call(SetBool, SERVICE, data=True)

        def plain():
            joystick.publish(Twist(linear=Vector3(x=math.nan)))
            joystick.publish(Twist(linear=Vector3(x=0.5, y=-0.25), angular=Vector3(z=1.5)))
            return driven(folder)

        camera.send_until(JPEG, plain)
        line = driven(folder)[0]
        assert 0 <= time.time_ns() - line.pop('stamp_ns') < 60e9
        assert line == {'type': 'driven', 'from': 'topic', 'linear': 0.5, 'lateral': -0.25,
                        'angular': 1.5}
        guest.node.destroy_publisher(joystick)
        planner = another_guest.node.create_publisher(TwistStamped, '/cmd_vel', 10)
        message = TwistStamped()
        message.header.stamp.sec, message.twist.linear.x = 1_700_000_000, 0.75

        def stamped():
            planner.publish(message)
            return driven(folder)[-1]['linear'] == 0.75

        camera.send_until(JPEG, stamped)
        assert driven(folder)[-1]['stamp_ns'] == 1_700_000_000 * 10**9
        guest.call(SetBool, SERVICE, data=False)
        wait_until(lambda: not planner.get_subscription_count())


def test_a_flood_of_commands_does_not_fill_the_card(guest, monkeypatch):
    others, heard = OtherDriving(guest.node), []
    others.on_driven = heard.append
    monkeypatch.setattr(other_driving.time, 'monotonic', lambda: 7.0)
    for _ in range(1000):
        others.hear(Twist())
    assert len(heard) == 200
