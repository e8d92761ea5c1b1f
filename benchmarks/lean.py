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
What the three nodes cost together, as three processes and as one.

Run it with: .venv/bin/python -m benchmarks lean [--seconds 20] [--standby] [--only single]
Camera node, bridge and consumer get a 1280x720 JPEG of about 148 kB, 30 times a second, through a
pipe: first while nobody watches, then with a viewer of the camera, then with one more of what the
consumer draws. Memory is resident memory: the sum of RSS counts what several processes share,
such as libraries, once for each of them; *together* counts it only once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
from pathlib import Path
import re
import subprocess
import sys
import threading
import time
from urllib.request import urlopen

from pi_camera_stream.core.with_parent import with_parent

from .common import command
from .common.networks import free_port
from .common.proc import cpu_s, snapshot
from .pipeline import feed, picture

SETTLE_S = 4.0
KINDS = 'separate', 'single'
START_S = 60.0
# In smaps(5): addresses, permissions, offset, device and inode stand before the name of a file.
MAPPING = re.compile(r'^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ \S+ \d+ *', re.MULTILINE)


class Viewer(threading.Thread):
    """Count the pictures of a stream, until the nodes end."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.pictures = 0
        self.start()

    def run(self) -> None:
        """Read what comes."""
        try:
            with urlopen(self._url) as response:  # noqa: S310 - our own
                while line := response.readline():
                    if line.lower().startswith(b'content-length:'):
                        response.readline()
                        response.read(int(line.partition(b':')[2]))
                        self.pictures += 1
        except OSError:
            pass


@contextmanager
def nodes(kind: str, port: int, standby: bool) -> Iterator[list[int]]:
    """Run the nodes, fed with pictures; give their processes."""
    camera = ['-p', 'source:=stdin', '-p', f'standby:={str(standby).lower()}']
    bridge = ['-p', f'port:={port}', '-p', 'address:=127.0.0.1']
    commands = [['all', '--ros-args', *camera, *bridge]] if kind == 'single' else [
        ['camera', '--ros-args', *camera], ['bridge', '--ros-args', *bridge], ['consumer']]
    with ExitStack() as stack:
        processes = []
        for arguments in commands:
            process = subprocess.Popen(
                with_parent([sys.executable, '-m', 'pi_camera_stream', *arguments]),
                stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        feed(processes[0], picture())
        wait_for(f'http://127.0.0.1:{port}/healthz')
        yield [process.pid for process in processes]


def wait_for(url: str) -> None:
    """Wait until the bridge answers, whatever it says."""
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        try:
            urlopen(url).close()  # noqa: S310 - our own
            return
        except OSError as error:
            if hasattr(error, 'code'):
                return
            time.sleep(0.2)
    raise TimeoutError('the bridge did not start')


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB of 2**20 bytes."""
    return snapshot(pid).rss_mb


def together_mb(pids: Sequence[int]) -> float:
    """Return what processes have resident together: pages of a file count once."""
    anonymous_kb, most_kb = 0, Counter[str]()
    for pid in pids:
        of_files_kb = Counter[str]()
        for mapping in MAPPING.split(Path(f'/proc/{pid}/smaps').read_text())[1:]:
            fields = dict(line.split(':', 1) for line in mapping.splitlines()[1:] if ':' in line)
            resident, own = (int(fields[name].split()[0]) for name in ('Rss', 'Anonymous'))
            anonymous_kb += own
            of_files_kb[mapping.splitlines()[0]] += resident - own
        most_kb |= of_files_kb
    return (anonymous_kb + most_kb.total()) / 1024


def measure(name: str, pids: Sequence[int], seconds: float, viewer: Viewer | None) -> None:
    """Print a row."""
    time.sleep(SETTLE_S)
    before, seen, began_s = list(map(cpu_s, pids)), viewer.pictures if viewer else 0, time.time()
    time.sleep(seconds)
    took_s = time.time() - began_s
    each = [now - then for now, then in zip(map(cpu_s, pids), before, strict=True)]
    memory = [rss_mb(pid) for pid in pids]
    row = (f'  {name:22}{100 * sum(each) / took_s:6.1f} % of a core '
           f'({" + ".join(f"{100 * one / took_s:.1f}" for one in each)}), RSS '
           f'{sum(memory):.0f} MB ({" + ".join(f"{one:.0f}" for one in memory)}), together '
           f'{together_mb(pids):.0f} MB')
    if viewer:
        frames = viewer.pictures - seen
        row += (f', {1e3 * sum(each) / max(1, frames):.2f} ms CPU a frame, '
                f'{frames / took_s:.1f} frames/s')
    print(row, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a row for each state."""
    parser = command.parser('lean', __doc__)
    parser.add_argument('--seconds', type=float, default=20.0, help='of each row (default: 20)')
    parser.add_argument('--standby', action='store_true',
                        help='let the camera node read nothing while nobody watches')
    parser.add_argument('--only', choices=KINDS, help='default: both')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    for kind in KINDS:
        if options.only not in (None, kind):
            continue
        print('three processes:' if kind == 'separate' else 'one process:', flush=True)
        port = free_port()
        with nodes(kind, port, options.standby) as pids:
            measure('nobody watches', pids, options.seconds, None)
            url = f'http://127.0.0.1:{port}/stream.mjpg'
            viewer = Viewer(f'{url}?tier=full')
            measure('one viewer', pids, options.seconds, viewer)
            Viewer(f'{url}?topic=/camera/image_processed/compressed')
            measure('and one of the results', pids, options.seconds, viewer)
    return 0
