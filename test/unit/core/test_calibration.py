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

from dataclasses import replace

import cv2
from hypothesis import assume, given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.core.calibration import Calibration, CalibrationError, MODELS
from pi_camera_stream.core.rendition_spec import RenditionSpec
import pytest

SIZES = {'plumb_bob': 5, 'rational_polynomial': 14, 'equidistant': 4}
FLIPS = st.tuples(st.booleans(), st.booleans())


def make(**changes):
    """Return a calibration in which no two numbers are alike."""
    values = {'width': 640, 'height': 480, 'name': 'eye', 'distortion_model': 'plumb_bob',
              'd': (0.1, -0.2, 0.003, -0.004, 0.05),
              'k': (500, 0, 310, 0, 510, 250, 0, 0, 1), 'r': (1, 0, 0, 0, 1, 0, 0, 0, 1),
              'p': (490, 0, 305, -40, 0, 495, 245, 7, 0, 0, 1, 0)}
    return Calibration(**{**values, **changes})


@st.composite
def calibrations(draw):
    """Draw cameras of all models, stereo ones among them."""
    model = draw(st.sampled_from(sorted(MODELS)))
    width, height = draw(st.integers(320, 2000)), draw(st.integers(240, 1500))

    def number(low, high):
        return draw(st.floats(low, high))

    d = [number(-0.05, 0.05) for _ in range(SIZES[model])]
    angles = np.array([number(-0.3, 0.3) for _ in range(3)])
    fx, fy, cx, cy = (number(0.6, 2) * width, number(0.6, 2) * width,
                      number(0.4, 0.6) * width, number(0.4, 0.6) * height)
    return Calibration(
        width, height, 'drawn', model, tuple(d), (fx, 0, cx, 0, fy, cy, 0, 0, 1),
        tuple(cv2.Rodrigues(angles)[0].ravel()),
        (fx * number(0.8, 1.2), 0, cx + number(-20, 20), number(-50, 50), 0,
         fy * number(0.8, 1.2), cy + number(-20, 20), number(-50, 50), 0, 0, 1, 0))


@st.composite
def points(draw):
    """Draw points in front of the camera."""
    side = st.floats(-0.4, 0.4)
    depths = st.floats(1, 5)
    rows = draw(st.lists(st.tuples(side, side, depths), min_size=1, max_size=8))
    return np.array([(x * z, y * z, z) for x, y, z in rows])


def raw(calibration, at):
    """Return the pixels of the points in the picture as it is."""
    k = np.array(calibration.k).reshape(3, 3)
    d = np.array(calibration.d)
    zero = np.zeros(3)
    if calibration.distortion_model == 'equidistant':
        found, _ = cv2.fisheye.projectPoints(at.reshape(-1, 1, 3), zero, zero, k, d)
    else:
        found, _ = cv2.projectPoints(at, zero, zero, k, d)
    return found.reshape(-1, 2)


def rectified(calibration, at):
    """Return the pixels of the points in the rectified picture, as CameraInfo.msg defines it."""
    r, p = np.array(calibration.r).reshape(3, 3), np.array(calibration.p).reshape(3, 4)
    u, v, w = p @ np.vstack([r @ at.T, np.ones(len(at))])
    return np.column_stack([u / w, v / w])


@pytest.mark.parametrize('project', [raw, rectified])
@given(calibration=calibrations(), at=points(), flips=FLIPS)
def test_a_mirrored_point_falls_on_the_mirrored_pixel(project, calibration, at, flips):
    before = project(calibration, at)
    mirror = [-1 if flip else 1 for flip in flips]
    after = project(calibration.flipped(*flips), at * [*mirror, 1])
    far = np.array([calibration.width - 1, calibration.height - 1])
    expected = np.where(flips, far - before, before)
    np.testing.assert_allclose(after, expected, atol=1e-6)


@pytest.mark.parametrize('project', [raw, rectified])
@given(calibration=calibrations(), at=points(), numerator=st.integers(1, 8),
       denominator=st.integers(1, 8))
def test_a_point_falls_on_the_scaled_pixel(project, calibration, at, numerator, denominator):
    calibration = replace(calibration, width=40 * denominator, height=30 * denominator)
    scaled = calibration.scaled(40 * numerator, 30 * numerator)
    assert (scaled.width, scaled.height) == (40 * numerator, 30 * numerator)
    scale = numerator / denominator
    np.testing.assert_allclose(project(scaled, at),
                               (project(calibration, at) + 0.5) * scale - 0.5, atol=1e-6)


@pytest.mark.parametrize('project', [raw, rectified])
@given(calibration=calibrations(), at=points(), x=st.integers(0, 150), y=st.integers(0, 150))
def test_a_point_falls_on_the_pixel_of_the_crop(project, calibration, at, x, y):
    cropped = calibration.cropped(x, y, calibration.width - 160, calibration.height - 150)
    assert (cropped.width, cropped.height) == (calibration.width - 160, calibration.height - 150)
    np.testing.assert_allclose(project(cropped, at), project(calibration, at) - [x, y], atol=1e-6)


