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
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.vision.aruco import ArucoProcessor, DICTIONARIES
from pi_camera_stream.vision.lens import project
import pytest
from support.vision import (
    angle_between,
    camera,
    create,
    defaults,
    facing,
    find,
    info,
    marker,
    photograph,
)

LENGTH_M = 0.2
CAMERAS = {
    'straight': camera(),
    'plumb_bob': camera(d=(-0.25, 0.08, 0.001, -0.0005, 0.0)),
    'rational_polynomial': camera('rational_polynomial',
                                  (-0.2, 0.05, 0.0005, 0.0005, 0.0, 0.02, 0.0, 0.0)),
    'fisheye': camera('equidistant', (-0.02, 0.004, -0.001, 0.0002), focal=280.0),
}
POSES = {
    'ahead': facing(0.0, 0.0, 1.0, turned=0.4, tilted=0.2),
    'to the left, above': facing(-0.3, -0.2, 0.9, turned=-0.5, tilted=0.3),
    'to the right, below': facing(0.35, 0.25, 1.2, turned=0.6, tilted=-0.4),
}


@pytest.mark.parametrize('lens', CAMERAS)
@pytest.mark.parametrize('where', POSES)
def test_a_photographed_marker_has_its_pose(lens, where):
    calibration, pose = CAMERAS[lens], POSES[where]
    image = photograph(marker(23), LENGTH_M, pose, calibration)
    found, = find('aruco', image, calibration, marker_length=LENGTH_M).detections
    assert (found.label, found.id, found.size_m) == ('marker', '23', LENGTH_M)
    error_m = np.linalg.norm(np.subtract(found.pose.position, pose.position))
    assert error_m < 0.015 * np.linalg.norm(pose.position), found.pose
    assert angle_between(found.pose.orientation, pose.orientation) < 3
    assert np.linalg.norm(found.pose.orientation) == pytest.approx(1)


def test_the_corners_are_where_the_pose_says():
    calibration, pose = CAMERAS['plumb_bob'], POSES['to the left, above']
    image = photograph(marker(23), LENGTH_M, pose, calibration)
    found, = find('aruco', image, calibration, marker_length=LENGTH_M).detections
    half = LENGTH_M / 2
    expected = project([(-half, half, 0), (half, half, 0), (half, -half, 0), (-half, -half, 0)],
                       pose, calibration)
    assert np.abs(np.array(found.corners) - expected).max() < 0.5  # pixels
    xs, ys = zip(*expected, strict=True)
    assert found.x == pytest.approx(min(xs), abs=2)
    assert found.y + found.height == pytest.approx(max(ys), abs=2)


@pytest.mark.parametrize(('calibration', 'values'), [
    (None, {'marker_length': LENGTH_M}), (CAMERAS['straight'], {'marker_length': 0.0})])
def test_without_calibration_or_size_there_are_ids_but_no_poses(calibration, values):
    image = photograph(marker(3), LENGTH_M, POSES['ahead'], CAMERAS['straight'])
    found, = find('aruco', image, calibration, **values).detections
    assert found.id == '3'
    assert found.pose is None


@pytest.mark.parametrize('dictionary', DICTIONARIES)
def test_every_dictionary_that_is_offered_works(dictionary):
    image = cv2.cvtColor(marker(5, dictionary, side=200), cv2.COLOR_GRAY2BGR)
    assert '5' in {found.id for found in find('aruco', image, dictionary=dictionary).detections}


def test_several_markers_in_one_picture():
    image = np.hstack([marker(number, side=160) for number in (1, 2, 30)])
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    found = find('aruco', image).detections
    assert {detection.id for detection in found} == {'1', '2', '30'}


def test_the_axes_are_drawn():
    calibration = CAMERAS['fisheye']
    image = photograph(marker(23), LENGTH_M, POSES['ahead'], calibration)
    processor = create('aruco', marker_length=LENGTH_M)
    shown = processor.annotate(image.copy(), processor.process(image, info(image, calibration)))
    for colour in ((0, 0, 255), (0, 255, 0), (255, 0, 0)):
        assert (shown == colour).all(axis=2).sum() > 20


def test_an_opencv_without_aruco_is_explained(monkeypatch):
    monkeypatch.delattr(cv2, 'aruco')
    with pytest.raises(PermanentError, match='install python3-opencv with apt'):
        ArucoProcessor.check(defaults('aruco'))
