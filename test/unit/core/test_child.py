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
import subprocess
import sys
import time

from pi_camera_stream.core.child import Child
from pi_camera_stream.core.errors import TemporaryError
import pytest
from support.processes import alive, gone, WAIT_S

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('here', flush=True)
time.sleep(1000)
"""


def python(code):
    return Child([sys.executable, '-I', '-S', '-c', code])


def read(child, wanted=1):
    """Return what the child writes, `wanted` bytes at least."""
    data, deadline = b'', time.monotonic() + WAIT_S
    while len(data) < wanted:
        assert time.monotonic() < deadline
        data += child.read(1.0)
    return data


def descriptors():
    return len(os.listdir('/proc/self/fd'))


def test_what_it_writes_is_read_and_what_it_is_told_arrives():
    before = descriptors()
    child = python('import sys; print(sys.stdin.readline()[::-1].strip())')
    assert child.read(0.0) == b''
    assert child.write(b'olleh\n')
    assert read(child, 6) == b'hello\n'
    child.stop()
    assert descriptors() == before


@pytest.mark.parametrize(('code', 'sentence'), [
    ('raise SystemExit(7)', 'has ended with exit code 7'),
    ('import os; os.kill(os.getpid(), 9)', 'was ended by SIGKILL'),
    ('import os, time; os.close(1); time.sleep(1000)', 'has closed its output'),
])
def test_how_it_ended_is_said(code, sentence):
    child = python(code)
    with pytest.raises(TemporaryError, match=f'python.* {sentence}'):
        read(child)
    assert not child.write(b'x' * 10) or alive(child.pid)
    child.stop()


def test_a_program_that_is_not_there_has_ended():
    child = Child(['/nowhere/rpicam-vid'])
    with pytest.raises(TemporaryError, match='rpicam-vid has ended with exit code 1'):
        read(child)
    child.stop()


@pytest.mark.parametrize('stopped', [False, True])
def test_it_ends_for_certain(stopped):
    child = python(STUBBORN)
    read(child)
    if stopped:
        os.kill(child.pid, signal.SIGSTOP)
    child.stop()
    assert not alive(child.pid)


@pytest.mark.timeout(60)
def test_one_that_nothing_ends_is_not_waited_for(monkeypatch):
    child = python(STUBBORN)
    read(child)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'killpg', lambda pid, number: None)  # as where a driver hangs
        child.stop()
    assert alive(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    gone([child.pid])


def test_what_it_has_started_ends_with_it():
    child = python("import subprocess, time; "
                   "print(subprocess.Popen(['sleep', '1000']).pid, flush=True); time.sleep(1000)")
    grandchild = int(read(child))
    assert alive(grandchild)
    child.stop()
    assert gone([grandchild])


def test_it_does_not_outlive_its_parent():
    parent = subprocess.Popen(
        [sys.executable, '-c', f"""
import sys, time
from pi_camera_stream.core.child import Child
child = Child([sys.executable, '-I', '-S', '-c', {STUBBORN!r}])
while not child.read(1.0):
    pass
print(child.pid, flush=True)
time.sleep(1000)
"""], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    os.kill(pid, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone([pid])
