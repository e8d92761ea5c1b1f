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

"""A program that is started with what keeps it at work, and told to end at a random moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, ExitStack, suppress
from dataclasses import dataclass, field
import os
from pathlib import Path
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import cast, IO
from urllib.request import urlopen

from pi_camera_stream.core.with_parent import with_parent

from .command import ROOT
from .networks import free_port

MARK = 'PI_CAMERA_STREAM_ENDS'  # in the environment of all that a program starts
LIMIT_S = 6.0  # an end that takes longer is none
READY_S = 90.0  # until a program must have come to work
LEFT_S = 2.0  # how long after its parent a child may still be there
ENDED_WELL = {0, 130, -signal.SIGINT, -signal.SIGTERM}
COMPLAINT = re.compile(r'Traceback|Fatal|terminate called|Aborted|Destroying callback manager')
PYTHONS_OWN = re.compile(r'Traceback|init_import_site|init_sys_streams')


@dataclass
class Kind:
    """A program, what it prints when it is at work, and what is around it meanwhile."""

    command: Callable[[int], list[str]]  # by a free port
    ready: str
    around: list[list[str]] = field(default_factory=list)  # commands
    viewer: bool = False
    driver: bool = False


def listener(topic: str) -> list[str]:
    """Return what subscribes to a topic, and keeps the program at work."""
    return [sys.executable, '-u', '-m', 'benchmarks.programs.listener', topic]


@dataclass(frozen=True)
class End:
    """How one program ended; `code` is a word when it did not."""

    code: int | str
    seconds: float
    at_work: bool
    said: str
    left: int
    moved_on: bool  # the last that the vehicle heard was no stop
    pythons_own: bool  # whether it may end with Python's own words

    def well(self) -> bool:
        """Return whether it is as it should be."""
        interrupted = self.pythons_own and self.said.rstrip().endswith('KeyboardInterrupt')
        return ((self.code in ENDED_WELL or (self.code == 1 and interrupted))
                and not self.complaints() and not self.left and not self.moved_on)

    def complaints(self) -> list[str]:
        """Return the lines that should not be there."""
        lines = self.said.splitlines()
        # What Python itself says while it starts, and lets the example say.
        if self.pythons_own and any(line.startswith('KeyboardInterrupt') for line in lines):
            lines = [line for line in lines if not PYTHONS_OWN.search(line)]
        return [line for line in lines if COMPLAINT.search(line)]


class Output:
    """What a process prints; it is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.text = ''
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, pattern: str, seconds: float) -> bool:
        """Return whether it comes."""
        until_s = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > until_s or not self._thread.is_alive():
                return re.search(pattern, self.text) is not None
            time.sleep(0.02)
        return True

    def finish(self) -> str:
        """Return all, when the process has ended."""
        self._thread.join(1.0)
        return self.text

    def _read(self) -> None:
        for line in cast(IO[bytes], self._process.stdout):
            self.text += line.decode(errors='replace')


class Place:
    """A ROS domain and a port in which one program after the other is tried."""

    def __init__(self, name: str, kind: Kind, domain: int, folder: Path) -> None:
        self._kind, self._name, self._folder = kind, name, folder
        self._random = random.Random(secrets.randbits(32))  # noqa: S311 - no secret
        fake = [str(ROOT / 'test' / 'support' / 'fake_picamera2')] if name == 'worker' else []
        paths = [*fake, str(ROOT), str(ROOT / 'test'), os.environ.get('PYTHONPATH', '')]
        self._environment = os.environ | {
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_DOMAIN_ID': str(domain),
            'PYTHONPATH': os.pathsep.join(filter(None, paths))}

    def start(self, command: list[str], mark: str = '') -> subprocess.Popen[bytes]:
        """Start a program in a session of its own."""
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True,
                                env=self._environment | {MARK: mark})

    @contextmanager
    def around(self) -> Iterator[None]:
        """Run what the program needs around it."""
        with ExitStack() as stack:
            for command in self._kind.around:
                process = self.start(with_parent(command))
                Output(process)
                stack.callback(process.wait)
                stack.callback(process.kill)
            yield

    def ends(self) -> End:
        """Start the program, end it, and tell how it went."""
        port, mark = free_port(), secrets.token_hex(8)
        at_work = self._random.random() < 0.5
        with ExitStack() as stack:
            car = self._start(stack, listener('cmd_vel')) if self._kind.driver else None
            process = self.start(self._kind.command(port), mark)
            stack.callback(kill_all, mark)
            output = Output(process)
            if not at_work:
                time.sleep(self._random.uniform(0.0, 3.0))
            elif not output.wait_for(self._kind.ready, READY_S):
                return End('never at work', 0.0, True, output.text, 0, False,
                           False)
            else:
                if self._kind.viewer:
                    threading.Thread(target=watch, args=(port,), daemon=True).start()
                if self._kind.driver:
                    driver = self._start(stack, [sys.executable, '-u', '-m', 'support.driver',
                                                 f'http://127.0.0.1:{port}/'])
                    driver.wait_for('.', READY_S)
                    cast(Output, car).wait_for(r'\d*[1-9]', READY_S)
                time.sleep(self._random.uniform(0.0, 2.0))
            code, seconds = self._end(process)
            said = output.finish()
            left = still_there(mark) if isinstance(code, int) else 0
            heard = car.text.split() if car is not None else []
            return End(code, seconds, at_work, said, left,
                       any(map(float, heard)) and float(heard[-1]) != 0.0,
                       not at_work or self._name == 'subscriber')

    def _start(self, stack: ExitStack, command: list[str]) -> Output:
        process = self.start(with_parent(command))
        stack.callback(process.wait)
        stack.callback(process.kill)
        return Output(process)

    def _end(self, process: subprocess.Popen[bytes]) -> tuple[int | str, float]:
        """Tell it to end; return its exit code, and how long it took."""
        number = self._random.choice((signal.SIGINT, signal.SIGTERM))
        twice = self._random.random() < 0.3
        began_s = time.monotonic()
        process.send_signal(number)
        if twice:
            time.sleep(self._random.uniform(0.0, 0.5))
            process.send_signal(number)
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self._look_into(process.pid)
            return 'hung', LIMIT_S
        return code, time.monotonic() - began_s

    def _look_into(self, pid: int) -> None:
        if shutil.which('gdb'):
            with (self._folder / f'{self._name}-{pid}.txt').open('wb') as file:
                subprocess.run(['gdb', '-p', str(pid), '-batch', '-ex', 'thread apply all bt'],
                               check=False, stdout=file, stderr=subprocess.STDOUT)


def marked(mark: str) -> list[int]:
    """Return the processes that bear a mark."""
    found = []
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if f'{MARK}={mark}'.encode() in (entry / 'environ').read_bytes():
                    found.append(int(entry.name))
    return found


def still_there(mark: str) -> int:
    """Return how many of a program's processes outlive it."""
    until_s = time.monotonic() + LEFT_S
    while (left := len(marked(mark))) and time.monotonic() < until_s:
        time.sleep(0.05)
    return left


def kill_all(mark: str) -> None:
    """End what is left."""
    for pid in marked(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def watch(port: int) -> None:
    """Be a viewer as long as the stream lasts."""
    with suppress(OSError), urlopen(f'http://127.0.0.1:{port}/stream.mjpg') as response:
        while response.read(65536):
            pass
