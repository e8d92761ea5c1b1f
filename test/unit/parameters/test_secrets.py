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

from pi_camera_stream.parameters.files import named_files
from pi_camera_stream.parameters.secrets import exposed
import pytest

SECRET = "'/**/http_bridge':\n  ros__parameters:\n    access_token: correct-horse\n"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file with a mode, and returns its path."""
    def write(name, text, mode):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return path
    return write


def test_who_leaves_a_token_to_everyone_is_told_how_to_mend_it(write):
    path = write('robot.yaml', SECRET, 0o644)
    sentence, = exposed([path, path], '')
    assert 'access token' in sentence and f'`chmod 600 {path}`' in sentence


@pytest.mark.parametrize('line', [
    'outlets: tcp://:5001,rtsp://me:secret@server/live',
    'ice_servers: turn:me:secret@turn.example.org'])
def test_a_password_in_an_address_is_a_secret_too(write, line):
    text = SECRET.replace('access_token: correct-horse', line)
    sentence, = exposed([write('robot.yaml', text, 0o644)], '')
    assert 'the password in' in sentence
    assert list(exposed([write('robot.yaml', text.split('me:')[0], 0o644)], '')) == []


@pytest.mark.parametrize(('text', 'mode'), [
    (SECRET, 0o600), (SECRET, 0o640), (SECRET.replace('correct-horse', "''"), 0o644),
    ('- no sections', 0o644), ('\t', 0o644)])
def test_where_nothing_is_open_nothing_is_said(write, text, mode):
    assert list(exposed([write('robot.yaml', text, mode), Path('/nothing')], '/nothing')) == []


def test_a_key_is_a_secret_too(write):
    path = write('key.pem', 'key', 0o604)
    sentence, = exposed([], str(path))
    assert 'private key' in sentence and f'`chmod 600 {path}`' in sentence
    path.chmod(0o600)
    assert not list(exposed([], str(path)))


def test_files_are_those_that_the_command_line_names():
    assert named_files(['bridge', '--ros-args', '--params-file', 'a', '-p', 'x:=1',
                        '--params-file', 'b']) == [Path('a'), Path('b')]
