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

"""H.264 as a topic: what it costs the JPEGs of the same camera, and on a narrow link."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import threading
import time
from typing import cast, IO

from pi_camera_stream.core.frame import H264 as H264_CODEC
from pi_camera_stream.core.frame import JPEG as JPEG_CODEC
from pi_camera_stream.core.with_parent import with_parent

from . import scene
from .attempt import H264, JPEG, Study, tell
from .looks import HEIGHT, WIDTH
from .pictures import Spread
from ..common import command, messages, networks
from ..raw_subscriber import Receiver, summary, Turn

LINK_BPS = 20e6  # of the benchmark `adaptive`
_RICH_QUALITY = 93  # of pictures that do not fit through it
_BEFORE_S = 3.0  # until there is a camera to subscribe to
_SETTLE_S = 3.0
Taken = tuple[float, float, int]  # when it was decoded, its age, both in s, and its width


class Taker:
    """A FrameSubscriber in a process of its own; a context manager."""

    def __init__(self, codec: str, prefix: networks.Prefix = ()) -> None:
        self.taken: list[Taken] = []
        self._process = subprocess.Popen(
            with_parent([*prefix, sys.executable, '-m', 'benchmarks.programs.taker', codec]),
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> 'Taker':
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def of_the_last(self, seconds: float) -> list[Taken]:
        since_s = time.time() - seconds
        return [one for one in self.taken[:] if one[0] >= since_s]

    def _read(self) -> None:
        for line in cast(IO[str], self._process.stdout):
            self.taken.append(json.loads(line))


@contextmanager
def camera(values: Sequence[str], prefix: networks.Prefix = ()) -> Iterator[None]:
    """Run the camera node with these parameters."""
    with subprocess.Popen(
            with_parent([*prefix, sys.executable, '-m', 'pi_camera_stream', 'camera', '--ros-args',
                         *(word for value in values for word in ('-p', value))]),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
        try:
            yield
        finally:
            process.terminate()


def wanted(study: Study) -> bool:
    """Take H.264 by turns, and look at the compressed topic of the same camera."""
    _prepare('LOCALHOST')
    sources = {
        'images that it encodes': ('source:=pattern', f'width:={WIDTH}', f'height:={HEIGHT}'),
        'JPEGs that it passes on': ('source:=file', f'path:={study.pictures}')}
    well = []
    for name, values in sources.items():
        without, beside = _turns(study, (*values, f'fps:={study.fps}'))
        for turn, rows in (('without', without), ('alongside H.264', beside)):
            print(f'{name}, {turn}: ' + '; '.join(
                f"{row['rate']:.1f}/s, age {row['median']:.1f} / {row['p95']:.1f} ms"
                for row in rows) + f'; load {os.getloadavg()[0]:.1f}')
        rates = [b['rate'] / a['rate'] for a, b in zip(without, beside, strict=True)]
        later_ms = [b['p95'] - a['p95'] for a, b in zip(without, beside, strict=True)]
        well += [tell('rate, of that without', statistics.median(rates), 0.99, '', at_least=True,
                      digits=3),
                 tell('age p95, later than without', statistics.median(later_ms), 5.0, ' ms')]
    return all(well)


def _turns(study: Study, values: Sequence[str]) -> tuple[list[Turn], list[Turn]]:
    without, beside = [], []
    with camera(values), Receiver('jpeg', ()) as jpegs:
        jpegs.wait_for_one()
        for _ in range(study.rounds):
            without.append(_turn(study, jpegs))
            with Taker(H264_CODEC) as taker:
                time.sleep(_BEFORE_S)
                beside.append(_turn(study, jpegs))
                rate = len(taker.of_the_last(study.seconds)) / study.seconds
                print(f'  H.264 alongside: {rate:.1f}/s', flush=True)
    return without, beside


def _turn(study: Study, jpegs: Receiver) -> Turn:
    time.sleep(_SETTLE_S)
    jpegs.ages_ms.clear()
    time.sleep(study.seconds)
    return summary(jpegs.ages_ms[:], study.seconds)


def topic(study: Study) -> bool:
    """Take each on a link that is too narrow for the JPEGs."""
    _prepare('SUBNET')
    folder = study.folder / 'rich'
    folder.mkdir()
    size = scene.write(folder, WIDTH, HEIGHT, _RICH_QUALITY)
    print(f'{size * 8 * study.fps / 1e6:.1f} Mbit/s offered to {LINK_BPS / 1e6:g}')
    rates: dict[str, list[float]] = {JPEG: [], H264: []}
    for _ in range(study.rounds):
        for kind, codec in ((JPEG, JPEG_CODEC), (H264, H264_CODEC)):
            rates[kind].append(_over_the_link(study, kind, codec, folder))
    return tell('pictures/s in full size', statistics.median(rates[H264]), 28.0, '',
                at_least=True)


def _over_the_link(study: Study, kind: str, codec: str, folder: Path) -> float:
    """Return how many pictures a second came in full size."""
    with ExitStack() as stack:
        route = stack.enter_context(networks.cable(round(LINK_BPS)))
        stack.enter_context(camera(('source:=file', f'path:={folder}', f'fps:={study.fps}'),
                                   route.server))
        time.sleep(_BEFORE_S)
        taker = stack.enter_context(Taker(codec, route.viewers))
        time.sleep(study.warm_up_s + study.seconds)
        taken = taker.of_the_last(study.seconds)
    ages = Spread.of(1e3 * age_s for _, age_s, _ in taken)
    widths = [width for *_, width in taken] or [0]
    print(f'{kind} over {LINK_BPS / 1e6:g} Mbit/s: {len(taken) / study.seconds:.1f}/s, decoded at '
          f'{ages.median:.1f} / {ages.p95:.1f} ms, width {min(widths)} to {max(widths)}; load '
          f'{os.getloadavg()[0]:.1f}', flush=True)
    return sum(width == WIDTH for width in widths) / study.seconds


def _prepare(discovery: str) -> None:
    """Set what all processes inherit: how far ROS reaches, and where messages are."""
    command.stay_on_this_machine()
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = discovery
    try:
        import foxglove_msgs  # noqa: F401
    except ModuleNotFoundError:
        os.environ['PYTHONPATH'] = os.pathsep.join(
            filter(None, [str(messages.made()), os.environ.get('PYTHONPATH')]))
