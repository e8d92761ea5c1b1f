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

"""The Raspberry Pi camera under the camera node, with the fake of `support`."""

import os
import signal

from diagnostic_msgs.msg import DiagnosticStatus
from pi_camera_stream.core.frame import Capture, EncodedImage
import pytest
from rcl_interfaces.srv import DescribeParameters, ListParameters
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.srv import SetCameraInfo
from support.fake_camera import FAKE, told
from support.processes import children, parameters, Program, running, WAIT_S, wait_until

TOPIC, NODE = '/camera/image_raw/compressed', '/camera/camera'
CAMERA = {'source': 'picamera2', 'width': 640, 'height': 480, 'fps': 50}


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    """Let every Python find the fake, beside what it finds anyway."""
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(FAKE), *filter(None, [os.environ.get('PYTHONPATH')])]))


def wait_for_control(guest, name):
    """Wait until the camera has told what can be set."""
    wait_until(lambda: name in guest.call(ListParameters, f'{NODE}/list_parameters').result.names)


def wait_for_pictures(images, **wanted):
    """Wait for a picture that was taken so."""
    def taken_so():
        jpeg = EncodedImage(bytes(images.get(timeout=WAIT_S).data))
        tells = told(Capture(jpeg, 0))
        return all(tells.get(name) == value for name, value in wanted.items())
    wait_until(taken_so)


def test_controls_are_parameters_with_the_range_of_the_camera(guest):
    with running('camera', *parameters(**CAMERA)):
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_control(guest, 'ExposureTime')
        descriptor, = guest.call(DescribeParameters, f'{NODE}/describe_parameters',
                                 names=['ExposureTime']).descriptors
        bounds, = descriptor.integer_range
        assert 0 < bounds.from_value < 10_000 < bounds.to_value
        assert guest.set_parameter(NODE, 'ExposureTime', 7000).successful
        wait_for_pictures(images, ExposureTime=7000)
        refused = guest.set_parameter(NODE, 'ExposureTime', bounds.to_value + 1)
        assert not refused.successful
        assert str(bounds.to_value) in refused.reason
        refused = guest.set_parameter(NODE, 'ExposureTime', 'long')
        assert not refused.successful
        assert refused.reason == "parameter 'ExposureTime' must be of type int, not 'long'"
        wait_for_pictures(images, ExposureTime=7000)  # and the stream goes on


