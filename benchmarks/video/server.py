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

"""The server that pages watch, as a process of its own, and what its threads cost."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .page import Watch
from .pages import Visit
from .pictures import Picture
from ..common import proc
from ..common.networks import free_port, Route

ENCODERS = ('h264',)  # how the names of the threads begin that encode H.264
_MOST_VIEWERS = 100
_LEAST_PERCENT = 0.1  # of a core, that are told of a thread


@dataclass(frozen=True)
class Used:
    """
    What a process has used of the processor in a span of time, in s.

    Attributes
    ----------
    threads
        By the names of those that were there at the end.
    ended
        What is left: of those that ended before.

    """

    whole: float
    threads: dict[str, float]
    span_s: float

    @property
    def ended(self) -> float:
        return max(0.0, self.whole - sum(self.threads.values()))

    @property
    def encoding(self) -> float:
        """Return that of the threads that encode H.264, with those of x264 that have ended."""
        named = [used for name, used in self.threads.items() if name.startswith(ENCODERS)]
        return sum(named) + self.ended if named else 0.0

    @property
    def without_encoder(self) -> float:
        return self.whole - self.encoding

    def percent(self, used_s: float | None = None) -> float:
        """Return what that is of a core, in percent; of all that was used, if nothing is told."""
        return 100 * (self.whole if used_s is None else used_s) / self.span_s

    def __str__(self) -> str:
        threads = {**self.threads, 'ended': self.ended}
        each = ', '.join(f'{name} {self.percent(used):.1f}' for name, used in sorted(
            threads.items(), key=lambda one: -one[1]) if self.percent(used) > _LEAST_PERCENT)
        return (f'CPU {self.percent():.1f} % of a core, '
                f'{self.percent(self.without_encoder):.1f} without the encoder ({each})')


class Cpu:
    """What a process uses of the processor from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began_s = time.monotonic()
        self._whole_s, self._threads_s = proc.cpu_s(pid), proc.thread_cpu_s(pid)

    def used(self) -> Used:
        threads: dict[str, float] = defaultdict(float)
        for number, (name, used_s) in proc.thread_cpu_s(self._pid).items():
            threads[name] += used_s - self._threads_s.get(number, (name, 0.0))[1]
        return Used(proc.cpu_s(self._pid) - self._whole_s, threads,
                    time.monotonic() - self._began_s)


@dataclass(frozen=True)
class Told:
    """What the process of the pages has written down; see there."""

    pictures: list[Picture]
    asked_ns: list[int]
    reasons: list[str | None]
    broken: list[int]
    stale: list[int]
    lost: list[str]
    cpu_s: float
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> 'Told':
        told: dict[str, Any] = json.loads(path.read_text())
        return cls(**{**told, 'pictures': [Picture(*one) for one in told['pictures']]})

    def faults(self) -> list[str]:
        """Return what makes the figures doubtful, in sentences."""
        found = [f'{broken} pictures of page {page} could not be decoded'
                 for page, broken in enumerate(self.broken) if broken]
        found += sorted({f'no H.264: {reason}' for reason in self.reasons if reason})
        return found + self.lost


@dataclass(frozen=True)
class Server:
    """One that runs."""

    route: Route
    port: int
    pid: int


@dataclass
class Visitors:
    """
    Pages that watch a server, in a process of their own.

    Attributes
    ----------
    began_ns
        When the first of them had its WebSocket.

    """

    began_ns: int
    _process: subprocess.Popen[str] = field(repr=False)
    _result: Path = field(repr=False)

    def sleep_until(self, after_s: float) -> None:
        """Wait until they have watched for so long."""
        time.sleep(max(0.0, self.began_ns / 1e9 + after_s - time.time()))

    def told(self) -> Told:
        """Return what they have seen, after all have gone."""
        self._process.communicate()
        if code := self._process.returncode:
            raise PermanentError(f'the process of the pages has ended with exit code {code}: see '
                                 'its output above')
        return Told.read(self._result)


@contextmanager
def serving(route: Route, folder: Path, fps: float, *options: str, clone: Path | None = None,
            log: bool = False) -> Iterator[Server]:
    """
    Run `serve` with the pictures, or the film, of a path.

    `clone` has another one's code; with `log`, what it says is shown.
    """
    port = free_port()
    module = 'benchmarks.programs.named_threads' if clone is None else 'pi_camera_stream'
    words = [*route.server, sys.executable, '-m', module, 'serve',
             '--source', 'file', '--path', str(folder), '--fps', str(fps),
             '--address', route.address, '--port', str(port),
             '--max-viewers', str(_MOST_VIEWERS), *options]
    environment = os.environ if clone is None else {**os.environ, 'PYTHONPATH': str(clone)}
    out = None if log else subprocess.DEVNULL
    with subprocess.Popen(with_parent(words), env=environment, cwd=clone,
                          stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
        try:
            yield Server(route, port, process.pid)
        finally:
            process.terminate()


@contextmanager
def watching(server: Server, watches: Sequence[Watch], result: Path, program: str = 'pages'
             ) -> Iterator[Visitors]:
    """
    Let pages watch it, until they are asked what they have seen.

    `program` is the module beside this one whose process they are.
    """
    visit = Visit(server.route.address, server.port, list(watches), str(result))
    words = [*server.route.viewers, sys.executable, '-m', f'benchmarks.video.{program}',
             json.dumps(asdict(visit))]
    with subprocess.Popen(with_parent(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ''
            if not line:
                raise PermanentError('no page could connect to the server: see its output '
                                     'above')
            yield Visitors(json.loads(line), process, result)
        finally:
            process.terminate()
