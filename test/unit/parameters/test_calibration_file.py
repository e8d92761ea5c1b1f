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
import os
from pathlib import Path
import stat

from hypothesis import example, given
from hypothesis import strategies as st
from pi_camera_stream.core.calibration import Calibration, CalibrationError
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.calibration_file import load, parse_yaml, resolve, save, to_yaml
import pytest

# As cameracalibrator writes it, with its spaces and line ends.
WRITTEN = """image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [500.12346,   0.     , 310.     ,
           0.     , 510.     , 250.     ,
           0.     ,   0.     ,   1.     ]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.100000, -0.200000, 0.003000, -0.004000, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0.,
         0., 1., 0.,
         0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [490.,   0., 305.,   0.,
           0., 495., 245.,   0.,
           0.,   0.,   1.,   0.]
"""
GIVEN = Calibration(640, 480, 'narrow_stereo', 'plumb_bob', (0.1, -0.2, 0.003, -0.004, 0),
                    (500.12346, 0, 310, 0, 510, 250, 0, 0, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1),
                    (490, 0, 305, 0, 0, 495, 245, 0, 0, 0, 1, 0))
NUMBERS = st.floats(-1e9, 1e9)


def test_what_cameracalibrator_writes_is_read():
    assert parse_yaml(WRITTEN) == GIVEN


def test_small_numbers_without_a_point_are_read():  # PyYAML takes them for texts
    assert parse_yaml(WRITTEN.replace('0.003000', '3e-05')).d[2] == 3e-05


@given(st.lists(NUMBERS, min_size=5, max_size=5), st.text())
@example([1e-05, 1e-300, 123456789.123, 0.1 + 0.2, -0.0], 'yes')
def test_every_digit_survives(numbers, name):
    calibration = replace(GIVEN, d=tuple(numbers), name=name)
    assert parse_yaml(to_yaml(calibration)) == calibration


@pytest.mark.parametrize(('text', 'sentence'), [
    ('', 'it has no image_width'),
    ('{', 'it is not YAML, see line 1'),
    ('a: b\n\tc: d', 'it is not YAML, see line 2'),
    ('%YAML:1.0\n---\nM: !!opencv-matrix\n  rows: 3', 'it is not YAML'),
    ('when: 2001-99-99', 'it is not YAML'),
    ('a: 0b_', 'it is not YAML'),
    ('a: !!bool maybe', 'it is not YAML'),
    ('a: !!int ""', 'it is not YAML'),
    ('a: !!timestamp soon', 'it is not YAML'),
    ('[' * 5000, 'it is not YAML'),
    ('!!python/object/apply:os.system [true]', 'it is not YAML'),
    ('a: &a [*a]', 'image_width is missing'),
    (WRITTEN.replace('640', '-640'), 'image_width must be'),
    (WRITTEN.replace('640', '0b'), "image_width must be .*, not '0b'"),
    (WRITTEN.replace('0.003000', '.nan'), 'contains nan'),
    (WRITTEN.replace('0.003000', '.inf'), 'contains inf'),
    (WRITTEN.replace('0.003000', 'yes'), 'contains True'),
    (WRITTEN.replace('0.003000', '&a [*a]'), 'is not a usable number'),
    (WRITTEN.replace('plumb_bob', 'wavy'), "not 'wavy'"),
    (WRITTEN.replace('camera_matrix', 'camera_matrices'), 'camera_matrix is missing'),
])
def test_text_that_is_no_calibration_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(CalibrationError, match=sentence) as refusal:
        parse_yaml(text)
    assert '\n' not in str(refusal.value)


def test_a_text_that_explodes_is_refused_at_once():
    lines = ['a0: &a0 [1]'] + [f'a{n}: &a{n} [{f"*a{n - 1}, " * 9}]' for n in range(1, 30)]
    with pytest.raises(CalibrationError, match='is not a usable number'):
        parse_yaml('\n'.join([*lines, WRITTEN.replace('0.003000', '*a29')]))


def _either(text):
    try:
        return parse_yaml(text)
    except CalibrationError as error:
        return error


@given(st.text(alphabet='{}[]:,-!&*#?|>@%"\'\n 0bxe.~<=yn', max_size=60))
def test_no_text_does_worse_than_to_be_refused(text):
    assert isinstance(_either(text), CalibrationError)


@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, 9), st.text(max_size=9))
def test_a_damaged_file_is_read_or_refused(place, length, text):
    found = _either(WRITTEN[:place] + text + WRITTEN[place + length:])
    assert isinstance(found, Calibration | CalibrationError)


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.delenv('ROS_HOME', raising=False)
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))


@pytest.mark.parametrize(('url', 'path'), [
    ('', '{home}/.ros/camera_info/imx708.yaml'),
    ('file://${ROS_HOME}/camera_info/${NAME}.yaml', '{home}/.ros/camera_info/imx708.yaml'),
    ('file:///a/b%20c d.yaml', '/a/b%20c d.yaml'),
    ('FILE:///a.yaml', '/a.yaml'),
    ('file:///$a/${NAME}/${NAME}$', '/$a/imx708/imx708$'),
])
def test_the_url_is_understood_as_camera_info_manager_does(url, path, tmp_path):
    assert resolve(url, 'imx708') == Path(path.format(home=tmp_path))


