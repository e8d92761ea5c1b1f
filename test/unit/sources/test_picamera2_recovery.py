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
import signal
import threading
import time

from pi_camera_stream.sources import capture_loop
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.capture_loop import CaptureLoop
from pi_camera_stream.sources.picamera2 import Picamera2Source
import pytest
from support.fake_camera import FAKE
from support.processes import alive, children, wait_until

ROUNDS = 20


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the camera in a capture loop and returns both."""
    monkeypatch.setenv('PYTHONPATH', str(FAKE))
    monkeypatch.setattr('pi_camera_stream.core.backoff.Backoff.SHORTEST_S', 0.01)
    monkeypatch.setattr(capture_loop, '_LEAST_SILENCE_S', 0.5)
    loops = []

    def start(**options):
        for name, value in options.items():
            monkeypatch.setenv(f'FAKE_{name}', str(value))
        source = Picamera2Source(SourceSettings(source='picamera2', fps=100.0))
        loops.append(CaptureLoop(source, time.monotonic_ns, problems.append, problems.append,
                                 lambda: None))
        loops[-1].start()
        return loops[-1], source

    problems = []
    yield start
    for loop in loops:
        loop.stop()
        wait_until(lambda loop=loop: not loop._thread.is_alive())


def pictures_come(loop):
    before = loop.captured.total
    wait_until(lambda: loop.captured.total > before + 5)


def descriptors():
    return sorted(os.readlink(f'/proc/self/fd/{fd}').partition(':')[0]
                  for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}'))


@pytest.mark.parametrize('options', [{}, {'STOP': 'hangs'}])
def test_killed_and_stopped_workers_are_replaced_and_nothing_is_left(run, tmp_path, options):
    others, before, threads = set(children(os.getpid())), descriptors(), threading.active_count()
    # The camera has one user at a time, so that a worker left over would keep it.
    loop, source = run(LOCK=tmp_path / 'camera', **options)
    workers = []
    for number in range(ROUNDS):
        pictures_come(loop)
        workers.append(source._child.pid)
        os.kill(workers[-1], (signal.SIGKILL, signal.SIGSTOP)[number % 2])
        wait_until(lambda: not alive(workers[-1]))
    pictures_come(loop)
    assert len(set(workers)) == ROUNDS
    assert loop.restarts >= ROUNDS
    loop.stop()
    wait_until(lambda: not loop._thread.is_alive())
    assert set(children(os.getpid())) == others
    assert descriptors() == before
    assert threading.active_count() == threads


@pytest.mark.parametrize('stop', ['', 'hangs'])
def test_a_sensor_that_falls_silent_is_started_again(run, stop):
    loop, _ = run(STALL_AFTER=7, STOP=stop)
    wait_until(lambda: loop.restarts >= 3 and loop.captured.total > 7)
    pictures_come(loop)
