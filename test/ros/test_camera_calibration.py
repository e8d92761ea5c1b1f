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
import re

from pi_camera_stream.core.calibration import Calibration
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.nodes.camera.camera_calibration import CameraCalibration
from pi_camera_stream.parameters.calibration_file import load, save
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo
from support.guest import Guest

GIVEN = Calibration(640, 480, 'eye', 'plumb_bob', (0.1, -0.2, 0.003, -0.004, 0.05),
                    (500, 0, 310, 0, 510, 250, 0, 0, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1),
                    (490, 0, 305, -40, 0, 495, 245, 0, 0, 0, 1, 0))
ORIENTATIONS = [(False, False), (True, False), (False, True), (True, True)]
# `camera/set_camera_info` in the namespace / is what cameracalibrator calls.
SERVICES = ['camera/set_camera_info', '/camera/eye/set_camera_info']


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Let calibrations go where they harm nobody."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    return tmp_path


@pytest.fixture
def path(home):
    """Return the file in which a camera's calibration is by default."""
    return home / 'camera_info' / 'imx708_wide.yaml'


@pytest.fixture
def camera():
    """Return a node in the namespace of a camera that is spun."""
    guest = Guest('eye', namespace='camera')
    yield guest.node
    guest.close()


def start(node, url='', **options):
    return CameraCalibration(node, url, 'imx708_wide', **options)


def message(calibration, **changes):
    """Return the message that cameracalibrator sends."""
    names = ('width', 'height', 'distortion_model', 'd', 'k', 'r', 'p')
    return CameraInfo(**{**{name: getattr(calibration, name) for name in names}, **changes})


def put(guest, info, service=SERVICES[0]):
    """Call the service as cameracalibrator does; return the response."""
    return guest.call(SetCameraInfo, service, camera_info=info)


def alike(info, calibration):
    """Return whether the message tells this calibration."""
    return (info.width, info.height) == (calibration.width, calibration.height) \
        and info.distortion_model == calibration.distortion_model \
        and all(list(getattr(info, name)) == pytest.approx(getattr(calibration, name), abs=1e-9)
                for name in 'dkrp')


def uncalibrated(info):
    return not info.distortion_model and not info.d and not info.k.any() \
        and not info.r.any() and not info.p.any()


def test_without_a_calibration_the_matrices_are_zero_and_nothing_is_said(camera, capfd):
    info = start(camera).info(640, 480, True, False)
    assert (info.width, info.height) == (640, 480)
    assert uncalibrated(info)
    assert 'calibrat' not in capfd.readouterr().err


@pytest.mark.parametrize('flips', ORIENTATIONS)
def test_a_file_at_the_default_place_counts_for_all_sizes_and_orientations(
        camera, path, flips, capfd):
    save(path, GIVEN)
    calibration = start(camera)
    assert alike(calibration.info(640, 480, *flips), GIVEN.flipped(*flips))
    assert alike(calibration.info(1280, 960, *flips), GIVEN.scaled(1280, 960).flipped(*flips))
    assert calibration.calibration == GIVEN
    assert f"calibration of 'eye' for 640x480 pixels from {path}" in capfd.readouterr().err


def test_the_message_is_made_once_and_anew_when_something_changes(camera, path, guest):
    save(path, GIVEN)
    calibration = start(camera)
    first = calibration.info(640, 480, False, False)
    assert calibration.info(640, 480, False, False) is first
    assert calibration.info(640, 480, True, False) is not first
    again = calibration.info(640, 480, False, False)
    assert alike(again, GIVEN)
    assert put(guest, message(replace(GIVEN, d=(0,) * 5))).success
    assert list(calibration.info(640, 480, False, False).d) == [0] * 5
    assert list(again.d) == list(GIVEN.d)  # somebody may be publishing it just now


def test_a_missing_file_is_only_a_warning_where_one_was_named(camera, home, capfd):
    start(camera, f'file://{home}/none.yaml')
    assert f'there is no file {home}/none.yaml: calibrate it' in capfd.readouterr().err


def test_a_file_that_is_no_calibration_is_a_warning(camera, path, capfd):
    save(path, GIVEN)
    path.write_text(path.read_text().replace('plumb_bob', 'wavy'))
    assert uncalibrated(start(camera).info(640, 480, False, False))
    assert f'uncalibrated, because {path} is not a calibration file: distortion_model must' \
        in capfd.readouterr().err


