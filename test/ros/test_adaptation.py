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
import queue
import time

from benchmarks.common import networks
import cv2
import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.codecs.jpeg import read_header
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import String
from support.guest import best_effort, stamp
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.repeating import Repeating

TOPIC = '/camera/image_raw/compressed'
REPORTS = '/camera/image_raw/reception'
PATTERN = {'source': 'pattern', 'width': 640, 'height': 360}


class Receiver(Repeating):
    """Reports what it likes, as one behind a link would; the pictures come to the test's queue."""

    period_s = 0.1

    def __init__(self, guest, network='another'):
        self.images = guest.listen(CompressedImage, TOPIC)
        self.infos = guest.listen(CameraInfo, '/camera/camera_info')
        self.publisher = guest.node.create_publisher(String, REPORTS, best_effort())
        self.network = network
        self.loses = False
        self.last_stamp_ns = 0

    def do(self):
        frames = []
        while not self.images.empty():
            frames.append(self.images.get())
        if self.loses:
            frames = []
        if frames:
            self.newest = frames[-1]
            self.last_stamp_ns = round(stamp(self.newest) * 1e9) + 500
        self.publisher.publish(String(data=json.dumps({
            'receiver': 'x', 'network': self.network, 'last_stamp_ns': self.last_stamp_ns,
            'frames': len(frames), 'size_bytes': sum(len(f.data) for f in frames),
            'delay_ns': 10**12})))


def allowed(guest, condition):
    """Wait until the camera's diagnostics fulfil it; return them."""
    return guest.diagnostics('/camera/camera: stream', condition)


def test_a_receiver_that_gets_nothing_gets_less_and_more_when_it_is_well(guest):
    with running('camera', *parameters(**PATTERN, adaptive_floor=1000000)):
        with Receiver(guest) as receiver:
            wait_until(lambda: receiver.last_stamp_ns)
            full = allowed(guest, lambda v: v['made smaller'] == 'no')
            assert full['receivers that report over a link'] == '1'
            receiver.loses = True
            allowed(guest, lambda v: 'of the size' in v['made smaller']
                    and v['bit rate allowed [bit/s]'] == '1000000')
            receiver.loses = False
            newest = wait_until(lambda: getattr(receiver, 'newest', None))
            # What is published is what it says it is, in the CameraInfo as well.
            header = read_header(bytes(newest.data))
            sizes = {(info.width, info.height) for info in drain(receiver.infos)}
            assert (header.width, header.height) in sizes
            assert header.width * 9 == header.height * 16
            allowed(guest, lambda v: float(v['bit rate allowed [bit/s]']) > 1.5e6)
        gone = allowed(guest, lambda v: v['receivers that report over a link'] == '0')
        assert gone['bit rate allowed [bit/s]'] == 'any'


def drain(messages):
    found = []
    while True:
        try:
            found.append(messages.get_nowait())
        except queue.Empty:
            return found


def test_the_floor_keeps_one_bad_receiver_from_ruining_the_picture(guest):
    with running('camera', *parameters(**PATTERN, adaptive_floor=3000000)), \
            Receiver(guest) as receiver:
        wait_until(lambda: receiver.last_stamp_ns)
        receiver.loses = True
        allowed(guest, lambda v: v['bit rate allowed [bit/s]'] == '3000000')


def test_receivers_on_this_machine_and_garbage_change_nothing(guest):
    reports = guest.node.create_publisher(String, REPORTS, best_effort())
    with running('camera', *parameters(**PATTERN)), FrameSubscriber(TOPIC) as frames:
        assert frames.next_frame(WAIT_S) is not None
        for text in ('', '{}', '[' * 10000, '{"receiver": 1}', 'x' * 100000):
            for _ in range(5):
                reports.publish(String(data=text))
                time.sleep(0.02)
        values = allowed(guest, lambda v: float(v['frames/s published']) > 5)
        assert values['receivers that report over a link'] == '0'
        assert values['bit rate allowed [bit/s]'] == 'any'
        assert values['made smaller'] == 'no'


def test_a_flood_of_receivers_is_bounded(guest):
    reports = guest.node.create_publisher(String, REPORTS, best_effort(100))
    with running('camera', *parameters(**PATTERN)), FrameSubscriber(TOPIC) as frames:
        assert frames.next_frame(WAIT_S) is not None
        wait_until(lambda: reports.get_subscription_count())
        most = 0

        def flood(values):
            nonlocal most
            for number in range(300):
                reports.publish(String(data=json.dumps({
                    'receiver': f'r{number}', 'network': 'n', 'last_stamp_ns': 1, 'frames': 1,
                    'size_bytes': 1, 'delay_ns': 0})))
                time.sleep(0.001)
            most = max(most, int(values['receivers that report over a link']))
            return most >= 60
        allowed(guest, flood)
        assert most <= 64


@pytest.mark.parametrize('live', [False, True])
def test_the_bit_rate_can_be_capped_outright(guest, live):
    cap = {} if live else {'max_bitrate_bps': 1000000}
    with running('camera', *parameters(**PATTERN, adaptive='false', **cap)), \
            FrameSubscriber(TOPIC) as frames:
        assert frames.next_frame(WAIT_S) is not None
        if live:
            assert guest.set_parameter('/camera/camera', 'max_bitrate_bps', 1000000).successful
        allowed(guest, lambda v: v['bit rate allowed [bit/s]'] == '1000000')
        received = [frames.next_frame(WAIT_S) for _ in range(60)][29:]
        span_s = (received[-1].stamp_ns - received[0].stamp_ns) / 1e9
        assert sum(len(frame.jpeg) for frame in received[1:]) * 8 / span_s < 1.3e6


def test_a_subscriber_may_choose_not_to_report(guest):
    reports = guest.listen(String, REPORTS)
    with running('camera', *parameters(**PATTERN)), \
            FrameSubscriber(TOPIC, adaptive=False) as silent:
        assert silent.next_frame(WAIT_S) is not None
        with FrameSubscriber(TOPIC) as frames:
            assert frames.next_frame(WAIT_S) is not None
            name = json.loads(reports.get(timeout=WAIT_S).data)['receiver']
        names = {json.loads(report.data)['receiver'] for report in drain(reports)} | {name}
        assert len(names) == 1


def test_a_link_that_is_too_narrow_still_carries_whole_pictures(monkeypatch, tmp_path, missing):
    if reason := networks.unavailable():
        missing(reason)
    for number, image in enumerate(np.random.default_rng(1).integers(
            0, 256, (8, 360, 640, 3), np.uint8)):
        cv2.imwrite(str(tmp_path / f'{number}.jpg'), image)  # 200 kB each: noise
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')  # in namespaces of our own
    with networks.two_hosts() as (robot, desk):
        networks.narrow(robot, 20e6)
        with running('camera', *parameters(source='file', path=tmp_path, fps=30.0),
                     prefix=robot):
            program = Program('latency', '--json', '--seconds', 5, prefix=desk)
            assert program.wait() == 0, program.output
    result = json.loads(program.output[program.output.index('{'):])
    arrived, = (hop for hop in result['hops'] if hop['to'] == 'received')
    # Without adaptation, one picture in a hundred comes through, and soon none.
    assert arrived['count'] > arrived['dropped']
    assert result['size_bytes'] < 100_000
