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

from pathlib import Path
import time

import cv2
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
from pi_camera_stream.core import block_code
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool, Trigger
from support.guest import stamp
from support.processes import parameters, running, WAIT_S

TOPIC = '/camera/image_raw/compressed'
SMALL = {'source': 'pattern', 'width': 640, 'height': 360, 'fps': 15}


def as_array(message):
    channels = {'bgr8': 3, 'mono8': 1}[message.encoding]
    assert message.step == message.width * channels
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, channels)


def test_raw_pictures_have_the_stamp_that_stands_in_them(guest):
    with running('camera', *parameters(**SMALL)):
        message = guest.listen(Image, '/camera/image_raw').get(timeout=WAIT_S)
        assert (message.width, message.height, message.encoding) == (640, 360, 'bgr8')
        code = block_code.read(as_array(message))
        assert abs(stamp(message) - code.time_us / 1e6) < 0.001
        assert message.header.frame_id == 'camera_optical_frame'


def test_small_ones_have_the_same_shape_and_change_their_width_live(guest):
    with running('camera', *parameters(lores_width=160, **SMALL)):
        messages = guest.listen(Image, '/camera/lores/image_raw')
        message = messages.get(timeout=WAIT_S)
        assert (message.width, message.height) == (160, 90)
        assert np.ptp(as_array(message)) > 100  # it shows something
        assert guest.set_parameter('/camera/camera', 'lores_width', 320).successful
        deadline = time.monotonic() + WAIT_S
        while (message.width, message.height) != (320, 180):
            assert time.monotonic() < deadline
            message = messages.get(timeout=WAIT_S)


def test_a_jpeg_source_has_raw_pictures_too(guest, tmp_path):
    picture = np.full((360, 640, 3), (200, 60, 30), np.uint8)
    path = tmp_path / 'pictures.mjpeg'
    path.write_bytes(cv2.imencode('.jpg', picture)[1].tobytes() * 600)
    with running('camera', *parameters(source='stdin', path=path, fps=20)):
        for topic, size in (('image_raw', (640, 360)), ('lores/image_raw', (320, 180))):
            message = guest.listen(Image, f'/camera/{topic}').get(timeout=WAIT_S)
            assert (message.width, message.height) == size
            assert np.abs(as_array(message).mean(axis=(0, 1)) - (200, 60, 30)).max() < 5


def test_the_camera_can_be_switched_off_and_on(guest):
    with running('camera', *parameters(**SMALL)):
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        assert guest.call(SetBool, '/camera/camera/set_capture', data=False).success
        values = guest.diagnostics('camera: stream',
                                   lambda v: v['message'] == 'the camera is off')
        assert values['level'] == DiagnosticStatus.OK
        answer = guest.call(Trigger, '/camera/camera/save_snapshot')
        deadline = time.monotonic() + WAIT_S
        while answer.success and time.monotonic() < deadline:  # the last picture is still fresh
            answer = guest.call(Trigger, '/camera/camera/save_snapshot')
        assert answer.message == 'the camera is off: call set_capture with data: true'
        while not images.empty():
            images.get()
        assert guest.call(SetBool, '/camera/camera/set_capture', data=True).success
        images.get(timeout=WAIT_S)


def test_a_snapshot_is_the_picture_of_its_time(guest, tmp_path):
    with running('camera', *parameters(snapshot_folder=tmp_path / 'new', **SMALL)):
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)
        before_us = time.time() * 1e6
        answer = guest.call(Trigger, '/camera/camera/save_snapshot')
        assert answer.success, answer.message
        files = list((tmp_path / 'new').iterdir())
        assert len(files) == guest.asked
        file = Path(answer.message)
        assert file in files
        assert file.name.startswith('camera_2')
        assert file.stat().st_mode & 0o777 == 0o644
        code = block_code.read(cv2.imread(answer.message))
        assert before_us - 2.5e6 < code.time_us < time.time() * 1e6


def test_a_snapshot_that_cannot_be_written_is_explained(guest, tmp_path):
    (tmp_path / 'file').touch()
    with running('camera', *parameters(snapshot_folder=tmp_path / 'file', **SMALL)):
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)
        answer = guest.call(Trigger, '/camera/camera/save_snapshot')
        assert not answer.success
        assert str(tmp_path / 'file') in answer.message


def test_on_standby_the_camera_is_off_while_nobody_subscribes(guest):
    with running('camera', *parameters(standby=True, **SMALL)):
        guest.diagnostics('camera: stream', lambda v: v['message'] == 'on standby')
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        guest.diagnostics('camera: stream', lambda v: v['message'].endswith('frames/s'))
        guest.forget(images)
        guest.diagnostics('camera: stream', lambda v: v['message'] == 'on standby')
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