@given(calibration=calibrations(), at=points(), flips=FLIPS, factor=st.sampled_from([2, 3, 5]))
def test_flipping_and_scaling_may_change_places(calibration, at, flips, factor):
    size = calibration.width * factor, calibration.height * factor
    one = calibration.flipped(*flips).scaled(*size)
    other = calibration.scaled(*size).flipped(*flips)
    np.testing.assert_allclose(raw(one, at), raw(other, at), atol=1e-6)
    np.testing.assert_allclose(rectified(one, at), rectified(other, at), atol=1e-6)


@given(calibration=calibrations(), flips=FLIPS)
def test_flipping_twice_gives_it_back(calibration, flips):
    assume(any(flips))
    once = calibration.flipped(*flips)
    assert once.k != calibration.k
    twice = once.flipped(*flips)
    for name in 'dkrp':
        assert getattr(twice, name) == pytest.approx(getattr(calibration, name), abs=1e-9)
    assert replace(twice, d=calibration.d, k=calibration.k, r=calibration.r,
                   p=calibration.p) == calibration


def spot(width, height, u, v):
    """Return a picture with a soft light at a pixel."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.exp(-((x - u)**2 + (y - v)**2) / (2 * 12**2)).astype(np.float32)


def centre(picture):
    """Return where its light is."""
    y, x = np.indices(picture.shape)
    return np.array([(picture * x).sum(), (picture * y).sum()]) / picture.sum()


@pytest.mark.parametrize(('factor', 'method'), [
    (2, cv2.INTER_AREA), (4, cv2.INTER_AREA), (0.5, cv2.INTER_LINEAR)])
def test_opencv_scales_pictures_about_the_middles_of_pixels_as_we_do(factor, method):
    calibration, at = make(d=(0,) * 5), np.array([(0.1, -0.05, 1)])
    size = round(640 / factor), round(480 / factor)
    seen = cv2.resize(spot(640, 480, *raw(calibration, at)[0]), size, interpolation=method)
    np.testing.assert_allclose(raw(calibration.scaled(*size), at)[0], centre(seen), atol=0.01)


@pytest.mark.parametrize(('flips', 'code'), [((1, 0), 1), ((0, 1), 0), ((1, 1), -1)])
def test_opencv_mirrors_pictures_about_their_middle_as_we_do(flips, code):
    calibration, at = make(), np.array([(0.1, -0.05, 1)])
    seen = cv2.flip(spot(640, 480, *raw(calibration, at)[0]), code)
    mirrored = at * [-1 if flips[0] else 1, -1 if flips[1] else 1, 1]
    np.testing.assert_allclose(raw(calibration.flipped(*flips), mirrored)[0], centre(seen),
                               atol=0.01)


@pytest.mark.parametrize('size', [(1280, 960), (320, 240), (641, 480), (17, 13)])
def test_it_fits_pictures_of_its_shape(size):
    assert (make().scaled(*size).width, make().scaled(*size).height) == size


@pytest.mark.parametrize('full', [(1920, 1080), (1280, 720), (640, 360), (1640, 1232), (800, 600),
                                  (1366, 768)])
@pytest.mark.parametrize('scale', [0.75, 0.5, 0.375, 0.35, 0.25, 1 / 8])
def test_it_fits_what_the_pictures_are_made_smaller_to(full, scale):
    for size in (RenditionSpec(scale=scale).size(*full), RenditionSpec(width=320).size(*full),
                 tuple(-(-side // 8) for side in full)):
        fitting = make(width=full[0], height=full[1]).scaled(*size)
        assert (fitting.width, fitting.height) == size


def test_it_fits_a_shape_that_is_rounded_to_even_numbers():
    assert make(width=1920, height=1080).scaled(854, 480).width == 854
    assert make(width=640, height=360).scaled(240, 136).height == 136


@pytest.mark.parametrize('size', [(640, 360), (480, 640), (645, 480), (640, 475), (1280, 720)])
def test_it_does_not_fit_pictures_of_another_shape(size):
    with pytest.raises(CalibrationError, match='640x480 pixels does not fit pictures of '
                                               f'{size[0]}x{size[1]}'):
        make().scaled(*size)


def test_a_size_that_is_none_is_refused():
    with pytest.raises(CalibrationError, match='image_width must be 1 to'):
        make(width=2, height=2).scaled(0, 0)


@pytest.mark.parametrize('part', [(-1, 0, 9, 9), (0, -1, 9, 9), (600, 0, 41, 9), (0, 0, 9, 481)])
def test_a_crop_beyond_the_picture_is_refused(part):
    with pytest.raises(CalibrationError, match='reach beyond the 640x480'):
        make().cropped(*part)


@pytest.mark.parametrize(('changes', 'sentence'), [
    ({'width': 0}, 'image_width must be 1 to 65535 pixels, not 0'),
    ({'width': True}, 'image_width must be'),
    ({'height': 480.0}, 'image_height must be 1 to 65535 pixels, not 480.0'),
    ({'height': 10**5000}, 'image_height must be'),
    ({'name': 5}, 'camera_name must be a text, not 5'),
    ({'distortion_model': 'wavy'}, "one of plumb_bob, .*, not 'wavy'"),
    ({'distortion_model': 'x' * 1000}, r"'x{5,15}\.\.\.x{5,15}'$"),
    ({'distortion_model': ['plumb_bob']}, 'distortion_model must be one of'),
    ({'d': (1, 2, 3)}, 'distortion_coefficients must have 4 or 5 elements, not 3'),
    ({'d': (0,) * 5, 'distortion_model': 'equidistant'}, 'must have 4 elements, not 5'),
    ({'d': (0, 0, 0, 0, float('nan'))}, 'distortion_coefficients contains nan, which is no'),
    ({'d': (0, 0, 0, 0, float('-inf'))}, 'contains -inf'),
    ({'d': (0, 0, 0, 0, 1e12)}, 'contains 1000000000000.0'),
    ({'d': (0, 0, 0, 0, 10**400)}, 'is not a usable number'),
    ({'d': (0, 0, 0, 0, True)}, 'contains True'),
    ({'d': (0, 0, 0, 0, None)}, 'contains None'),
    ({'d': (0, 0, 0, 0, 'much')}, "contains 'much'"),
    ({'k': (500, 0, 310, 0, 510, 250)}, 'camera_matrix must have 9 elements, not 6'),
    ({'k': (0,) * 9}, 'with fx and fy above 0'),
    ({'k': (-500, 0, 310, 0, 510, 250, 0, 0, 1)}, 'camera_matrix .* fx and fy above 0'),
    ({'k': (500, 0, 310, 0, 0, 250, 0, 0, 1)}, 'camera_matrix .* fx and fy above 0'),
    ({'k': (500, 1, 310, 0, 510, 250, 0, 0, 1)}, 'camera_matrix must be .fx, 0, cx, 0'),
    ({'k': (500, 0, 310, 0, 510, 250, 0, 0, 2)}, 'camera_matrix must be'),
    ({'r': (0,) * 9}, 'rectification_matrix must be a rotation'),
    ({'r': (1, 0, 0, 0, 1, 0, 0, 0, -1)}, 'rectification_matrix must be a rotation'),
    ({'r': (1e9,) * 9}, 'rectification_matrix must be a rotation'),
    ({'p': (490, 0, 305, 0, 0, 495, 245, 0, 0, 0, 1)}, 'must have 12 elements, not 11'),
    ({'p': (0,) * 12}, 'projection_matrix .* fx and fy above 0'),
    ({'p': (490, 0, 305, 0, 0, 495, 245, 0, 0, 0, 1, 1)}, 'projection_matrix must be'),
])
def test_what_cannot_be_a_calibration_is_refused(changes, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        make(**changes)


def test_signs_and_zeros_are_as_people_expect_them():
    twisted = make(d=(0,) * 5, p=(490, 0, 305, 0, 0, 495, 245, 0, 0, 0, 1, 0)).flipped(True, True)
    assert '-0.0' not in str(twisted)
    assert make().flipped(True, False).d == (0.1, -0.2, 0.003, 0.004, 0.05)
    assert make().flipped(False, True).d == (0.1, -0.2, -0.003, -0.004, 0.05)
    assert make().flipped(True, False).p[2:4] == (334, 40)
    assert make().flipped(False, True).p[6:8] == (234, -7)


@given(calibrations())
def test_a_mapping_and_back_is_the_same(calibration):
    assert Calibration.from_mapping(calibration.as_mapping()) == calibration


def without(key):
    mapping = make().as_mapping()
    del mapping[key]
    return mapping


def changed(key, **values):
    mapping = make().as_mapping()
    mapping[key] = {**mapping[key], **values}
    return mapping


@pytest.mark.parametrize(('mapping', 'sentence'), [
    (None, 'it has no image_width'), ([1], 'it has no image_width'), ('text', 'it has no image'),
    *((without(key), f'{key} is missing') for key in make().as_mapping()
      if key not in ('camera_name', 'distortion_model')),
    ({**make().as_mapping(), 'camera_matrix': [1]}, 'camera_matrix must have rows, cols and'),
    (changed('camera_matrix', data='123456789'), 'camera_matrix must have rows, cols and'),
    (changed('camera_matrix', data=None), 'camera_matrix must have rows, cols and'),
    (changed('camera_matrix', data=[1] * 8), 'must have 3x3 elements as it says, not 8'),
    (changed('camera_matrix', rows=9, cols=1), 'camera_matrix must have 3 rows and 3 cols'),
    (changed('distortion_coefficients', cols=4), 'must have 1x4 elements as it says, not 5'),
    (changed('distortion_coefficients', rows=None), 'must have rows and cols'),
    (changed('projection_matrix', data=[[490]] * 12), r'contains \[490\]'),
])
def test_a_mapping_that_is_no_calibration_is_refused(mapping, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        Calibration.from_mapping(mapping)


def test_what_old_files_leave_out_is_filled_in():
    assert Calibration.from_mapping(without('distortion_model')) == make()
    assert Calibration.from_mapping(without('camera_name')).name == 'unknown'
    assert Calibration.from_mapping({**make().as_mapping(), 'camera_name': 814}).name == '814'
