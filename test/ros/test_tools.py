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

import random
import signal
import socket
import subprocess
import time
import urllib.request

from pi_camera_stream.core.shutdown_signals import hold_sigint
import pytest
from support import pictures
from support.processes import children, gone, Program, WAIT_S


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def test_the_demo_shows_everything_and_ctrl_c_leaves_nothing_behind():
    port = free_port()
    demo = Program('demo', '--port', port, '--source', 'pattern', '--size', '320x240',
                   '--fps', '10')
    demo.wait_for(rf'Open http://\S+:{port}/ in a browser')
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/snapshot.jpg', timeout=WAIT_S) as answer:
        assert answer.read(2) == b'\xff\xd8'
    demo.wait_for(r' {1,3}(9|10|11)\.\d frames/s  \|  age +\d+\.\d ms  \|  \d viewers  \|  '
                  r'\d+ detections')
    pids = children(demo.process.pid)
    assert len(pids) == 3
    assert demo.stop() == 0
    assert gone(pids)
    assert 'Traceback' not in demo.output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_demo_at_any_moment(number):
    for _ in range(5):
        with hold_sigint():  # until Python itself is there
            demo = Program('demo', '--port', free_port(), '--source', 'pattern')
        time.sleep(random.uniform(0.0, 3.0))
        pids = children(demo.process.pid)
        demo.process.send_signal(number)
        assert demo.stop(number) in (0, -number), demo.output  # the latter while it imports
        assert gone(pids)
        assert 'Traceback' not in demo.output, demo.output
        assert 'Fatal' not in demo.output, demo.output


def test_the_demo_ends_with_its_pipe_and_with_its_time():
    demo = Program('demo', '--source', 'stdin', '--port', free_port(), '--no-consumer',
                   stdin=subprocess.PIPE)
    demo.process.stdin.write(pictures.jpeg())
    demo.process.stdin.close()
    assert demo.wait() == 0, demo.output
    demo.wait_for('the camera has ended')
    demo = Program('demo', '--source', 'pattern', '--port', free_port(), '--seconds', '6')
    assert demo.wait() == 0, demo.output


def test_the_demo_without_a_camera_says_so():
    demo = Program('demo', '--port', free_port(), '--no-consumer')
    demo.wait_for('source auto found no camera')
    demo.wait_for('frames/s')
    assert demo.stop(signal.SIGTERM) == 0


def test_what_fails_in_the_demo_ends_it_with_one_sentence():
    with socket.socket() as other:
        other.bind(('0.0.0.0', 0))
        other.listen()
        demo = Program('demo', '--port', other.getsockname()[1])
        assert demo.wait() == 1
    demo.wait_for('which is in use')
    demo.wait_for('the bridge has failed, see above')
    assert 'Traceback' not in demo.output


@pytest.mark.usefixtures('pyav')
def test_the_demo_takes_a_path_for_what_it_is():
    demo = Program('demo', '--source', 'missing.mp4', '--port', free_port())
    assert demo.wait() == 1
    demo.wait_for("there is no file or folder 'missing.mp4'")


def test_the_demo_refuses_what_it_does_not_understand():
    demo = Program('demo', '--size', 'large')
    assert demo.wait() == 2
    demo.wait_for("'large' is not a size: write it as 1280x720")


def test_a_killed_demo_takes_its_children_along():
    demo = Program('demo', '--port', free_port())
    demo.wait_for('Open http')
    pids = children(demo.process.pid)
    assert len(pids) == 3
    demo.stop(signal.SIGKILL)
    assert gone(pids)
