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

import subprocess
import sys

from pi_camera_stream.client.clock_service import ClockService, RemoteClock
import pytest
from std_srvs.srv import Trigger
from support import pictures
from support.guest import Camera, Guest
from support.processes import WAIT_S, wait_until

BAD = ('', 'x', 'null', '[]', '{}', '{"machine": 5, "arrived": 1, "answered": 2}',
       *(f'{{"machine": "m", "arrived": {bad}, "answered": 2}}' for bad in (
           '1e400', '1' * 400, '1' * 5000, 'NaN', 'true', '"1"', '[1]', str(2**64))),
       '[' * 100_000, '{"machine":' * 100_000, '{"machine": "' + 'x' * 1_000_000 + '"}')
# As a user's; it ends when it is told to.
PROGRAM = """
import pi_camera_stream
with pi_camera_stream.FrameSubscriber('/camera/image_raw/compressed') as frames:
    print('ready', flush=True)
    for frame in frames:
        assert abs(frame.age_s) < 1e6
        if input() == 'end':
            break
"""


@pytest.fixture
def teller():
    guest = Guest('teller')
    yield guest
    guest.close()


def test_a_clock_that_is_asked_seldom_is_known_at_once(guest, teller):
    clock = RemoteClock(guest.node, '/teller', period_s=3600.0)
    assert clock.offset() is None
    ClockService(teller.node)
    wait_until(lambda: clock.offset() is not None)
    assert clock.machine
    clock.close()


def test_bad_answers_end_no_program(guest):
    camera, picture, answered = Camera(guest), pictures.jpeg(), []

    def answer(_request, response):
        response.success, response.message = True, BAD[len(answered) % len(BAD)]
        answered.append(response.message)
        return response

    guest.node.create_service(Trigger, '/guest/read_clock', answer)
    program = subprocess.Popen([sys.executable, '-c', PROGRAM], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert program.stdout.readline() == 'ready\n'

        def heard_all():
            camera.send(picture)
            return len(answered) >= 2 * len(BAD) or program.poll() is not None
        wait_until(heard_all)
        assert program.poll() is None, program.stdout.read()
        program.stdin.write('end\n')
        program.stdin.flush()
        camera.send_until(picture, lambda: program.poll() is not None)
        assert program.wait(WAIT_S) == 0, program.stdout.read()
    finally:
        program.kill()
        program.wait()
        program.stdin.close()
        program.stdout.close()
