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
import re
import subprocess
import sys
import time

from benchmarks.common import proc
from benchmarks.video.server import Used
from support.processes import WAIT_S

NAMED = """
import threading, time
from benchmarks.programs.named_threads import name_threads
name_threads()
def work():
    until_s = time.thread_time() + 0.3
    while time.thread_time() < until_s: pass
    print('ready', flush=True)
    time.sleep(3600)
threading.Thread(target=work, name='the encoder (h264)', daemon=True).start()
time.sleep(3600)
"""


def test_threads_are_told_apart_by_their_names():
    with subprocess.Popen([sys.executable, '-c', NAMED], stdout=subprocess.PIPE,
                          cwd=os.path.dirname(os.path.dirname(proc.__file__)) + '/..',
                          text=True) as process:
        try:
            assert process.stdout.readline() == 'ready\n'
            deadline_s = time.monotonic() + WAIT_S
            while (used := dict(proc.thread_cpu_s(process.pid).values())
                   ).get('the encoder (h2', 0) < 0.2:
                assert time.monotonic() < deadline_s, used
            assert len(used) == 2
            assert sum(used.values()) <= proc.cpu_s(process.pid) + 0.05
        finally:
            process.kill()


def test_what_ended_threads_of_the_encoder_have_used_is_its_own():
    used = Used(2.0, {'h264 (full)': 0.9, 'h264_small': 0.1, 'web': 0.5}, 10.0)
    assert used.ended == 0.5
    assert used.encoding == 1.5
    assert used.without_encoder == 0.5
    assert used.percent() == 20
    assert re.match(r'CPU 20.0 % of a core, 5.0 without the encoder \(h264 \(full\) 9.0, ',
                    str(used))


def test_without_an_encoder_all_is_without_it():
    used = Used(2.0, {'web': 0.5}, 10.0)
    assert used.encoding == 0
    assert used.without_encoder == 2.0