def test_ros_home_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv('ROS_HOME', '/var/ros')
    assert resolve('', 'eye') == Path('/var/ros/camera_info/eye.yaml')


@pytest.mark.parametrize(('name', 'part'), [
    ('/base/soc/i2c0mux/i2c@1/imx708@1a', 'base_soc_i2c0mux_i2c_1_imx708_1a'),
    ('../../etc/passwd', 'etc_passwd'), ('', 'camera'), ('äöü', 'camera'), ('a b', 'a_b')])
def test_a_name_is_no_path(name, part):
    assert resolve('file:///f/${NAME}.yaml', name) == Path(f'/f/{part}.yaml')


def test_a_package_is_found(monkeypatch, tmp_path):
    marker = tmp_path / 'two/share/ament_index/resource_index/packages/robot'
    marker.parent.mkdir(parents=True)
    marker.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path}/one:{tmp_path}/two')
    assert resolve('package://robot/config/${NAME}.yaml', 'eye') == \
        tmp_path / 'two/share/robot/config/eye.yaml'
    with pytest.raises(PermanentError, match=r"'rabbit'.*: source the workspace"):
        resolve('package://rabbit/a.yaml', 'eye')


@pytest.mark.parametrize('url', [
    'calibration.yaml', '/a.yaml', 'file://a.yaml', 'file:/a.yaml', 'flash:///a', 'package://robot',
    'package://robot/', 'package:///a.yaml', 'http://host/a.yaml', 'file:///a\0b', ' '])
def test_a_url_that_is_none_is_refused_with_the_remedy(url):
    with pytest.raises(PermanentError, match=r'set it to file:///path\.yaml or package://'):
        resolve(url, 'eye')


def test_an_unknown_substitution_is_refused():
    with pytest.raises(PermanentError, match=r'\$\{HOME\}, but only \$\{NAME\}'):
        resolve('file://${HOME}/a.yaml', 'eye')


def test_a_ros_home_that_is_no_whole_path_is_refused(monkeypatch):
    monkeypatch.setenv('ROS_HOME', 'here')
    with pytest.raises(PermanentError, match="ROS_HOME is 'here': set it"):
        resolve('', 'eye')


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'eye.yaml'
    assert load(path) is None
    save(path, GIVEN)
    assert load(path) == GIVEN
    save(path, replace(GIVEN, name='other'))
    assert load(path).name == 'other'
    assert os.listdir(path.parent) == ['eye.yaml']


def test_permissions_are_kept(tmp_path):
    path = tmp_path / 'eye.yaml'
    save(path, GIVEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # others may read it
    path.chmod(0o640)
    save(path, GIVEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    link, path = tmp_path / 'link.yaml', tmp_path / 'eye.yaml'
    save(path, GIVEN)
    link.symlink_to(path)
    save(link, replace(GIVEN, name='other'))
    assert link.is_symlink()
    assert load(path).name == 'other'


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / 'eye.yaml'
    save(path, GIVEN)
    with path.open() as reader:
        save(path, replace(GIVEN, name='other'))
        assert parse_yaml(reader.read()) == GIVEN


@pytest.mark.parametrize('failing', ['fsync', 'replace', 'chmod'])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, failing):
    def full(*_):
        raise OSError(28, 'No space left on device')

    path = tmp_path / 'eye.yaml'
    save(path, GIVEN)
    monkeypatch.setattr(os, failing, full)
    with pytest.raises(CalibrationError, match=r'cannot be saved as .*eye\.yaml: No space left'):
        save(path, replace(GIVEN, name='other'))
    assert load(path) == GIVEN
    assert os.listdir(tmp_path) == ['eye.yaml']


def test_places_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / 'file').touch()
    (tmp_path / 'folder').mkdir()
    with pytest.raises(CalibrationError, match=r'file/eye\.yaml: File exists'):
        save(tmp_path / 'file' / 'eye.yaml', GIVEN)
    with pytest.raises(CalibrationError, match='folder: Is a directory'):
        save(tmp_path / 'folder', GIVEN)
    with pytest.raises(CalibrationError, match='cannot be saved'):
        save(Path('/proc/version/eye.yaml'), GIVEN)
    assert sorted(os.listdir(tmp_path)) == ['file', 'folder']


def test_what_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / 'binary').write_bytes(b'\xff\xfe\x00')
    (tmp_path / 'text').write_text('hello')
    (tmp_path / 'long').write_text(WRITTEN + '#' * 2**20)
    os.mkfifo(tmp_path / 'pipe')
    for name, sentence in [('binary', 'it is not text'),
                           ('text', 'it has no image_width'),
                           ('long', 'is too large'), ('pipe', 'is not a file'),
                           ('.', 'is not a file'),
                           ('text/a', 'cannot be read: Not a directory')]:
        with pytest.raises(CalibrationError, match=sentence) as refusal:
            load(tmp_path / name)
        assert str(refusal.value).startswith(str(tmp_path))
