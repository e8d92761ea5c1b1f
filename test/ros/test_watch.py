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

from support import pictures
from support.guest import Camera
from support.processes import Program

TOPIC = '/camera/image_raw/compressed'


def test_a_topic_is_watched_with_its_age(guest):
    program = Program('watch', TOPIC, '--json')
    Camera(guest).send_until(pictures.jpeg(160, 120, 1), lambda: program.output.count('{') > 1)
    assert program.stop() == 130
    told = json.loads(program.wait_for(r'.*}(?=\n*$)')[0])
    assert (told['width'], told['height'], told['stream']) == (160, 120, 'JPEG over ROS')
    assert told['pictures'] > 0
    assert told['bits_per_s'] > 0
    assert told['age_ms'] >= 0


def test_a_topic_without_publisher():
    program = Program('watch', '/nothing', '--seconds', 4)
    assert program.wait() == 1
    assert 'no publisher' in program.output.splitlines()[-1]
