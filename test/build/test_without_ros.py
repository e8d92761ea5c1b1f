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

"""From a clean checkout to a picture, where there is no ROS and no wheel of it."""

import os
import platform
import re
import signal
import subprocess
import urllib.request

import pytest
from support.processes import WAIT_S

# As a user's shell has it: no environment of Python's or of ROS 2.
PLAIN = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}


def run(*command):
    return subprocess.run(command, env=PLAIN, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=4 * WAIT_S)


@pytest.fixture
def debian(sources, missing):
    """See that Debian's packages are there, so that setup installs none here."""
    answer = run('/usr/bin/python3', sources / 'script' / 'libraries.py', '--missing')
    if answer.returncode or answer.stdout.strip():
        missing(f'packages of Debian are missing: {answer.stdout}{answer.stderr}')


@pytest.fixture
def other_machine(missing):
    """Return the beginning of a command that believes to be on a machine without wheels."""
    if platform.machine() != 'x86_64':
        missing('this needs a machine that can run the programs of another one')
    return 'setarch', 'i686'


@pytest.mark.usefixtures('debian')
def test_the_demo_shows_pictures_on_debians_packages_alone(sources):
    with subprocess.Popen([sources / 'script' / 'demo', '--system', '--source', 'pattern',
                           '--size', '320x240', '--port', '0'], env=PLAIN, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as demo:
        try:
            said = demo.stdout.readline() + demo.stdout.readline()
            assert 'Without ROS 2' in said
            port = re.search(r'Open http://\S+:(\d+)/ in a browser', said).group(1)
            for name in ('snapshot.jpg', 'snapshot.jpg?topic=/camera/image_processed'):
                with urllib.request.urlopen(f'http://127.0.0.1:{port}/{name}',
                                            timeout=WAIT_S) as answer:
                    assert answer.read(2) == b'\xff\xd8'
            demo.send_signal(signal.SIGINT)
            assert demo.wait(WAIT_S) == 0
        finally:
            demo.kill()
    # Nothing came from elsewhere, and what was chosen once stays.
    packages, = (sources / '.venv').glob('lib/python*/site-packages')
    assert [path.name for path in packages.iterdir()] == ['pi_camera_stream.pth']
    assert run(sources / 'script' / 'setup').stderr == ''


@pytest.mark.usefixtures('debian')
def test_a_machine_without_wheels_does_without_ros(sources, other_machine):
    setup = sources / 'script' / 'setup'
    (sources / '.venv' / 'ready').unlink(missing_ok=True)
    answer = run(*other_machine, setup)
    assert answer.returncode == 0
    assert 'with the packages of this system, without ROS' in answer.stderr
    assert run(*other_machine, setup).stderr == ''
    answer = run(*other_machine, setup, '--distro', 'jazzy')
    assert answer.returncode == 1
    assert '--distro asks for the wheels of ROS 2 jazzy, which are for x86-64' in answer.stderr
    assert 'Leave --distro out' in answer.stderr
