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
What `serve` takes on a machine with 512 MB, and how soon it shows a frame.

Run it with: sudo .venv/bin/python -m benchmarks small [--memory 512] [--seconds 20]
Each row is a `serve` of its own that passes on 1280x720 JPEGs of 148 kB at 30/s, in a memory
control group (cgroup) of that size. The group counts less than the memory of the process, because
it does not count libraries that were in memory before. Without root, it runs without the group.
The first frame is that of a viewer who tries to connect from the start on; the program has been
started once before, so that its files are in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, ExitStack, suppress
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from urllib.request import urlopen

from pi_camera_stream.core.with_parent import with_parent

from .common import command
from .common.networks import free_port
from .common.pictures import make_pictures
from .common.proc import cpu_s, snapshot

_V1, _V2 = Path('/sys/fs/cgroup/memory'), Path('/sys/fs/cgroup')
_FPS = 30
# What is watched -> more words of the command line, and the streams that are watched.
_ROWS: dict[str, tuple[list[str], list[str]]] = {
    'nobody watches': ([], []),
    'one viewer, full': ([], ['?tier=full']),
    'and one on a smaller tier': ([], ['?tier=full', '?tier=low']),
    'and motion, watched by one': (['--processor', 'motion'], [
        '?tier=full', '?tier=low', '?topic=/camera/image_processed/compressed&tier=full']),
}


class Group:
    """A memory control group, of either version; none of 0 MB, or where it cannot be made."""

    def __init__(self, megabytes: int) -> None:
        self.complaint = '' if megabytes else 'no limit'
        unified = (_V2 / 'cgroup.controllers').exists()
        self._folder = (_V2 if unified else _V1) / f'pi_camera_stream_{os.getpid()}'
        self._peak = 'memory.peak' if unified else 'memory.max_usage_in_bytes'
        self._failed = 'memory.events' if unified else 'memory.failcnt'
        if not megabytes:
            return
        try:
            self._folder.mkdir()
            limits = {'memory.max': megabytes, 'memory.swap.max': 0} if unified else {
                'memory.limit_in_bytes': megabytes}
            for name, value in limits.items():
                with suppress(FileNotFoundError):  # a kernel without swap
                    (self._folder / name).write_text(str(value * 2**20))
        except OSError as error:
            self.complaint = f'without a limit of memory: {error}'

    def enter(self) -> None:
        """Let this process, and all that it starts, be in it."""
        if not self.complaint:
            (self._folder / 'cgroup.procs').write_text(str(os.getpid()))

    def peak_mb(self) -> float:
        """Return the most memory that it has taken."""
        if self.complaint or not (self._folder / self._peak).exists():
            return float('nan')
        return int((self._folder / self._peak).read_text()) / 2**20

    def remove(self) -> None:
        """Remove it, when what was in it has ended."""
        with suppress(OSError):
            self._folder.rmdir()


class Viewer(threading.Thread):
    """Watches a stream; tries to connect until there is a server."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.first_s = 0.0  # when the first picture was there
        self.pictures = 0

    def run(self) -> None:
        while not self.pictures:
            try:
                with urlopen(self._url) as response:  # noqa: S310 - our own
                    for line in response:
                        # A picture that says that none comes has no stamp.
                        if line.lower().startswith(b'x-timestamp:'):
                            self.pictures += 1
                            self.first_s = self.first_s or time.monotonic()
            except OSError:
                time.sleep(0.01)


@contextmanager
def serving(group: Group, *words: str) -> Iterator[tuple[int, str]]:
    """Run `serve` in the group; yields its process id and its address."""
    port = free_port()
    with subprocess.Popen(
            with_parent([sys.executable, '-m', 'pi_camera_stream', 'serve', '--address',
                         '127.0.0.1', '--port', str(port), *words]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=group.enter) as process:
        try:
            yield process.pid, f'http://127.0.0.1:{port}/'
        finally:
            process.kill()


def measure(name: str, folder: Path, megabytes: int, seconds: float) -> str:
    """Return a row of the table."""
    more, streams = _ROWS[name]
    group = Group(megabytes)
    with ExitStack() as stack:
        stack.callback(group.remove)
        pid, url = stack.enter_context(serving(
            group, '--source', 'file', '--path', str(folder), '--fps', str(_FPS), *more))
        viewers = [Viewer(f'{url}stream.mjpg{query}') for query in streams]
        for viewer in viewers:
            viewer.start()
        _wait(lambda: all(viewer.pictures for viewer in viewers))
        time.sleep(seconds / 2)
        before_s, before = cpu_s(pid), [viewer.pictures for viewer in viewers]
        time.sleep(seconds)
        used_ms = (cpu_s(pid) - before_s) * 1e3 / (seconds * _FPS)
        rates = [f'{(viewer.pictures - count) / seconds:.1f}'
                 for viewer, count in zip(viewers, before, strict=True)]
        now = snapshot(pid)
        peak = group.complaint or f'{group.peak_mb():.0f} MB'
    return (f'| {name} | {now.rss_mb:.0f} MB, at most {now.peak_mb:.0f} | {peak} '
            f'| {used_ms:.2f} ms | {", ".join(rates) or "-"} |')


def first_picture_s(folder: Path) -> float:
    """Return how long it takes from the start to a viewer's first picture."""
    began_s = time.monotonic()
    with serving(Group(0), '--source', 'file', '--path', str(folder)) as (_, url):
        viewer = Viewer(f'{url}stream.mjpg')
        viewer.start()
        _wait(lambda: viewer.pictures > 0)
        return viewer.first_s - began_s


def _wait(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 60.0
    while not condition():
        if time.monotonic() > until_s:
            raise RuntimeError('no picture has come')
        time.sleep(0.01)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    parser = command.parser('small', __doc__)
    parser.add_argument('--memory', type=int, default=512,
                        help='of the machine, in MB (default: 512)')
    parser.add_argument('--starts', type=int, default=10,
                        help='that are timed (default: 10)')
    parser.add_argument('--seconds', type=float, default=20.0, help='of each row (default: 20)')
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(Path(folder), 1280, 720, 148_000)
        times_s = [first_picture_s(Path(folder)) for _ in range(options.starts)]
        print(f'first frame {statistics.median(times_s):.2f} s after the start (median), '
              f'at most {max(times_s):.2f} s, {options.starts} times; load '
              f'{os.getloadavg()[0]:.1f}')
        print(f'| serve | memory | of {options.memory} MB | CPU a picture | pictures/s |\n'
              '|---|---|---|---|---|')
        for name in _ROWS:
            print(measure(name, Path(folder), options.memory, options.seconds), flush=True)
    print(f'load {os.getloadavg()[0]:.1f}')
    return 0
