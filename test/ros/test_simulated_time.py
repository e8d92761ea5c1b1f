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

import json
import time
import urllib.error

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from std_srvs.srv import Trigger
from support import pictures
from support.guest import Camera
from support.processes import parameters, running, WAIT_S, wait_until
from support.repeating import Repeating
from support.web import bridge, get, state

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


class Playing(Repeating):
    """What `ros2 bag play --clock --loop` sends of a bag that was recorded years ago."""

    period_s = 1 / 40  # as it has it
    SECONDS, AGE_NS = 1.5, 20_000_000

    def __init__(self, guest):
        self._camera = Camera(guest, '/camera/image_raw/compressed')
        self._clock = guest.node.create_publisher(Clock, '/clock', 1)
        self._began_s = time.monotonic()
        self.laps = 0

    def do(self):
        self.laps, now_s = divmod(time.monotonic() - self._began_s, self.SECONDS)
        now_ns = 1_600_000_000 * 10**9 + int(now_s * 1e9)
        self._clock.publish(Clock(clock=Time(**_split(now_ns))))
        self._camera.send(pictures.jpeg(), Time(**_split(now_ns - self.AGE_NS)))


def _split(time_ns):
    seconds, nanoseconds = divmod(time_ns, 10**9)
    return {'sec': seconds, 'nanosec': nanoseconds}


def test_pictures_of_an_old_bag_have_the_age_that_they_had(guest):
    results = guest.listen(String, '/camera/results')
    with Playing(guest) as player, bridge(use_sim_time='true') as server, \
            running('consumer', *parameters(use_sim_time='true', processor='edges')), \
            get(f'{server.url}stream.mjpg') as film:

        def sane():
            film.read(20_000)
            return all(map(_is_sane, (state(server.url)['age_ms'], json.loads(
                results.get(timeout=WAIT_S).data)['age_ms'])))

        wait_until(sane)
        laps = player.laps
        wait_until(lambda: film.read(20_000) and player.laps > laps + 1)
        while not results.empty():
            results.get()
        wait_until(sane)  # though the clock has gone back


def _is_sane(age_ms):
    """Return whether it is neither years, nor less than nothing by more than the clock's step."""
    return age_ms is not None and -50 < age_ms < 10_000
