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

"""The services in config/ are what systemd understands, and go by our exit codes."""

from pathlib import Path
import re
import shutil
import subprocess
import sys

from pi_camera_stream.core.exit_codes import MISTAKE, USAGE
from pi_camera_stream.serve.configuration import read_configuration
import pytest

CONFIG = Path(__file__).resolve().parents[2] / 'config'
SERVICES = sorted(CONFIG.glob('*.service'))


@pytest.fixture(params=SERVICES, ids=lambda path: path.name)
def service(request):
    return request.param


def test_there_are_two():
    assert [path.name for path in SERVICES] == [
        'pi_camera_stream.service', 'pi_camera_stream_ros.service']


def test_systemd_understands_it(service, tmp_path, missing):
    analyze = shutil.which('systemd-analyze')
    if analyze is None:
        missing('the command systemd-analyze is not installed')
    # It looks whether the program is there.
    text = service.read_text().replace('/opt/pi_camera_stream/.venv/bin/python', sys.executable)
    copy = tmp_path / service.name
    copy.write_text(text)
    answer = subprocess.run([analyze, 'verify', copy], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, '')
    # And it says so of what it does not know.
    copy.write_text(text.replace('KillMode=mixed', 'KillMode=softly'))
    answer = subprocess.run([analyze, 'verify', copy], capture_output=True, text=True)
    assert 'softly' in answer.stderr


def test_what_has_to_be_mended_is_not_started_again(service):
    codes = re.search(r'^RestartPreventExitStatus=(.*)$', service.read_text(), re.MULTILINE)
    assert {str(MISTAKE), str(USAGE)} < set(codes.group(1).split())


def test_it_keeps_the_cameras(service):
    settings = set(re.findall(r'^(\w+)=', service.read_text(), re.MULTILINE))
    assert not settings & {'PrivateDevices', 'ProtectClock', 'DeviceAllow', 'DevicePolicy'}
    assert 'SupplementaryGroups=video' in service.read_text()


def test_it_is_started_with_what_it_takes():
    command = re.search(r'^ExecStart=(.*)$', SERVICES[0].read_text(), re.MULTILINE).group(1)
    words = command.replace('${CREDENTIALS_DIRECTORY}/parameters',
                            str(CONFIG / 'defaults.yaml')).split()
    assert words[1:4] == ['-m', 'pi_camera_stream', 'serve']
    assert read_configuration(words[4:]).bridge['port'] == 8080
