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
import time

import av
from diagnostic_msgs.msg import DiagnosticStatus
from pi_camera_stream.client.qos import reliable_qos
from std_msgs.msg import String
from std_srvs.srv import SetBool
from support import pictures
from support.guest import Camera
from support.processes import parameters, running

SERVICE, STATUS = '/camera/http_bridge/record', 'http_bridge: recording'
JPEG = pictures.jpeg()


def found(*detections):
    now_ns = time.time_ns()
    return String(data=json.dumps({
        'stamp': {'sec': now_ns // 10**9, 'nanosec': now_ns % 10**9},
        'results': [{'processor': 'motion', 'detections': list(detections), 'values': {}}]}))


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


def test_what_moves_begins_it_and_a_folder_that_cannot_be_is_said(guest, tmp_path):
    camera, folder = Camera(guest), tmp_path / 'disk' / 'films'
    results = guest.node.create_publisher(String, '/camera/results', reliable_qos(1))
    with running('bridge', *parameters(port=0, address='127.0.0.1', record_folder=folder,
                                       record='motion')):
        guest.diagnostics(STATUS, lambda values: values['message'] ==
                          'waiting for something to move' and results.get_subscription_count())
        moving = found({'label': 'moving', 'x': 0, 'y': 0, 'width': 9, 'height': 9})

        def told(values):
            results.publish(moving)
            camera.send(JPEG)
            return values['recording'] == 'True' and values['level'] == DiagnosticStatus.ERROR

        assert 'there is no folder' in guest.diagnostics(STATUS, told)['message']
        folder.parent.mkdir()
        camera.send_until(JPEG, lambda: results.publish(moving) or list(folder.glob('*.mkv')))
        film, = folder.glob('*.mkv')
        camera.send_until(JPEG, lambda: results.publish(moving) or
                          '"found"' in film.with_suffix('.jsonl').read_text())
