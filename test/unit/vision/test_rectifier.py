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

import cv2
import numpy as np
from pi_camera_stream.core.calibration import Calibration
from pi_camera_stream.vision.rectifier import Rectifier
import pytest

SIZE = 320, 240
K = (200.0, 0, 160, 0, 210, 118, 0, 0, 1)
EYE = (1, 0, 0, 0, 1, 0, 0, 0, 1)


def calibration(model, d):
    return Calibration(*SIZE, 'camera', model, d, K, EYE, (*K[:3], 0, *K[3:6], 0, *K[6:], 0))


def picture(size=SIZE):
    noise = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    return cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(('model', 'd'), [
    ('plumb_bob', (-0.3, 0.1, 0.01, -0.005, 0)),
    ('rational_polynomial', (-0.3, 0.1, 0.01, -0.005, 0, 0.02, 0.01, 0)),
    ('equidistant', (-0.1, 0.05, 0, 0)),
])
def test_it_is_what_opencv_undistorts(model, d):
    matrix, d_array = np.reshape(K, (3, 3)), np.array(d)
    if model == 'equidistant':
        wanted = cv2.fisheye.undistortImage(picture(), matrix, d_array, Knew=matrix)
    else:
        wanted = cv2.undistort(picture(), matrix, d_array)
    got = Rectifier().rectify(picture(), calibration(model, d))
    assert got.dtype == np.uint8
    assert got.shape == wanted.shape
    assert cv2.absdiff(got, wanted).max() <= 1
    assert cv2.absdiff(got, picture()).mean() > 5


def test_a_new_calibration_takes_effect_with_the_next_picture():
    rectifier, flat = Rectifier(), calibration('plumb_bob', (0, 0, 0, 0, 0))
    bent = calibration('plumb_bob', (-0.3, 0.1, 0, 0, 0))
    assert cv2.absdiff(rectifier.rectify(picture(), flat), picture()).max() <= 1
    assert cv2.absdiff(rectifier.rectify(picture(), bent), picture()).mean() > 5


def test_half_the_size_shows_the_same():
    rectifier, full = Rectifier(), calibration('plumb_bob', (-0.3, 0.1, 0.01, -0.005, 0))
    small = cv2.resize(picture(), (160, 120), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(rectifier.rectify(picture(), full), (160, 120),
                        interpolation=cv2.INTER_AREA)
    got = rectifier.rectify(small, full.scaled(160, 120))
    assert cv2.absdiff(got, wanted)[8:-8, 8:-8].max() <= 12
    assert cv2.absdiff(got, wanted)[8:-8, 8:-8].mean() < 1
