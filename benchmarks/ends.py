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

"""
How programs end: started again and again, and told to end at a random moment.

Run it with: .venv/bin/python benchmarks/ends.py --busy-loops 4 [--times 200] [--parallel 4]
Each program is started with what keeps it at work: a camera, somebody subscribed, a viewer, a
driver. Half of the times it hears the signal (SIGINT or SIGTERM, now and then twice) while it
starts, half of them at work. What has not ended after six seconds hangs: gdb, where it is
installed, then says where, in a file. Exit code 1 when something did not end as it should.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, ExitStack, suppress
from dataclasses import dataclass, field
import itertools
import os
from pathlib import Path
import random
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pi_camera_stream.core.with_parent import with_parent

ROOT = Path(__file__).resolve().parents[1]
MARK = 'PI_CAMERA_STREAM_ENDS'  # in the environment of all that a program starts
LIMIT_S = 6.0  # an end that takes longer is none
READY_S = 90.0  # until a program must have come to work
LEFT_S = 2.0  # how long after its parent a child may still be there
ENDED_WELL = {0, 130, -signal.SIGINT, -signal.SIGTERM}
COMPLAINT = re.compile(r'Traceback|Fatal|terminate called|Aborted|Destroying callback manager')
PYTHONS_OWN = re.compile(r'Traceback|init_import_site|init_sys_streams')
MODULE = [sys.executable, '-u', '-m', 'pi_camera_stream']
PATTERN = ['camera', '--ros-args', '-p', 'source:=pattern', '-p', 'fps:=30']
SMALL = ['--size', '20k', '--width', '320', '--height', '240', '--fps', '20']
PICTURES, PROCESSED = '/camera/image_raw/compressed', '/camera/image_processed/compressed'


@dataclass
class Kind:
    """A program, what it prints when it is at work, and what is around it meanwhile."""

    command: Callable[[int], list[str]]  # by a free port
    ready: str
    around: list[list[str]] = field(default_factory=list)  # commands
    viewer: bool = False
    driver: bool = False


def bridge(*parameters: str) -> Callable[[int], list[str]]:
    """Return what starts a bridge at a port."""
    return lambda port: [*MODULE, 'bridge', '--ros-args', '-p', 'address:=127.0.0.1', '-p',
                         f'port:={port}', *(word for one in parameters for word in ('-p', one))]


def us(*arguments: str) -> list[str]:
    """Return what lets this file be something else."""
    return [sys.executable, '-u', __file__, *arguments]


CAMERA = [*MODULE, *PATTERN]
KINDS = {
    'camera': Kind(lambda _: CAMERA, 'publishing', [us('--listen', PICTURES)]),
    'worker': Kind(lambda _: [*MODULE, 'camera', '--ros-args', '-p', 'source:=picamera2'],
                   'publishing', [us('--listen', PICTURES)]),
    'bridge': Kind(bridge(), 'showing', [CAMERA], viewer=True),
    'driving': Kind(bridge('teleop.enabled:=true', 'teleop.insecure:=true'), 'showing', [CAMERA],
                    viewer=True, driver=True),
    'consumer': Kind(lambda _: [*MODULE, 'consumer'], 'running',
                     [CAMERA, us('--listen', PROCESSED)]),
    'demo': Kind(lambda port: [*MODULE, 'demo', '--source', 'pattern', '--port', str(port)],
                 r'age +\d', viewer=True),
    'latency': Kind(lambda _: [*MODULE, 'latency', '--seconds', '30'], 'measuring', [CAMERA]),
    'subscriber': Kind(lambda _: [sys.executable, '-u', str(ROOT / 'examples' / 'newest.py')],
                       'ms old', [CAMERA]),
    'bench': Kind(lambda _: [*MODULE, 'bench', 'viewers', '--viewers', '3', *SMALL], 'measuring'),
    'doctor': Kind(lambda port: [*MODULE, 'doctor', '--port', str(port)], 'ok', [CAMERA]),
}


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
        for line in self._process.stdout:
            self.text += line.decode(errors='replace')


class Place:
    """A ROS domain and a port in which one program after the other is tried."""

    def __init__(self, name: str, domain: int, folder: Path) -> None:
        self._kind, self._name, self._folder = KINDS[name], name, folder
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
            car = self._start(stack, us('--listen', 'cmd_vel')) if self._kind.driver else None
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
                    car.wait_for(r'\d*[1-9]', READY_S)
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


def free_port() -> int:
    """Return a TCP port that is free at present."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def watch(port: int) -> None:
    """Be a viewer as long as the stream lasts."""
    with suppress(OSError), urlopen(f'http://127.0.0.1:{port}/stream.mjpg') as response:
        while response.read(65536):
            pass