def test_a_url_that_is_none_does_not_start(camera):
    with pytest.raises(PermanentError, match=r"'camera_info_url' is 'eye\.yaml': set it to"):
        start(camera, 'eye.yaml')


def test_what_does_not_fit_is_one_warning_and_uncalibrated(camera, path, capfd):
    save(path, GIVEN)
    calibration = start(camera)
    for _ in range(3):
        for size in [(640, 360), (320, 180)]:
            assert uncalibrated(calibration.info(*size, False, False))
    assert capfd.readouterr().err.count('does not fit') == 1
    assert alike(calibration.info(640, 480, False, False), GIVEN)


@pytest.mark.parametrize('service', SERVICES)
def test_a_new_calibration_counts_at_once_and_is_saved(camera, path, guest, service):
    calibration = start(camera)
    assert uncalibrated(calibration.info(640, 480, False, False))
    response = put(guest, message(GIVEN), service)
    assert (response.success, response.status_message) == (True, f'saved as {path}')
    assert alike(calibration.info(640, 480, False, False), GIVEN)
    assert load(path) == replace(GIVEN, name='imx708_wide')


@pytest.mark.parametrize('flips', ORIENTATIONS)
def test_a_calibration_of_flipped_pictures_is_right_after_a_restart_either_way(
        camera, path, guest, flips):
    calibration = start(camera)
    calibration.info(1280, 960, *flips)
    assert put(guest, message(GIVEN)).success
    stored = GIVEN.flipped(*flips)
    for one in (calibration, start(camera)):
        assert alike(one.info(640, 480, *flips), GIVEN)
        assert alike(one.info(640, 480, False, False), stored)
        for others in ORIENTATIONS:
            assert alike(one.info(1280, 960, *others), stored.scaled(1280, 960).flipped(*others))
    assert load(path).k == pytest.approx(stored.k)


def test_before_the_first_picture_the_orientation_is_the_one_at_the_start(camera, path, guest):
    start(camera, hflip=True, vflip=True)
    assert put(guest, message(GIVEN)).success
    assert load(path).k == pytest.approx(GIVEN.flipped(True, True).k)


@pytest.mark.parametrize(('info', 'sentence'), [
    (message(GIVEN.cropped(0, 0, 640, 360)), 'does not fit pictures of 1280x960'),
    (CameraInfo(), 'image_width must be 1 to 65535 pixels, not 0'),
    (CameraInfo(width=640, height=480), "distortion_model must be one of .*, not ''"),
    (message(GIVEN, k=[0.0] * 9), 'camera_matrix must be'),
    (message(GIVEN, p=[0.0] * 12), 'projection_matrix must be'),
    (message(GIVEN, r=[float('nan')] * 9), 'rectification_matrix contains nan'),
    (message(GIVEN, d=[float('inf')] * 5), 'distortion_coefficients contains inf'),
    (message(GIVEN, d=[0.0] * 100000), 'must have 4 or 5 elements, not 100000'),
    (message(GIVEN, distortion_model='x' * 100000), 'distortion_model must be one of'),
    (message(GIVEN, width=2**32 - 1), 'image_width must be'),
    (message(GIVEN, binning_x=2), 'with binning or a region of interest is not supported'),
])
def test_what_is_refused_changes_nothing(camera, path, guest, info, sentence):
    save(path, GIVEN)
    calibration = start(camera)
    before = calibration.info(1280, 960, True, False)
    response = put(guest, info)
    assert not response.success
    assert re.search(sentence, response.status_message)
    assert len(response.status_message) < 300
    assert calibration.info(1280, 960, True, False) is before
    assert load(path) == GIVEN
    assert put(guest, message(GIVEN)).success  # and the service goes on


def test_what_cannot_be_saved_changes_nothing(camera, home, guest):
    (home / 'folder').mkdir()
    calibration = start(camera, f'file://{home}/folder')
    before = calibration.info(640, 480, False, False)
    response = put(guest, message(GIVEN))
    assert not response.success
    assert response.status_message == \
        f'the calibration cannot be saved as {home}/folder: Is a directory'
    assert calibration.info(640, 480, False, False) is before
    assert uncalibrated(before)