def test_what_was_set_at_the_start_counts_and_what_is_wrong_is_said(guest):
    with running('camera', *parameters(ExposureTime=9000, AnalogueGain=-5.0, **CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, ExposureTime=9000)
        camera.wait_for(r'AnalogueGain.*the camera goes on without it')


def test_controls_stay_when_the_worker_is_killed(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_control(guest, 'ExposureTime')
        assert guest.set_parameter(NODE, 'ExposureTime', 7000).successful
        wait_for_pictures(images, ExposureTime=7000)
        for number in (signal.SIGKILL, signal.SIGSTOP):
            worker, = children(camera.process.pid)
            os.kill(worker, number)
            camera.wait_for(f'{"SIGKILL" if number == signal.SIGKILL else "no picture for"}')
            wait_until(lambda: len(children(camera.process.pid)) == 1
                       and children(camera.process.pid) != [worker])  # noqa: B023 - at once
            while not images.empty():
                images.get()
            wait_for_pictures(images, ExposureTime=7000)
        values = guest.diagnostics('camera: stream', lambda v: v['restarts'] == '2')
        assert values['level'] != DiagnosticStatus.ERROR


def test_a_higher_rate_opens_the_camera_anew_and_a_lower_one_does_not(guest):
    with running('camera', *parameters(**CAMERA | {'fps': 20})) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, FrameDuration=50_000)
        worker, = children(camera.process.pid)
        assert guest.set_parameter(NODE, 'fps', 10.0).successful
        guest.diagnostics('camera: stream', lambda v: int(v['left out for fps']) > 5)
        assert children(camera.process.pid) == [worker]
        assert guest.set_parameter(NODE, 'fps', 50.0).successful
        wait_for_pictures(images, FrameDuration=20_000)


def test_a_mode_that_it_has_not_is_taken_back_and_nothing_else(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        refused = guest.set_parameter(NODE, 'sensor_mode', '1080p')
        assert "'1080p' is no sensor mode" in refused.reason
        assert guest.set_parameter(NODE, 'sensor_mode', '2304x1296:12').successful
        assert guest.set_parameter(NODE, 'hflip', True).successful
        camera.wait_for("'sensor_mode' cannot be what was set.*no such sensor mode")
        wait_for_pictures(images, flips=[True, False])
        assert guest.get_parameters(NODE, 'sensor_mode', 'hflip') == ['', True]
        assert guest.set_parameter(NODE, 'sensor_mode', '2304x1296:10').successful
        assert guest.set_parameter(NODE, 'vflip', True).successful
        wait_for_pictures(images, flips=[True, True])
        assert guest.get_parameters(NODE, 'sensor_mode') == ['2304x1296:10']


def test_a_control_that_it_has_not_is_named_with_the_one_that_was_meant():
    with running('camera', *parameters(ExposureTme=9000, **CAMERA)) as camera:
        camera.wait_for("no control 'ExposureTme'.*did you mean 'ExposureTime'")


def test_two_cameras_side_by_side(guest, monkeypatch):
    monkeypatch.setenv('FAKE_CAMERAS', 'imx708 imx219')
    with running('camera', *parameters(camera=0, **CAMERA), '-r', '__ns:=/left'), \
         running('camera', *parameters(camera='imx219', **CAMERA), '-r', '__ns:=/right'):
        for side, model in (('left', 'imx708'), ('right', 'imx219')):
            guest.listen(CompressedImage, f'/{side}/image_raw/compressed').get(timeout=WAIT_S)
            guest.diagnostics(f'{side}/camera: stream',
                              lambda v, model=model: model in v['source'])


def test_size_and_orientation_restart_only_the_source(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        wait_for_control(guest, 'ExposureTime')
        assert guest.set_parameter(NODE, 'ExposureTime', 7000).successful
        worker, = children(camera.process.pid)
        assert guest.set_parameter(NODE, 'hflip', True).successful
        wait_until(lambda: worker not in children(camera.process.pid))
        while not images.empty():
            images.get()
        wait_for_pictures(images, ExposureTime=7000)
        values = guest.diagnostics('camera: stream')
        assert values['restarts'] == '0'


def test_a_calibration_is_that_of_the_published_picture(guest, tmp_path):
    file = tmp_path / 'left.yaml'
    with running('camera', *parameters(camera_info_url=f'file://{file}', hflip=True, **CAMERA)):
        infos = guest.listen(CameraInfo, '/camera/camera_info')
        info = infos.get(timeout=WAIT_S)
        assert (info.width, info.height, info.k[0]) == (640, 480, 0.0)
        info.distortion_model, info.d = 'plumb_bob', [0.1, 0.0, 0.0, 0.0, 0.0]
        info.k = [500.0, 0.0, 300.0, 0.0, 500.0, 180.0, 0.0, 0.0, 1.0]
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [500.0, 0.0, 300.0, 0.0, 0.0, 500.0, 180.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        answer = guest.call(SetCameraInfo, f'{NODE}/set_camera_info', camera_info=info)
        assert answer.success, answer.status_message
        wait_until(lambda: infos.get(timeout=WAIT_S).k[2] == 300.0)
        assert 'plumb_bob' in file.read_text()
        assert '339.0' in file.read_text()  # the file is of the picture that is not mirrored


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'camera': '7'}, "there is no camera '7'"),
    ({'rotation': 90}, 'rotation'),
    ({'picamera2.python': '/nowhere/python3'}, 'no Python can import picamera2'),
])
def test_what_cannot_work_is_one_sentence(values, sentence):
    camera = Program('camera', *parameters(**CAMERA | values))
    assert camera.wait() == 1
    camera.wait_for(f'camera_node: error: .*{sentence}')
    assert 'Traceback' not in camera.output
