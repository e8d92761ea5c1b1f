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

import os
import subprocess
import time

import cv2
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage
from support import pictures
from support.guest import stamp
from support.processes import parameters, Program, running, WAIT_S

TOPIC = '/camera/image_raw/compressed'


def decoded(message):
    return cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)


def test_the_stamp_is_the_capture_time_that_stands_in_the_picture(guest):
    with running('camera', *parameters(source='pattern', width=640, height=360)):
        images = guest.listen(CompressedImage, TOPIC)
        infos = guest.listen(CameraInfo, '/camera/camera_info')
        message = images.get(timeout=WAIT_S)
        code = block_code.read(decoded(message))
        assert stamp(message) == pytest.approx(code.time_us / 1e6, abs=0.02)
        assert stamp(message) < time.time()
        assert message.header.frame_id == 'camera_optical_frame'
        assert message.format == 'bgr8; jpeg compressed bgr8'
        info = infos.get(timeout=WAIT_S)
        assert (info.width, info.height, list(info.k)) == (640, 360, [0.0] * 9)
        stamps = {stamp(message)} | {stamp(images.get(timeout=WAIT_S)) for _ in range(20)}
        assert {stamp(infos.get(timeout=WAIT_S)) for _ in range(10)} & stamps


def test_it_offers_best_effort_with_depth_one(guest):
    with running('camera', *parameters(source='pattern')) as camera:
        camera.wait_for('publishing')
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)
        end, = guest.node.get_publishers_info_by_topic(TOPIC)
        assert end.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert end.qos_profile.durability == DurabilityPolicy.VOLATILE


def test_a_subscriber_that_gets_nothing_is_told_in_the_log(guest):
    with running('camera', *parameters(source='pattern')) as camera:
        camera.wait_for('publishing')
        guest.listen(CompressedImage, TOPIC,
                     QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
        camera.wait_for(r'gets no pictures.*reliability.*best effort.*'
                        r'qos_overrides\./camera/image_raw/compressed\.publisher\.reliability')


def test_reliable_can_be_asked_for(guest):
    override = {f'qos_overrides.{TOPIC}.publisher.reliability': 'reliable'}
    with running('camera', *parameters(source='pattern', **override)):
        images = guest.listen(CompressedImage, TOPIC,
                              QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
        images.get(timeout=WAIT_S)


def test_nothing_is_encoded_while_nobody_subscribes(guest):
    with running('camera', *parameters(source='pattern', width=320, height=240)):
        values = guest.diagnostics('camera: stream', lambda v: float(v['frames/s']) > 20)
        assert float(values['frames/s published']) == 0
        assert values['age when published [ms]'] == 'nan'
        guest.listen(CompressedImage, TOPIC)
        values = guest.diagnostics('camera: stream', lambda v: float(v['frames/s published']) > 20)
        assert values['subscribers'] == '1'
        assert values['level'] == DiagnosticStatus.OK
        assert float(values['frames/s wanted']) == 30


def test_live_parameters_change_the_running_stream(guest):
    with running('camera', *parameters(source='pattern', width=320, height=240)):
        images = guest.listen(CompressedImage, TOPIC)
        before = len(images.get(timeout=WAIT_S).data)
        assert guest.set_parameter('/camera/camera', 'jpeg_quality', 5).successful
        assert guest.set_parameter('/camera/camera', 'frame_id', 'other').successful
        assert guest.set_parameter('/camera/camera', 'fps', 10).successful  # an integer
        values = guest.diagnostics('camera: stream', lambda v: v['frames/s wanted'] == '10.00')
        assert values
        while not images.empty():
            last = images.get()
        last = images.get(timeout=WAIT_S)
        assert len(last.data) < before / 2
        assert last.header.frame_id == 'other'


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('jpeg_quality', 101, 'out of range. Min: 1, Max: 100'),
    ('jpeg_quality', 'high', "must be of type integer, not 'high'"),
    ('fps', -1, "parameter 'fps' must be 0 to 240 frames/s, not -1.0"),
    ('rotation', 45, 'must be 0, 90, 180 or 270 degrees, not 45'),
    ('crop', '1,2,3', 'must be x,y,width,height in pixels of the sensor'),
    ('tuning_file', '/x.json', 'read-only'),
])
def test_a_bad_change_is_refused_and_the_stream_goes_on(guest, name, value, reason):
    with running('camera', *parameters(source='pattern')):
        result = guest.set_parameter('/camera/camera', name, value)
        assert not result.successful
        assert reason in result.reason
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)


def test_piped_jpegs_arrive_byte_for_byte(guest):
    sent = [pictures.jpeg(seed=seed) for seed in range(200)]
    images = guest.listen(CompressedImage, TOPIC)
    camera = Program('camera', *parameters(source='stdin'), stdin=subprocess.PIPE)
    received = []

    def pipe(picture):
        camera.process.stdin.write(picture)
        camera.process.stdin.flush()
        time.sleep(0.01)

    deadline = time.monotonic() + WAIT_S
    while images.empty():  # until the subscriber is found
        assert time.monotonic() < deadline
        pipe(sent[0])
    for picture in sent[1:]:
        pipe(picture)
    camera.process.stdin.close()
    assert camera.wait() == 0, camera.output
    while not images.empty():
        received.append(bytes(images.get().data))
    assert len(received) > 50
    positions = [sent.index(picture) for picture in received]
    assert positions == sorted(positions)


