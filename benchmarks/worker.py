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
What it costs to run a camera's driver in a process of its own: latency, and CPU on both sides.

Run it with: .venv/bin/python -m benchmarks worker [--kilobytes 100] [--fps 30] [--seconds 10]
A worker without a camera hands out the same image again and again. Its CPU time is compared with
that of a worker that does everything except handing it out.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
import statistics
import sys
import threading
import time
from typing import Any, cast

from pi_camera_stream.core.child import Child
from pi_camera_stream.sources import workers
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.worker_source import WorkerSource

from .common import command

_MOST_LATENCY_MS, _MOST_CPU_MS = 1.0, 0.3


class Clockwork:
    """The camera: a thread that has a picture whenever one is due."""

    def __init__(self, settings: dict[str, Any], pipe: Any) -> None:
        self._jpeg, self._fps = bytes(settings['bytes']), settings['fps']
        self._show = (lambda *_: None) if settings['idle'] else pipe.send_frame
        pipe.send(b'H', {'fps': self._fps})
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        number, due_s = 0, time.monotonic()
        while True:
            number += 1
            due_s += 1 / self._fps
            time.sleep(max(0.0, due_s - time.monotonic()))
            self._show(self._jpeg, time.monotonic_ns(), number, 0)

    def stop(self) -> None:
        pass


class ClockworkSource(WorkerSource):
    """This program as a worker."""

    title = 'clockwork'

    def __init__(self, size_bytes: int, fps: float, idle: bool) -> None:
        super().__init__(SourceSettings())
        self._message = {'bytes': size_bytes, 'fps': fps, 'idle': idle}

    def command(self) -> Sequence[str]:
        return command.itself('worker', '--work')

    def open_message(self) -> dict[str, Any]:
        return self._message

    def worker_cpu_s(self) -> float:
        """Return the CPU time of all the worker's threads so far."""
        tasks = Path(f'/proc/{cast(Child, self._child).pid}/task').iterdir()
        return sum(int((task / 'schedstat').read_text().split()[0]) for task in tasks) / 1e9


def measure(source: ClockworkSource, seconds: float) -> tuple[list[float], float, float]:
    """Return latencies in ms, and CPU seconds here and there, of some seconds."""
    source.start()
    while not source.hello:
        source.read(0.1)
    source.read(0.5)
    latencies_ms = []
    here_s, there_s, end_s = time.thread_time(), source.worker_cpu_s(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        capture = source.read(0.25)
        if capture is not None:
            latencies_ms.append((time.monotonic_ns() - capture.monotonic_ns) / 1e6)
    here_s, there_s = time.thread_time() - here_s, source.worker_cpu_s() - there_s
    source.stop()
    return latencies_ms, here_s, there_s


def main(arguments: Sequence[str]) -> int:
    """Measure, and return 1 when it costs more than it may."""
    if '--work' in arguments:
        sys.path.insert(0, str(Path(workers.__file__).parent / 'runtime'))
        import_module('worker_pipe').run(Clockwork)
    parser = command.parser('worker', __doc__)
    parser.add_argument('--kilobytes', type=float, default=100,
                        help='of an image (default: 100)')
    parser.add_argument('--fps', type=float, default=30, help='default: 30')
    parser.add_argument('--seconds', type=float, default=10, help='default: 10')
    options = parser.parse_args(arguments)
    size_bytes = int(options.kilobytes * 1000)
    idle = measure(ClockworkSource(size_bytes, options.fps, idle=True), options.seconds)
    latencies_ms, here_s, there_s = measure(
        ClockworkSource(size_bytes, options.fps, idle=False), options.seconds)
    count = len(latencies_ms)
    latency_ms = statistics.median(latencies_ms)
    node_ms = here_s / count * 1000
    # The other one had as many pictures, as the same clock made them.
    worker_ms = (there_s - idle[2]) / count * 1000
    slowest_ms = statistics.quantiles(latencies_ms, n=100)[98]
    print(f'{count} images of {options.kilobytes:g} kB at {options.fps:g}/s\n'
          f'latency     median {latency_ms:.2f} ms, 99 % within {slowest_ms:.2f} ms\n'
          f'CPU a frame node {node_ms:.3f} ms, worker {worker_ms:.3f} ms')
    return int(latency_ms > _MOST_LATENCY_MS or max(node_ms, worker_ms) > _MOST_CPU_MS)
