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

import signal
import subprocess
import sys

PROGRAM = """
import os, signal, sys, time
from pi_camera_stream.nodes.ending import end_by_signals

def end():
    time.sleep(0.5)
    print('the last word', flush=True)

number, before = map(int, sys.argv[1:])
if before == signal.SIG_IGN:
    signal.signal(number, signal.SIG_IGN)
finish = end_by_signals(end)
if number:
    os.kill(os.getpid(), number)
finish()
print('torn down', flush=True)
finish()
os.kill(os.getpid(), signal.SIGTERM)
print('to the end', flush=True)
"""


def said(number=0, before=signal.SIG_DFL):
    """Return what it says when it hears a signal, which it has inherited as that before."""
    done = subprocess.run([sys.executable, '-c', PROGRAM, str(int(number)), str(int(before))],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ''
    return done.stdout.splitlines()


def test_nothing_is_torn_down_before_the_last_word_is_said():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        assert said(number) == ['the last word', 'torn down', 'to the end']


def test_without_a_signal_there_is_no_last_word():
    assert said() == ['torn down', 'to the end']


def test_launch_ends_it_from_a_script_too_but_nohup_keeps_it():
    # A shell without job control lets what it starts with & ignore SIGINT; launch sends just that.
    assert said(signal.SIGINT, signal.SIG_IGN)[0] == 'the last word'
    assert said(signal.SIGHUP, signal.SIG_IGN) == said()