def listen(topic: str) -> None:
    """Subscribe for ever; print how fast a vehicle is to go."""
    from geometry_msgs.msg import Twist
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CompressedImage
    rclpy.init()
    node = rclpy.create_node('listener', namespace='camera')
    if topic == 'cmd_vel':
        node.create_subscription(Twist, topic, lambda message: print(message.linear.x), 10)
    else:
        node.create_subscription(CompressedImage, topic, lambda _: None, qos_profile_sensor_data)
    rclpy.spin(node)


def report(name: str, ends: list[End], folder: Path) -> bool:
    """Print a line, and more about what went wrong; return whether all went well."""
    times_s = sorted(end.seconds for end in ends if isinstance(end.code, int))
    bad = [end for end in ends if not end.well()]
    codes = Counter(end.code for end in ends)
    print(f'{name:11}{len(ends)} ends, {sum(end.at_work for end in ends)} of them at work: '
          f'{len(ends) - len(bad)} well; median {statistics.median(times_s or [0]):.2f} s, '
          f'longest {max(times_s, default=0):.2f} s; exit codes '
          + ', '.join(f'{code}: {count}' for code, count in codes.most_common()), flush=True)
    for number, end in enumerate(bad):
        (folder / f'{name}-said-{number}.txt').write_text(end.said)
        print(f'    exit code {end.code} after {end.seconds:.2f} s, '
              f'{"at work" if end.at_work else "while starting"}, {end.left} processes left'
              + (', THE VEHICLE DRIVES ON' if end.moved_on else '')
              + ''.join(f'\n        {line}' for line in end.complaints()[:3]))
    return not bad


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep the processor busy."""
    loop = [sys.executable, '-I', '-S', '-c', 'while True: pass']
    processes = [subprocess.Popen(with_parent(loop)) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def try_out(name: str, times: int, parallel: int, folder: Path) -> list[End]:
    """Return how a program ended so many times, in so many places beside each other."""
    left = itertools.count()

    def work(number: int) -> list[End]:
        ends, place = [], Place(name, 1 + (os.getpid() + 13 * number) % 100, folder)
        with place.around():
            while next(left) < times:
                ends.append(place.ends())
        return ends

    with ThreadPoolExecutor(parallel) as pool:
        return list(itertools.chain(*pool.map(work, range(parallel))))


def main() -> int:
    """Try all programs, and print a line about each."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--times', type=int, default=200, help='of each (default: 200)')
    parser.add_argument('--busy-loops', type=int, default=0, help='beside them (default: 0)')
    parser.add_argument('--parallel', type=int, default=2, help='at a time (default: 2)')
    parser.add_argument('--programs', nargs='+', choices=KINDS, default=list(KINDS))
    parser.add_argument('--listen', metavar='TOPIC', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        listen(options.listen)
    folder = Path(tempfile.mkdtemp(prefix='ends_'))
    well = True
    with busy(options.busy_loops):
        for name in options.programs:
            ends = try_out(name, options.times, options.parallel, folder)
            well &= report(name, ends, folder)
    if not well:
        print(f'what they said, and where they hung: {folder}')
    return 0 if well else 1


if __name__ == '__main__':
    sys.exit(main())
