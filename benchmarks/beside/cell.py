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

"""One program with so many viewers, on one network: a row of the table."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
import json
from pathlib import Path
import statistics
import sys
import tempfile
import threading
from typing import Any

import cv2
import numpy as np
from pi_camera_stream.core.errors import PermanentError

from . import marks
from .camera import Camera
from .programs import Place, Program, PROGRAMS
from .viewers_main import Watching
from ..common.networks import cable, free_port, loopback, Route
from ..load.client_pool import ClientConfig
from ..load.record import percentile
from ..load.scenario import running
from ..players.marked import ages, number_of, Seen
from ..video.decoding import luma
from ..video.sharpness import ssim

_LINES = 5  # of what a program has said before it failed


@dataclass(frozen=True)
class Cell:
    """
    What is measured.

    Attributes
    ----------
    link_bps
        None for the loopback device.
    congestion
        The TCP congestion control of programs that do not choose one, on the link.

    """

    program: str
    viewers: int
    link_bps: int | None
    congestion: str
    warm_up_s: float
    seconds: float

    def measure(self, camera: Camera, stopping: threading.Event) -> dict[str, Any]:
        """
        Return its figures.

        Raises
        ------
        PermanentError
            The program does not run, or shows nothing.
        KeyboardInterrupt
            `stopping` was set.

        """
        program = PROGRAMS[self.program]
        camera.given()  # of the last one
        with tempfile.TemporaryDirectory(prefix='pi_camera_stream_beside_') as folder:
            result = Path(folder) / 'result'
            with self._route() as route, running(stopping) as programs:
                place = Place(route.address, free_port(), self.viewers)
                for name, command in program.commands(camera, place).items():
                    programs.start(name, _silent(
                        [*route.server, *command], Path(folder) / f'{name}.log'))
                server, *helpers = programs.pids().items()
                config = ClientConfig(
                    place.address, place.port, '' if program.stream == 'tcp' else program.path,
                    self.viewers, 0, self.warm_up_s, self.seconds, False, server[1],
                    dict(helpers), str(result))
                kind = 'webrtc_main' if program.stream == 'webrtc' else 'viewers_main'
                programs.start('viewers', [
                    *route.viewers, sys.executable, '-m', f'benchmarks.beside.{kind}',
                    Watching(config, program.stream, program.single).words()])
                try:
                    programs.wait_for('viewers')
                except PermanentError:
                    # That of a single viewer ends with them.
                    if not program.single or not result.exists():
                        _tell(Path(folder))
                        raise
            told = json.loads(result.read_text())
            return {**self._said(told, camera, program), 'ssim': _sharpness(result, camera)}

    def _said(self, told: dict[str, Any], camera: Camera, program: Program) -> dict[str, Any]:
        if program.stream == 'webrtc':
            told |= _decoded_ages(camera.given(), told.pop('seen'))
        used_s = sum(used for name, used in told['cpu_s'].items() if name != 'viewers')
        return {'program': self.program, 'viewers': self.viewers, 'link_bps': self.link_bps,
                **told, 'cpu_ms_per_frame': used_s * 1e3 / told['frames']}

    def _route(self) -> AbstractContextManager[Route]:
        return loopback() if self.link_bps is None else cable(
            self.link_bps, congestion=self.congestion)


def _tell(folder: Path) -> None:
    """Show the last words of all programs."""
    for log in folder.glob('*.log'):
        print(*log.read_text(errors='replace').splitlines()[-_LINES:], sep='\n',
              file=sys.stderr)


def _silent(command: list[str], log: Path) -> list[str]:
    """Let a program say what it says into a file."""
    return ['sh', '-c', 'exec "$@" >"$0" 2>&1', str(log), *command]


def _decoded_ages(given: list[tuple[int, int]], seen: list[tuple[int, int]]
                  ) -> dict[str, float | None]:
    """Return the ages of what the one viewer by WebRTC has decoded."""
    found = ages([Seen(*one) for one in given], [Seen(*one) for one in seen], 0, sys.maxsize)
    ordered = sorted(found.ms)
    return {name: percentile(ordered, percent) if ordered else None for name, percent in
            (('age_median_ms', 50), ('age_p99_ms', 99), ('age_max_ms', 100))}


def _sharpness(result: Path, camera: Camera) -> dict[str, Any] | None:
    """Return the SSIM of the pictures that were kept, beside what the camera has given."""
    values = [found for path in result.parent.glob(f'{result.name}.*')
              if (found := _ssim(path, camera)) is not None]
    return {'mean': statistics.mean(values), 'least': min(values),
            'count': len(values)} if values else None


def _ssim(path: Path, camera: Camera) -> float | None:
    """Return the SSIM of one picture; None where its number cannot be read."""
    if path.suffix == '.npy':
        seen = np.load(path)
    else:
        jpeg = path.read_bytes()
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        seen = luma(picture)
    number = number_of(seen)
    if number is None or number >= camera.count:  # the latter of somebody else's camera
        return None
    if path.suffix == '.jpg' and marks.without_time(jpeg) == camera.jpeg(number):
        return 1.0
    source = camera.luma(number)
    if seen.shape != source.shape:  # a browser makes it as large
        seen = cv2.resize(seen, source.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return ssim(source, seen)
