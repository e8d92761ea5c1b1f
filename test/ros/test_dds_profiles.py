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

from contextlib import contextmanager
from pathlib import Path
import subprocess
import sys

from benchmarks.common import networks
from pi_camera_stream.tools.doctor.surroundings import counters
import pytest
from support.processes import parameters, running, WAIT_S

PROFILE = Path(__file__).resolve().parents[2] / 'config' / 'fastdds_wifi.xml'
VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
ONE_PICTURE = ('from pi_camera_stream import FrameSubscriber\n'
               'with FrameSubscriber("/camera/image_raw/compressed") as frames:\n'
               '    print("picture", next(iter(frames)).image.shape)\n')


def picture(prefix=()):
    """Wait for a picture, in a process of its own."""
    answer = subprocess.run([*prefix, sys.executable, '-c', ONE_PICTURE], timeout=WAIT_S,
                            capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert 'picture (720, 1280, 3)' in answer.stdout
    assert 'XMLPARSER' not in answer.stderr, answer.stderr


@contextmanager
def camera(prefix=()):
    with running('camera', *parameters(source='pattern', jpeg_quality=95),
                 prefix=prefix) as program:
        program.wait_for('publishing')
        yield
    assert 'XMLPARSER' not in program.output, program.output


@pytest.fixture
def profile(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, str(PROFILE))


def test_fast_dds_reads_the_profile_and_stays_on_this_machine(profile):
    with camera():
        picture()


@pytest.mark.parametrize('used', [True, False])
def test_with_the_profile_no_packet_is_a_fragment(used, monkeypatch, missing):
    if reason := networks.unavailable():
        missing(reason)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    if used:
        for name in VARIABLES:
            monkeypatch.setenv(name, str(PROFILE))
    with networks.two_hosts() as (here, there):
        with camera(here):
            picture(there)
        table = subprocess.run([*here, 'cat', '/proc/net/snmp'], capture_output=True, text=True,
                               check=True).stdout
    assert (counters(table)['Ip', 'FragCreates'] == 0) == used
