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



from pi_camera_stream.client.calibration_subscription import info_topic
from pi_camera_stream.core.calibration import CalibrationError
from pi_camera_stream.core.camera_info import calibration_of
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from support.vision import camera

K = camera().k


def info(**values):
    return CameraInfo(**{'width': 640, 'height': 480, 'distortion_model': 'plumb_bob',
                         'd': [0.0] * 5, 'k': K, 'r': camera().r, 'p': camera().p, **values})


def test_it_is_what_the_camera_says():
    assert calibration_of(info()) == camera()
    fisheye = info(distortion_model='equidistant', d=[0.1, 0.0, 0.0, 0.0])
    assert calibration_of(fisheye).d == (0.1, 0.0, 0.0, 0.0)


def test_a_camera_that_is_not_calibrated_has_none():
    assert calibration_of(CameraInfo(width=640, height=480)) is None


@pytest.mark.parametrize('values', [
    {'d': []}, {'d': [], 'distortion_model': ''}, {'r': [0.0] * 9}, {'p': [0.0] * 12}])
def test_simulators_may_leave_out_what_changes_nothing(values):
    assert calibration_of(info(**values)) == camera()


def test_the_part_of_the_sensor_that_is_seen_counts():
    part = calibration_of(info(roi=RegionOfInterest(x_offset=100, y_offset=40, width=320,
                                                    height=240)))
    assert (part.width, part.height) == (320, 240)
    assert (part.k[2], part.k[5]) == (K[2] - 100, K[5] - 40)


@pytest.mark.parametrize('values', [
    {'distortion_model': 'crystal'}, {'d': [0.1]}, {'k': [float('nan')] * 9}, {'width': 0},
    {'roi': RegionOfInterest(x_offset=600, width=320, height=240)}])
def test_what_cannot_be_right_is_refused(values):
    with pytest.raises(CalibrationError):
        calibration_of(info(**values))


@pytest.mark.parametrize(('images', 'infos'), [
    ('/camera/image_raw/compressed', '/camera/camera_info'),
    ('/camera/image_raw/foxglove', '/camera/camera_info'),
    ('/camera/image_raw/ffmpeg', '/camera/camera_info'),
    ('/left/image_raw', '/left/camera_info'), ('/image', '/camera_info')])
def test_it_is_where_image_transport_has_it(images, infos):
    assert info_topic(images) == infos