def test_the_end_of_standard_input_ends_the_node_with_code_0():
    camera = Program('camera', *parameters(source='stdin'), stdin=subprocess.PIPE)
    camera.wait_for('publishing')
    camera.process.stdin.close()
    assert camera.wait() == 0
    assert 'Traceback' not in camera.output


def test_a_named_pipe_waits_for_the_next_writer_and_survives_garbage(guest, tmp_path):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    with running('camera', *parameters(source='stdin', path=path)):
        images = guest.listen(CompressedImage, TOPIC)
        guest.diagnostics('camera: stream', lambda v: v['subscribers'] == '1')
        for seed in range(3):
            picture = pictures.jpeg(seed=seed)
            path.write_bytes(b'garbage' + picture + picture[:200])
            assert bytes(images.get(timeout=WAIT_S).data) == picture
        values = guest.diagnostics('camera: stream', lambda v: v['truncated pictures'] == '3')
        assert int(values['garbage bytes']) == 3 * (len(b'garbage') + 200)


def test_missing_pictures_are_an_error_in_the_diagnostics(guest, tmp_path):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    with running('camera', *parameters(source='stdin', path=path)):
        values = guest.diagnostics('camera: stream',
                                   lambda v: v['level'] == DiagnosticStatus.ERROR)
        assert values['message'].startswith('no picture for')


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'source': 'telepathy'}, 'must be auto, .*pattern'),
    ({'source': 'file'}, "needs the parameter 'path'"),
    ({'source': 'file', 'path': '/no/such/file.mp4'}, 'there is no file or folder'),
    ({'source': 'file', 'path': '/etc/hostname'}, 'is not a video that can be played'),
    ({'source': 'file', 'path': '/proc/self/fdinfo'}, 'no readable picture in folder'),
    ({'source': 'stdin', 'path': '/no/such/pipe'}, 'cannot read .*/no/such/pipe'),
    ({'width': 9000}, "parameter 'width' must be 0 to 8192 pixels, not 9000"),
    ({'width': 'wide'}, "parameter 'width' must be of type integer, not 'wide'"),
    ({'fps': -5.0}, "parameter 'fps' must be 0 to 240 frames/s, not -5.0"),
    ({'fps': 1000}, "parameter 'fps' must be 0 to 240 frames/s, not 1000"),
    ({'jpeg_quality': 0}, "parameter 'jpeg_quality' must be 1 to 100 percent, not 0"),
    ({'jpeg_quality': 80.5}, "parameter 'jpeg_quality' must be of type integer, not 80.5"),
    ({f'qos_overrides.{TOPIC}.publisher.reliability': 'mostly'}, 'mostly'),
])
def test_bad_input_gets_one_sentence_and_exit_code_1(request, values, sentence):
    if values.get('source') == 'file':
        request.getfixturevalue('pyav')
    camera = Program('camera', *parameters(**values))
    assert camera.wait() == 1
    camera.wait_for(sentence)
    lines = [line for line in camera.output.splitlines() if not line.startswith('[')]
    assert len(lines) == 1, camera.output
    assert lines[0].startswith('camera_node: error: ')


def test_ros_arguments_that_make_no_sense_are_explained():
    camera = Program('camera', '--ros-args', '-p', 'fps')
    assert camera.wait() == 1
    assert 'Traceback' not in camera.output
    camera.wait_for('camera_node: error: ROS cannot start: .*fps')


@pytest.mark.parametrize('words', [['--fps', '15'], ['fps:=15', '--ros-args', '-p', 'fps:=20']])
def test_what_only_looks_like_a_parameter_is_refused(words):
    camera = Program('camera', *words)
    assert camera.wait() == 1
    line, = camera.output.splitlines()
    assert f"'{words[0]}' is not an option" in line
    assert '--ros-args -p NAME:=VALUE' in line


def test_the_namespace_is_camera_unless_said_otherwise(guest):
    with running('camera', '--ros-args', '-r', '__ns:=/robot/left', '-p', 'source:=pattern'):
        guest.listen(CompressedImage, '/robot/left/image_raw/compressed').get(timeout=WAIT_S)


@pytest.mark.parametrize(('remappings', 'topic'), [
    (['image_raw/compressed:=/front/image/compressed'], '/front/camera_info'),
    (['image_raw/compressed:=/front/image/compressed', 'camera_info:=/lens'], '/lens'),
    (['camera_info:=/lens'], '/lens')])
def test_camera_info_follows_a_remapped_image_topic(guest, remappings, topic):
    words = [word for remapping in remappings for word in ('-r', remapping)]
    with running('camera', *parameters(source='pattern', width=160, height=120), *words):
        assert guest.listen(CameraInfo, topic).get(timeout=WAIT_S).width == 160
