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

"""Nodes that wait for a simulated clock go on, say so, and follow it when it comes."""

import urllib.error

from diagnostic_msgs.msg import DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger
from support import pictures
from support.guest import Camera
from support.processes import parameters, running, WAIT_S, wait_until
from support.repeating import Repeating
from support.web import get

PATTERN = {'source': 'pattern', 'width': 160, 'height': 120, 'fps': 20.0}


def test_without_a_clock_the_camera_publishes_and_says_what_is_missing(guest, tmp_path):
    images = guest.listen(CompressedImage, '/camera/image_raw/compressed')
    with running('camera', *parameters(**PATTERN, use_sim_time='true',
                                       snapshot_folder=tmp_path)) as camera:
        assert images.get(timeout=WAIT_S).header.stamp.sec == 0
        camera.wait_for("'use_sim_time' is true, but nobody publishes /clock")
        values = guest.diagnostics('/camera/camera: stream', lambda v: '/clock' in v['message'])
        assert values['level'] == DiagnosticStatus.WARN
        assert guest.call(Trigger, '/camera/camera/save_snapshot').success
        file, = tmp_path.iterdir()
        assert '_1970' not in file.name and '_1969' not in file.name
        clock = guest.node.create_publisher(Clock, '/clock', 1)
        message = Clock()
        message.clock.sec = 1000

        def follows():
            clock.publish(message)
            return images.get(timeout=WAIT_S).header.stamp.sec in (999, 1000)
        wait_until(follows)
    assert camera.output.count('nobody publishes /clock') == 1


class Sending(Repeating):
    """A camera that begins late."""

    def __init__(self, guest):
        self._camera = Camera(guest, '/late/image/compressed')

    def do(self):
        self._camera.send(pictures.jpeg())


def test_without_a_clock_the_bridge_finds_topics_and_shows_them(guest):
    with running('bridge', *parameters(port=0, address='127.0.0.1',
                                       use_sim_time='true')) as bridge:
        url = bridge.wait_for(r'at (http://\S+) ').group(1)
        bridge.wait_for("'use_sim_time' is true, but nobody publishes /clock")

        def shown():
            try:
                with get(f'{url}snapshot.jpg?topic=/late/image') as answer:
                    return answer.read() == pictures.jpeg()
            except urllib.error.HTTPError as answer:
                answer.close()
                assert answer.code in (404, 503)

        with Sending(guest):
            wait_until(shown)
