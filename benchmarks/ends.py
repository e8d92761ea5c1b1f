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
How programs end: each is started many times, and told to end at a random moment.

Run it with: .venv/bin/python -m benchmarks ends --busy-loops 4 [--times 200] [--parallel 4]
Each program is started with something to do: a camera, a subscriber, a viewer, a driver. Half of
the signals (SIGINT or SIGTERM, now and then twice) come while it starts, the other half while it
works. A program that has not ended after six seconds hangs: gdb, if it is installed, then writes
to a file where it hangs. The exit code is 1 if something did not end as it should.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
import itertools
import os
from pathlib import Path
import statistics
import sys
import tempfile

from .common import command
from .common.trial import End, Kind, listener, Place

MODULE = [sys.executable, '-u', '-m', 'pi_camera_stream']
PATTERN = ['camera', '--ros-args', '-p', 'source:=pattern', '-p', 'fps:=30']
SMALL = ['--size', '20k', '--width', '320', '--height', '240', '--fps', '20']
PICTURES, PROCESSED = '/camera/image_raw/compressed', '/camera/image_processed/compressed'


def bridge(*parameters: str) -> Callable[[int], list[str]]:
    """Return what starts a bridge at a port."""
    return lambda port: [*MODULE, 'bridge', '--ros-args', '-p', 'address:=127.0.0.1', '-p',
                         f'port:={port}', *(word for one in parameters for word in ('-p', one))]


CAMERA = [*MODULE, *PATTERN]
KINDS = {
    'camera': Kind(lambda _: CAMERA, 'publishing', [listener(PICTURES)]),
    'worker': Kind(lambda _: [*MODULE, 'camera', '--ros-args', '-p', 'source:=picamera2'],
                   'publishing', [listener(PICTURES)]),
    'bridge': Kind(bridge(), 'showing', [CAMERA], viewer=True),
    'driving': Kind(bridge('teleop.enabled:=true', 'teleop.insecure:=true'), 'showing', [CAMERA],
                    viewer=True, driver=True),
    'consumer': Kind(lambda _: [*MODULE, 'consumer'], 'running',
                     [CAMERA, listener(PROCESSED)]),
    'demo': Kind(lambda port: [*MODULE, 'demo', '--source', 'pattern', '--port', str(port)],
                 r'age +\d', viewer=True),
    'latency': Kind(lambda _: [*MODULE, 'latency', '--seconds', '30'], 'measuring', [CAMERA]),
    'subscriber': Kind(
        lambda _: [sys.executable, '-u', str(command.ROOT / 'examples' / 'newest.py')],
        'ms old', [CAMERA]),
    'viewers': Kind(lambda _: command.itself('viewers', '--viewers', '3', *SMALL), 'measuring'),
    'doctor': Kind(lambda port: [*MODULE, 'doctor', '--port', str(port)], 'ok', [CAMERA]),
}


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


def busy(loops: int) -> AbstractContextManager[None]:
    """Keep the processor busy."""
    return command.beside([[sys.executable, '-I', '-S', '-c', 'while True: pass']] * loops)


def try_out(name: str, times: int, parallel: int, folder: Path) -> list[End]:
    """Return how a program ended so many times, in so many places beside each other."""
    left = itertools.count()

    def work(number: int) -> list[End]:
        domain = 1 + (os.getpid() + 13 * number) % 100
        ends, place = [], Place(name, KINDS[name], domain, folder)
        with place.around():
            while next(left) < times:
                ends.append(place.ends())
        return ends

    with ThreadPoolExecutor(parallel) as pool:
        return list(itertools.chain(*pool.map(work, range(parallel))))


def main(arguments: Sequence[str]) -> int:
    """Try all programs, and print a line about each."""
    parser = command.parser('ends', __doc__)
    parser.add_argument('--times', type=int, default=200, help='of each program (default: 200)')
    parser.add_argument('--busy-loops', type=int, default=0, help='alongside (default: 0)')
    parser.add_argument('--parallel', type=int, default=2, help='at a time (default: 2)')
    parser.add_argument('--programs', nargs='+', choices=KINDS, default=list(KINDS),
                        metavar='NAME', help=f'some of {", ".join(KINDS)} (default: all)')
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix='ends_'))
    well = True
    with busy(options.busy_loops):
        for name in options.programs:
            ends = try_out(name, options.times, options.parallel, folder)
            well &= report(name, ends, folder)
    if not well:
        print(f'what they said, and where they hung: {folder}')
    return 0 if well else 1
