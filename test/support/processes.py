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

"""Our programs as processes, as a user runs them."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
import re
import signal
import subprocess
import sys
import threading
import time

# Until something that must happen is held to have failed; machines can be busy.
WAIT_S = float(os.environ.get('TEST_WAIT_S', 60))


class Program:
    """`python3 -m pi_camera_stream ...`, or another module, with all that it prints."""

    def __init__(self, *arguments, module='pi_camera_stream', stdin=subprocess.DEVNULL, cwd=None,
                 prefix=()):
        self.output = ''
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, sys.executable, '-u', '-m', module, *map(str, arguments)],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern):
        """Return the match of `pattern` in the output, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(
                lambda: re.search(pattern, self.output) or not self._reader.is_alive(), WAIT_S)
            match = re.search(pattern, self.output)
        assert match, f'{pattern!r} did not come:\n{self.output}'
        return match

    def wait(self):
        """Return the exit code."""
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        self.process.stdout.close()
        return code

    def stop(self, number=signal.SIGINT):
        """End the program as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.output += line.decode(errors='replace')
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


@contextmanager
def running(*arguments, **options) -> Iterator[Program]:
    """Run a program, end it with Ctrl-C, and see that it goes without a complaint."""
    program = Program(*arguments, **options)
    try:
        yield program
        code = program.stop()
    finally:
        if program.process.poll() is None:
            program.stop(signal.SIGKILL)
    assert code == 0, program.output
    assert 'Traceback' not in program.output, program.output


def wait_until(condition):
    """Return what `condition()` returns, as soon as that counts as true."""
    deadline = time.monotonic() + WAIT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, 'it never came to it'
        time.sleep(0.05)
    return value


def parameters(**values):
    """Return the ROS arguments that set parameters."""
    words = ['--ros-args']
    for name, value in values.items():
        words += ['-p', f'{name.replace("__", ".")}:={value}']
    return words


def alive(pid):
    """Return whether a process still runs; a zombie does not."""
    try:
        with open(f'/proc/{pid}/stat') as stat:
            return stat.read().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):  # which, depends on when it ends
        return False


def children(pid):
    """Return the process ids of all descendants."""
    found = []
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/stat') as stat:
                    parent = int(stat.read().rpartition(')')[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                found += [int(entry), *children(int(entry))]
    return found


def peak_mib(pid):
    """Return the most memory that a process has ever had resident."""
    with open(f'/proc/{pid}/status') as status:
        return int(re.search(r'VmHWM:\s+(\d+) kB', status.read()).group(1)) / 1024


def gone(pids):
    """Wait until none of the processes is left."""
    return wait_until(lambda: not any(alive(pid) for pid in pids))
