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

import json
import os
import signal

from diagnostic_msgs.msg import DiagnosticStatus
from pi_camera_stream.client.qos import reliable_qos
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.core.frame import Capture, EncodedImage
import pytest
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.srv import SetCameraInfo
from std_msgs.msg import String
from support.fake_camera import FAKE, told
from support.processes import children, parameters, Program, running, WAIT_S, wait_until

TOPIC, NODE = '/camera/image_raw/compressed', '/camera/camera'
CAMERA = {'source': 'picamera2', 'width': 640, 'height': 480, 'fps': 50}


@pytest.fixture(autouse=True)
def fake(monkeypatch, tmp_path):
    """Let every Python find the fake, beside what it finds anyway; there is no calibration."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
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


def test_what_needs_no_stop_is_taken_by_the_running_camera(guest):
    with running('camera', *parameters(**CAMERA | {'fps': 20})) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, FrameDuration=50_000, q=80)
        worker, = children(camera.process.pid)
        for name, value, tells in (('fps', 10.0, {'FrameDuration': 100_000}),
                                   ('fps', 50.0, {'FrameDuration': 20_000}),
                                   ('jpeg_quality', 60, {'q': 60}),
                                   ('crop', '8,16,640,480', {'ScalerCrop': [8, 16, 640, 480]}),
                                   ('crop', '', {'ScalerCrop': [0, 0, 4608, 2592]}),
                                   ('noise_reduction', 'high_quality', {'NoiseReductionMode': 2})):
            assert guest.set_parameter(NODE, name, value).successful
            wait_for_pictures(images, **tells)
        assert children(camera.process.pid) == [worker]
        assert guest.diagnostics('camera: stream')['restarts'] == '0'


def test_a_mode_that_it_has_not_is_taken_back_and_nothing_else(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        refused = guest.set_parameter(NODE, 'sensor_mode', '1080p')
        assert "'1080p' is not a sensor mode" in refused.reason
        assert guest.set_parameter(NODE, 'sensor_mode', '2304x1296:12').successful
        assert guest.set_parameter(NODE, 'hflip', True).successful
        camera.wait_for("'sensor_mode' cannot be set so.*no such sensor mode")
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


def test_size_and_orientation_are_configured_anew_in_the_same_worker(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        wait_for_control(guest, 'ExposureTime')
        assert guest.set_parameter(NODE, 'ExposureTime', 7000).successful
        worker, = children(camera.process.pid)
        for name, value, flips in (('hflip', True, [True, False]),
                                   ('rotation', 180, [False, True]),
                                   ('sensor_mode', '2304x1296', [False, True])):
            assert guest.set_parameter(NODE, name, value).successful
            wait_for_pictures(images, ExposureTime=7000, flips=flips)
        assert guest.call(
            SetParametersAtomically, f'{NODE}/set_parameters_atomically', parameters=[
                Parameter(name, value=value).to_parameter_msg()
                for name, value in (('width', 320), ('height', 240))]).result.successful
        wait_until(lambda: read_header(bytes(images.get(timeout=WAIT_S).data)).width == 320)
        assert children(camera.process.pid) == [worker]
        assert guest.diagnostics('camera: stream')['restarts'] == '0'


def test_what_the_camera_cannot_do_leaves_it_as_it_was(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        assert guest.set_parameter(NODE, 'sensor_mode', '123x45').successful
        camera.wait_for('no such sensor mode')
        wait_for_pictures(images, flips=[False, False])


def test_a_value_that_is_the_default_is_set_all_the_same(guest):
    with running('camera', *parameters(AnalogueGain=1.0, **CAMERA)):
        wait_for_pictures(guest.listen(CompressedImage, TOPIC), AnalogueGain=1.0)


def test_what_was_set_last_counts_when_the_worker_is_killed(guest):
    with running('camera', *parameters(ExposureTime=7000, ColourGains=[1.5, 2.0], **CAMERA)) \
            as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, ExposureTime=7000, ColourGains=[1.5, 2.0])
        assert guest.set_parameter(NODE, 'AeEnable', True).successful
        wait_for_pictures(images, AeEnable=True)
        worker, = children(camera.process.pid)
        os.kill(worker, signal.SIGKILL)
        camera.wait_for('SIGKILL')
        wait_until(lambda: children(camera.process.pid) not in ([worker], []))
        while not images.empty():
            images.get()
        wait_for_pictures(images, AeEnable=True, ExposureTime=5000, ColourGains=[1.5, 2.0])


def test_a_camera_that_can_focus_does_so_until_somebody_says_otherwise(guest):
    with running('camera', *parameters(**CAMERA)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, AfMode=2)
        wait_until(lambda: guest.call(GetParameters, f'{NODE}/get_parameters', names=['AfMode']
                                      ).values[0].integer_value == 2)
        assert guest.set_parameter(NODE, 'LensPosition', 3.5).successful
        wait_for_pictures(images, AfMode=0, LensPosition=3.5)
        assert guest.set_parameter(NODE, 'hflip', True).successful
        wait_for_pictures(images, AfMode=0, LensPosition=3.5, flips=[True, False])
        assert guest.set_parameter(NODE, 'AfMode', 1).successful
        wait_for_pictures(images, AfMode=1)
        assert 'the lens is held' not in camera.output


def test_with_a_calibration_the_lens_is_held(guest, tmp_path):
    file = tmp_path / 'left.yaml'
    calibrated = {**CAMERA, 'camera_info_url': f'file://{file}'}
    with running('camera', *parameters(**calibrated)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        wait_for_pictures(images, AfMode=2)
        assert guest.call(SetCameraInfo, f'{NODE}/set_camera_info', camera_info=calibration(
            guest.listen(CameraInfo, '/camera/camera_info').get(timeout=WAIT_S))).success
        camera.wait_for('the lens is held.*LensPosition')
        wait_for_pictures(images, AfMode=0)
    with running('camera', *parameters(**calibrated)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        camera.wait_for('the lens is held.*LensPosition')
        wait_for_pictures(images, AfMode=0)
        assert guest.set_parameter(NODE, 'AfMode', 2).successful
        wait_for_pictures(images, AfMode=2)


def calibration(info):
    """Return what camera calibration says of pictures of that size."""
    info.distortion_model, info.d = 'plumb_bob', [0.1, 0.0, 0.0, 0.0, 0.0]
    info.k = [500.0, 0.0, 300.0, 0.0, 500.0, 180.0, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [500.0, 0.0, 300.0, 0.0, 0.0, 500.0, 180.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def test_how_pictures_are_taken_is_told_of_each_to_who_subscribes(guest):
    with running('camera', *parameters(**CAMERA)):
        images = guest.listen(CompressedImage, TOPIC)
        texts = guest.listen(String, f'{NODE}/metadata', reliable_qos(10))
        stamps, seconds = [], set()
        for _ in range(30):
            told_ = json.loads(texts.get(timeout=WAIT_S).data)
            assert (told_['Lux'], told_['ExposureTime']) == (400.0, 5000)
            stamps.append((told_['stamp']['sec'], told_['stamp']['nanosec']))
            seconds.add(told_['SensorTimestamp'])
        assert stamps == sorted(set(stamps))
        assert len(seconds) == 30

        def same():
            stamp = images.get(timeout=WAIT_S).header.stamp
            return (stamp.sec, stamp.nanosec) in stamps
        wait_until(same)  # they are those of the pictures


def test_diagnostics_tell_of_sensor_encoder_and_light(guest):
    with running('camera', *parameters(**CAMERA)):
        values = guest.diagnostics('camera: stream', lambda v: 'light [lux]' in v)
        assert values['sensor mode'] == '1536x864:10'
        assert values['field of view'] == '67 % of the width and 67 % of the height of the sensor'
        assert values['encoder'] == 'JPEG quality 80, encoded by the CPU'
        assert (values['exposure [us]'], values['colour temperature [K]']) == ('5000', '4500')
        assert guest.set_parameter(NODE, 'crop', '0,0,2304,1296').successful
        guest.diagnostics('camera: stream', lambda v: v['field of view'].startswith('50 % of'))


def test_a_calibration_is_that_of_the_published_picture(guest, tmp_path):
    file = tmp_path / 'left.yaml'
    with running('camera', *parameters(camera_info_url=f'file://{file}', hflip=True, **CAMERA)):
        infos = guest.listen(CameraInfo, '/camera/camera_info')
        info = infos.get(timeout=WAIT_S)
        assert (info.width, info.height, info.k[0]) == (640, 480, 0.0)
        answer = guest.call(SetCameraInfo, f'{NODE}/set_camera_info',
                            camera_info=calibration(info))
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
