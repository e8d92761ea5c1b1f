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
import threading
import time

import cv2
import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.core import block_code
import pytest
from rclpy.time import Time
from std_msgs.msg import String
from std_srvs.srv import Trigger
from support.guest import Camera, Guest
from support.processes import parameters, Program, running, wait_until
from support.repeating import Repeating

TOPIC = '/camera/image_raw/compressed'
FRAME_MS = 1000 / 30


def measure(*arguments):
    """Run the tool; return what it tells as JSON."""
    program = Program('latency', '--json', '--seconds', 2, *arguments)
    assert program.wait() == 0, program.output
    return json.loads(program.output[program.output.index('{'):])


def hop(result, begin, end, route=None):
    found, = (hop for hop in result['hops']
              if (hop['from'], hop['to'], hop['route']) == (begin, end, route))
    return found


class OddCamera(Repeating):
    """
    A camera on a machine whose clock is ahead by `ahead_s`.

    Its pictures say by their pixels when they were drawn, its stamps that this was `older_s` ago.
    """

    period_s = FRAME_MS / 1e3

    def __init__(self, ahead_s=0.0, older_s=0.0):
        self.guest = Guest('camera')
        self.ahead_ns, self.older_ns = round(ahead_s * 1e9), round(older_s * 1e9)
        self._camera = Camera(self.guest)
        self._trace = self.guest.node.create_publisher(String, '~/trace', 100)
        self.guest.node.create_service(Trigger, '~/read_clock', self._read_clock)
        self._number = 0

    def close(self):
        self.guest.close()

    def _now_ns(self):
        return time.time_ns() + self.ahead_ns

    def _read_clock(self, _request, response):
        now_ns = self._now_ns()
        response.success = True
        response.message = json.dumps(
            {'machine': 'another', 'arrived': now_ns, 'answered': self._now_ns()})
        return response

    def do(self):
        self._number += 1
        drawn_ns = self._now_ns()
        image = np.zeros((180, 320, 3), np.uint8)
        block_code.draw(image, block_code.BlockCode(self._number, drawn_ns // 1000))
        jpeg = cv2.imencode('.jpg', image)[1].tobytes()
        stamp_ns = drawn_ns - self.older_ns
        self._trace.publish(String(data=json.dumps({
            'topic': TOPIC, 'stamp': stamp_ns, 'published': self._now_ns()})))
        self._camera.send(jpeg, Time(nanoseconds=stamp_ns).to_msg())


def test_every_hop_from_the_camera_to_each_receiver_is_measured():
    with running('camera', *parameters(source='pattern')), \
            running('consumer', *parameters(processor='edges')), \
            FrameSubscriber(TOPIC) as frames:
        done = threading.Event()
        thread = threading.Thread(target=lambda: [0 for _ in frames if done.is_set()])
        thread.start()
        result = measure()
        done.set()
        frames.close()
        thread.join()
    assert result['topic'] == TOPIC
    assert result['frames'] > 5
    total = hop(result, 'capture', 'decoded', 'this program')
    parts = [hop(result, 'capture', 'published'),
             hop(result, 'published', 'received', 'this program'),
             hop(result, 'received', 'decoded', 'this program')]
    for part in [*parts, total]:
        assert 0 <= part['median_ms'] <= part['p95_ms'] <= part['p99_ms'] <= part['max_ms']
        assert part['uncertainty_ms'] == 0
        assert part['count'] > 5
    assert total['max_ms'] <= sum(part['max_ms'] for part in parts) + 0.01
    consumer = '/camera/opencv_consumer'
    assert hop(result, 'decoded', 'processed', consumer)['median_ms'] > 0
    assert hop(result, 'capture', 'processed', consumer)['median_ms'] > hop(
        result, 'published', 'received', consumer)['median_ms']
    assert any(hop['route'].startswith('/frame_subscriber') for hop in result['hops']
               if hop['route'])
    assert result['warnings'] == []
    assert set(result['clocks'].values()) == {'the clock of this machine'}


def test_the_age_that_is_claimed_is_the_age_that_the_pixels_show():
    with running('camera', *parameters(source='pattern')):
        result = measure()
    assert abs(result['claimed_minus_pixels_ms']) < FRAME_MS
    assert abs(result['pixels']['median_ms'] - hop(
        result, 'capture', 'decoded', 'this program')['median_ms']) < FRAME_MS


def test_a_stamp_that_is_wrong_is_found_out():
    with OddCamera(older_s=0.2):
        assert measure()['claimed_minus_pixels_ms'] == pytest.approx(200, abs=1)


@pytest.mark.parametrize('ahead_s', [3600.0, -3600.0])
def test_the_clock_of_another_machine_is_taken_into_account(ahead_s):
    with OddCamera(ahead_s=ahead_s):
        result = measure()
    total = hop(result, 'capture', 'decoded', 'this program')
    doubt_ms = total['uncertainty_ms']
    assert 0 < doubt_ms < 60_000
    told_ms = float(result['clocks']['/camera'].split()[0])
    assert told_ms == pytest.approx(ahead_s * 1e3, abs=doubt_ms + 0.01)
    # It is known no better than that: a smaller value is not told.
    assert total['median_ms'] is None or -doubt_ms <= total['median_ms'] < 60_000
    assert hop(result, 'capture', 'published')['uncertainty_ms'] == 0


def test_a_table_for_people_and_a_plot(tmp_path):
    plot = tmp_path / 'latency.png'
    with running('camera', *parameters(source='pattern')):
        program = Program('latency', '--seconds', 1, '--plot', plot)
        assert program.wait() == 0, program.output
    program.wait_for(r'= capture -> decoded +\d')
    program.wait_for('/camera/camera: the clock of this machine')
    assert plot.read_bytes().startswith(b'\x89PNG')


def test_a_camera_that_tells_nothing_about_its_clock(guest):
    camera = Camera(guest)
    jpeg = cv2.imencode('.jpg', np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    program = Program('latency', '--seconds', 1)
    camera.send_until(jpeg, lambda: program.process.poll() is not None)
    assert program.wait() == 0, program.output
    program.wait_for("the clock of '/guest' is unknown")


def test_a_topic_that_does_not_exist_is_waited_for():
    with running('camera', *parameters(source='pattern')):
        program = Program('latency', '/nothing', '--seconds', 1)
        program.wait_for(f"no picture yet from '/nothing', which has 0 publishers.*{TOPIC}")
        assert program.stop() == 130
        assert 'Traceback' not in program.output


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (('--seconds', '0'), '--seconds must be 1 to 600'),
    (('a b',), 'not a valid topic name'),
    (('--plot', 'x.bmp'), 'must end with .png'),
    (('--plot', '/nowhere/x.png'), 'there is no folder')])
def test_bad_arguments_get_one_sentence(arguments, sentence):
    program = Program('latency', *arguments)
    assert program.wait() == 2
    assert sentence in program.output
    assert 'Traceback' not in program.output


@pytest.mark.parametrize('ahead_s', [3600.0, -3600.0])
def test_a_program_knows_the_age_by_the_clock_of_the_camera(ahead_s):
    with OddCamera(ahead_s=ahead_s), FrameSubscriber(TOPIC) as frames:
        age_s = wait_until(lambda: (frame := frames.next_frame(1.0)) is not None
                           and abs(frame.age_s) < 60 and frame.age_s)
        assert age_s > -1


@pytest.mark.parametrize(('ahead_s', 'words', 'code'), [
    (60.0, 'BROKEN the clock of /camera is ahead of ours by', 1),
    (-60.0, 'BROKEN the clock of /camera is behind ours by', 1),
    (0.0, 'the clock of /camera agrees with ours', None)])
def test_the_doctor_finds_a_clock_that_is_wrong(ahead_s, words, code):
    with OddCamera(ahead_s=ahead_s):
        program = Program('doctor')
        found = program.wait()
    assert words in program.output
    assert code in (None, found)
