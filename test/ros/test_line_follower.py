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



"""The example package, installed as a user does, with its node and ours."""

from contextlib import contextmanager
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from std_msgs.msg import Float64, String
from support.guest import Camera
from support.processes import parameters, running, WAIT_S

EXAMPLE = Path(__file__).resolve().parents[2] / 'examples/line_follower'


@pytest.fixture
def installed(tmp_path, monkeypatch, pip):
    """Install the package into a folder of its own, which the programs look into."""
    sources, site = tmp_path / 'sources', tmp_path / 'site'
    shutil.copytree(EXAMPLE, sources, ignore=shutil.ignore_patterns('__pycache__'))
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index',
                    '--no-build-isolation', '--target', site, sources], check=True)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        filter(None, (str(site), os.environ.get('PYTHONPATH', '')))))
    return site


@contextmanager
def steering_node(site):
    process = subprocess.Popen([sys.executable, site / 'bin/steering'], stderr=subprocess.PIPE)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, complaints
    assert b'Traceback' not in complaints, complaints


def line_at(x):
    image = np.full((480, 640, 3), 190, np.uint8)
    if x is not None:
        cv2.line(image, (x, 479), (x, 0), (40, 40, 40), 40)
    return cv2.imencode('.jpg', image)[1].tobytes()


def test_the_packages_own_tests_pass(installed):
    answer = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider'],
                            cwd=EXAMPLE, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
    assert ' passed' in answer.stdout


def test_a_line_becomes_a_steering_value(installed, guest):
    values = {'processor': 'line_follower', 'line_follower__gain': 0.5}
    with running('consumer', *parameters(**values)), steering_node(installed):
        camera = Camera(guest)
        results = guest.listen(String, '/camera/results')
        steering = guest.listen(Float64, '/camera/steering')
        camera.send_until(line_at(160), lambda: not steering.empty())
        assert steering.get().data == pytest.approx(0.25, abs=0.02)  # it is to the left
        while json.loads(results.get(timeout=WAIT_S).data)['results'][0]['values']:
            camera.send(line_at(None))
        while not steering.empty():
            steering.get()
        for _ in range(5):  # the line is lost: nothing to steer by
            camera.send(line_at(None))
            result, = json.loads(results.get(timeout=WAIT_S).data)['results']
            assert result == {'processor': 'line_follower', 'detections': [], 'values': {}}
        assert steering.empty()
        camera.send_until(line_at(480), lambda: not steering.empty())
        assert steering.get().data == pytest.approx(-0.25, abs=0.02)
