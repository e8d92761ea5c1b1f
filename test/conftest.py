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

"""What all tests share."""

from importlib.util import find_spec
import os
import shutil
import signal
import subprocess
import threading

from hypothesis import settings
import pytest
from support.domains import own_domain

# No deadlines, since machines can be busy.
settings.register_profile('thorough', deadline=None, max_examples=100)
settings.register_profile('quick', deadline=None, max_examples=25)
settings.register_profile('few', deadline=None, max_examples=10)  # where all has run already
settings.load_profile('thorough' if os.environ.get('CI') == 'true' else 'quick')
# What a script's shell starts with & ignores Ctrl-C, and so would all that the tests start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

_IN_CI = os.environ.get('CI') == 'true'


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Leave out what needs PyAV, for which rosdep has no name, or aiortc, where it is missing."""
    outcome = yield
    report = outcome.get_result()
    for module, package in (('av', 'PyAV (python3-av)'), ('aiortc', 'aiortc (python3-aiortc)'),
                            ('aioice', 'aiortc (python3-aiortc)')):
        if report.failed and not _IN_CI and f"No module named '{module}'" in str(report.longrepr):
            report.outcome = 'skipped'
            report.longrepr = str(collector.path), 0, f'Skipped: this needs {package}'


@pytest.fixture(autouse=True)
def _ros_domain(monkeypatch):
    """Let each test meet nobody but itself, on this machine."""
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    with own_domain() as number:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
        yield


@pytest.fixture
def missing():
    """Skip for want of a tool; in continuous integration, where all must run, fail."""
    def report(reason):
        if _IN_CI:
            pytest.fail(f'{reason}, and nothing may be skipped here')
        pytest.skip(reason)
    return report


@pytest.fixture
def video_messages(missing, monkeypatch):
    """Have foxglove_msgs and ffmpeg_image_transport_msgs, here and in what is started."""
    _have_messages(('foxglove_msgs', 'ffmpeg_image_transport_msgs'), missing, monkeypatch)


@pytest.fixture
def audio_messages(missing, monkeypatch):
    """Have audio_common_msgs, here and in what is started."""
    _have_messages(('audio_common_msgs',), missing, monkeypatch)


def _have_messages(packages, missing, monkeypatch):
    from benchmarks.common import messages
    if os.environ.get('ROS_DISTRO') and all(map(find_spec, packages)):
        return
    if reason := messages.unavailable(packages[0]):
        missing(reason)
    folder = str(messages.made())
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv('PYTHONPATH', folder, prepend=os.pathsep)


@pytest.fixture
def certificate(missing, tmp_path):
    """Return the paths of a certificate for 127.0.0.1 and of its key, made by openssl."""
    if shutil.which('openssl') is None:
        missing('the command openssl is not installed')
    paths = str(tmp_path / 'robot.crt'), str(tmp_path / 'robot.key')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:prime256v1', '-nodes', '-out', paths[0], '-keyout',
                    paths[1], '-subj', '/CN=robot', '-addext', 'subjectAltName=IP:127.0.0.1'],
                   check=True, capture_output=True)
    return paths


@pytest.fixture
def pyav(missing):
    """See that PyAV is there."""
    _require('av', 'PyAV (python3-av)', missing)


@pytest.fixture
def aiortc(missing):
    """See that aiortc is there."""
    _require('aiortc', 'aiortc (python3-aiortc)', missing)


@pytest.fixture
def gpiozero(missing):
    """See that gpiozero is there."""
    _require('gpiozero', 'gpiozero (python3-gpiozero)', missing)


@pytest.fixture
def cyclonedds(missing):
    """See that the Python package of Cyclone DDS is there."""
    _require('cyclonedds', 'the Python package cyclonedds', missing)


@pytest.fixture
def cryptography(missing):
    """See that what makes certificates is there."""
    _require('cryptography', 'the Python package cryptography (python3-cryptography)', missing)


@pytest.fixture
def qrcode(missing):
    """See that what draws QR codes is there."""
    _require('qrcode', 'the Python package qrcode (python3-qrcode)', missing)


@pytest.fixture
def pip(missing):
    """See that pip, and what it builds with, is there."""
    _require('pip', 'pip (python3-pip)', missing)
    _require('setuptools', 'setuptools (python3-setuptools)', missing)


def _require(module, words, missing):
    if find_spec(module) is None:
        missing(f'this needs {words}')
