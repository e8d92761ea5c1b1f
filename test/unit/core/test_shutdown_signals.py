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

from pi_camera_stream.core.shutdown_signals import hold_sigint
import pytest
from support.processes import WAIT_S

PROGRAM = """
import os, signal, sys, time
from pi_camera_stream.core.shutdown_signals import end_by_signals

def end():
    time.sleep(0.5)
    print('the last word', flush=True)

number, before = map(int, sys.argv[1:])
if number and (number != signal.SIGINT or before == signal.SIG_IGN):
    signal.signal(number, before)  # as it says: the tests themselves may run below nohup
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


# The end by force

HANGING = """
import ctypes, os, signal, sys, time
from pi_camera_stream.core import shutdown_signals

def hang():
    ctypes.PyDLL(None).sleep(1000)  # with the interpreter's lock, as libraries do it

def end():
    print('the last word', flush=True)
    if sys.argv[1] == 'while it is said':
        hang()

shutdown_signals.LAST_S = 1.0
finish = shutdown_signals.end_by_signals(end)
if sys.argv[1] == 'without a signal':
    finish()
    hang()
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGTERM)
if sys.argv[1] == 'at work':
    while True:
        time.sleep(1)
finish()
hang()
"""


@pytest.mark.parametrize(('when', 'words'), [
    ('at work', 'the last word\n'), ('while it is said', 'the last word\n'),
    ('behind it', 'the last word\n'), ('without a signal', '')])
def test_an_end_that_hangs_is_ended_and_says_where(when, words):
    done = subprocess.run([sys.executable, '-c', HANGING, when], capture_output=True, text=True,
                          timeout=WAIT_S)
    assert done.returncode == -signal.SIGALRM
    assert done.stdout == words
    assert f'in {"<module>" if when == "at work" else "hang"}\n' in done.stderr


IN_TIME = """
import os, signal
from pi_camera_stream.core import shutdown_signals

shutdown_signals.LAST_S = 0.5
finish = shutdown_signals.end_by_signals(lambda: None)
os.kill(os.getpid(), signal.SIGINT)
finish()
"""


def test_an_end_in_time_is_left_alone():
    done = subprocess.run([sys.executable, '-c', IN_TIME], capture_output=True, text=True,
                          timeout=WAIT_S)
    assert (done.returncode, done.stderr) == (0, '')


INTERRUPTED = """
import os, signal, sys, time
from pi_camera_stream.core import shutdown_signals

shutdown_signals._POLITE_S = float(sys.argv[1])
shutdown_signals.interrupt_by_signals(130)
try:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1000)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(float(sys.argv[2]))
        print('left', flush=True)
except KeyboardInterrupt:
    shutdown_signals.leave(129)
"""


@pytest.mark.parametrize(('polite_s', 'takes_s', 'code', 'words'), [
    (1000, 0.1, 129, 'left\n'), (0.1, 1000, 130, '')])
def test_who_is_interrupted_can_leave_but_not_for_ever(polite_s, takes_s, code, words):
    done = subprocess.run([sys.executable, '-c', INTERRUPTED, str(polite_s), str(takes_s)],
                          capture_output=True, text=True, timeout=WAIT_S)
    assert (done.returncode, done.stdout, done.stderr) == (code, words, '')


# Somebody waits for an Event when the signal comes

WAITING = """
import ctypes, os, random, signal, threading, time
from pi_camera_stream.core.shutdown_signals import end_by_signals

def wait(ready):
    ctypes.CDLL(None).prctl(1, 9)  # ends with its parent, should it hang
    stopping = threading.Event()
    end_by_signals(stopping.set)
    os.write(ready, b'.')
    while not stopping.wait(0):  # so that it seldom sleeps, and mostly holds the Event's lock
        pass

for _ in range(300):
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        wait(writer)
        os._exit(0)
    os.read(reader, 1)
    time.sleep(random.uniform(0, 0.002))
    os.kill(pid, signal.SIGINT)
    assert os.waitpid(pid, 0) == (pid, 0)
    os.close(reader)
    os.close(writer)
"""


def test_who_waits_for_an_event_hears_of_it_every_time():
    subprocess.run([sys.executable, '-c', WAITING], check=True, timeout=WAIT_S)


# Python's own end, and its beginning

LEAVING = """
import sys, threading
import numpy as np, cv2
from pi_camera_stream.core.shutdown_signals import leave

def work():
    while True:
        cv2.GaussianBlur(np.zeros((300, 300), np.uint8), (0, 0), 3)

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print('done')
leave(3)
"""


def test_threads_in_the_midst_of_their_work_do_not_abort_the_end():
    for _ in range(5):
        done = subprocess.run([sys.executable, '-c', LEAVING], capture_output=True, text=True,
                              timeout=WAIT_S)
        assert (done.returncode, done.stdout, done.stderr) == (3, 'done\n', '')


def test_a_reader_who_has_gone_does_not_matter(monkeypatch):
    monkeypatch.delenv('PYTHONUNBUFFERED', raising=False)  # so that it is written at the end
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, '-c', LEAVING], stdout=writer, stderr=subprocess.PIPE,
                          timeout=WAIT_S)
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b'')


def test_what_was_held_back_comes_through_in_time():
    with hold_sigint():
        process = subprocess.Popen(
            [sys.executable, '-c',
             'from pi_camera_stream.core.shutdown_signals import end_at_once\n'
             'print("imported", flush=True)\ninput()\nend_at_once()'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.send_signal(signal.SIGINT)  # at the very start of Python
    assert process.communicate('\n', WAIT_S) == ('imported\n', '')
    assert process.returncode == -signal.SIGINT
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
