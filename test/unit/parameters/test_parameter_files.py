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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.files import check_parameter_file, matches
import pytest

OURS = 'camera', 'http_bridge', 'opencv_consumer'
NODES = tuple(f'/robot/camera/{name}' for name in OURS)
SECRET = 'correct horse'


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'robot.yaml'


def section(name, **values):
    lines = [f'    {key}: {value}\n' for key, value in values.items()]
    return f'{name}:\n  ros__parameters:\n{"".join(lines)}'


@pytest.mark.parametrize('name', [
    '/**', '/**/camera', '/robot/camera/camera', 'robot/camera/camera', '/*/*/camera',
    '/robot/**', '/robot/camera/*'])
def test_a_file_that_a_node_reads_is_right(file, name):
    file.write_text(section(name, fps=10.0))
    assert check_parameter_file(file, NODES, OURS) == []


def test_names_may_be_nested(file):
    file.write_text('/robot:\n  camera:\n    http_bridge:\n      ros__parameters:\n'
                    f'        access_token: {SECRET}\n')
    assert check_parameter_file(file, NODES, OURS) == []


@pytest.mark.parametrize(('content', 'sentence'), [
    (section('/camera', fps=10.0), "for none of the nodes .*its sections are '/camera'.*"
                                   "'/\\*\\*/camera:'"),
    (section('/**/camera/left', fps=10.0), 'for none of the nodes'),
    ('/**/camera:\n  fps: 10.0\n', "no section with 'ros__parameters:'"),
    ('ros__parameters:\n  fps: 10.0\n', "no section with 'ros__parameters:'"),
    ('', "no section with 'ros__parameters:'"),
    ('- a\n- b\n', "no section with 'ros__parameters:'"),
    (f'a: 1\naccess_token: {SECRET}\n]\n', 'see its line 3, column 1'),
    ('a: 1\n---\nb: 2\n', 'not valid YAML'),
    ('\x00', 'not valid YAML'),
    ('[' * 100_000, 'not valid YAML'),
])
def test_one_that_nobody_would_read_is_refused_in_one_sentence(file, content, sentence):
    file.write_text(content)
    with pytest.raises(PermanentError, match=sentence) as refused:
        check_parameter_file(file, NODES, OURS)
    assert '\n' not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_one_that_cannot_be_read_is_refused(tmp_path):
    for path, why in ((tmp_path / 'missing.yaml', 'No such file'), (tmp_path, 'Is a directory')):
        with pytest.raises(PermanentError, match=why):
            check_parameter_file(path, NODES, OURS)


def test_bytes_that_are_no_text_are_refused(file):
    file.write_bytes(b'/**:\n  \xff\xfe' + os.urandom(64) + b'\xff')
    with pytest.raises(PermanentError, match='not valid YAML'):
        check_parameter_file(file, NODES, OURS)


@pytest.mark.parametrize('name', ['access_token', 'driver_token'])
def test_a_token_that_nobody_would_ask_for_is_refused(file, name):
    wrong = section('/**/http_brigde', **{name: SECRET})
    file.write_text(section('/**/camera', fps=10.0) + wrong)
    with pytest.raises(PermanentError, match="'/\\*\\*/http_brigde' is for none") as refused:
        check_parameter_file(file, NODES, OURS)
    assert SECRET not in str(refused.value)
    # Nor when it is the file of the camera only.
    file.write_text(section('/**/camera', fps=10.0) + wrong.replace('brigde', 'bridge'))
    with pytest.raises(PermanentError, match=f'{name} .*http_bridge:'):
        check_parameter_file(file, NODES[:1], OURS)
    assert check_parameter_file(file, NODES, OURS) == []


def test_a_name_that_resembles_ours_is_odd(file):
    file.write_text(section('/**/camera', fps=10.0) + section('/**/opencv_consumr', a=1))
    odd, = check_parameter_file(file, NODES, OURS)
    assert "'/**/opencv_consumr'" in odd
    assert "'/**/opencv_consumer:'" in odd


def test_other_nodes_and_those_that_are_not_started_are_not_odd(file):
    file.write_text(''.join(section(name, a=1) for name in (
        '/**/http_bridge', '/**/opencv_consumer', '/base/controller', '/**/lidar')))
    assert check_parameter_file(file, NODES[1:2], OURS) == []


def test_what_is_no_name_matches_nothing():
    assert not matches('/**/(camera', '/camera/camera')
