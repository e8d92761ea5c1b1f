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
What is left of a recording that ends without warning.

Run it with: sudo .venv/bin/python -m benchmarks record [--times 200] [--codecs jpeg h264]
A recorder gets frames of 1280x720 at 30/s, and is killed (SIGKILL) at a random moment. Then, as
often as `--full` says, its disk is full instead; and as often as `--plug` says, its disk is
copied at that moment without the kernel's caches, which is what a machine finds after its plug
was pulled. It prints how many videos play, decoded from the first frame to the last, and how much
is missing at the end: from the last frame that was handed over to the last one that plays. The
disks for this are made as root; without root, only the first part is possible. The exit code is 1
if a video does not play, or lacks more than half a second.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
import json
import math
import os
from pathlib import Path
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .common import command

SIZE = 1280, 720
CODECS = 'jpeg', 'h264'
AT_ONCE = 3
MOST_LOST_S = 0.5
DISK_BYTES = 48_000_000
CHILD = [sys.executable, '-m', 'benchmarks.programs.recorder']


class Recording(threading.Thread):
    """A recorder, and the stamp of the picture that it has handed over last."""

    def __init__(self, folder: Path, pictures: Path, codec: str, *words: str) -> None:
        super().__init__(daemon=True)
        self._process = subprocess.Popen(
            with_parent([*CHILD, str(folder), str(pictures), codec, *words]),
            stdout=subprocess.PIPE, text=True, cwd=command.ROOT)
        self.last_ns, self.full = 0, threading.Event()
        self.begun = threading.Event()
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for mypy
        for line in self._process.stdout:
            if line.strip() == 'full':
                self.full.set()
            elif line.strip().isdigit():
                self.last_ns = int(line)
                self.begun.set()

    def kill(self) -> int:
        """Kill it; return the stamp of the last picture."""
        self._process.kill()
        self._process.wait()
        self.join()
        return self.last_ns


def make_pictures(path: Path, codec: str) -> None:
    """Write some that move, encoded."""
    from support import pictures
    from support.h264_streams import access_units
    if codec == 'jpeg':
        units = [(pictures.jpeg(*SIZE, seed), True) for seed in range(10)]
    else:
        units = [(unit, number % 60 == 0)
                 for number, unit in enumerate(access_units(60, 60, size=SIZE))]
    path.write_bytes(pickle.dumps((SIZE, units)))


def lost_s(folder: Path, last_ns: int) -> float:
    """Return how much is missing of the newest film; infinite where it does not play."""
    import av
    films = sorted(folder.glob('*.mkv'), key=lambda path: path.stem)
    if not films:
        return math.inf
    try:
        first_ns = json.loads(films[-1].with_suffix('.jsonl').read_text().split('\n')[0])[
            'first_stamp_ns']
        shown_s = -math.inf
        with av.open(str(films[-1])) as film:
            try:
                for picture in film.decode(video=0):
                    shown_s = float(picture.time or 0.0)
            except av.error.InvalidDataError:  # the last one is cut off
                pass
    except (av.error.FFmpegError, OSError, ValueError, KeyError):
        return math.inf
    return last_ns / 1e9 - first_ns / 1e9 - shown_s


def kill_once(pictures: Path, codec: str, _: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / 'films'
        recording = Recording(folder, pictures, codec)
        recording.begun.wait()
        time.sleep(random.uniform(0.3, 2.0))  # noqa: S311 - no secret
        return lost_s(folder, recording.kill())


@contextmanager
def mounted(*words: str) -> Iterator[Path]:
    """Mount something for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(['mount', *words, place], capture_output=True, text=True)
        if done.returncode:
            raise PermanentError(f'no disk can be made here ({done.stderr.strip()}): run it as '
                                 'root, or with --full 0 --plug 0')
        try:
            yield Path(place)
        finally:
            subprocess.run(['umount', '--lazy', place], check=True)


def fill_once(pictures: Path, codec: str, _: int) -> float:
    size = random.randint(500_000, 4_000_000)  # noqa: S311 - no secret
    with mounted('-t', 'tmpfs', '-o', f'size={size}', 'none') as disk:
        recording = Recording(disk / 'films', pictures, codec)
        recording.full.wait(60)
        return lost_s(disk / 'films', recording.kill())


def pull_plug(pictures: Path, codec: str, times: int) -> list[float]:
    """Copy the disk of a recorder now and then, and see what is on the copy."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        image, copy = Path(name) / 'disk', Path(name) / 'copy'
        with image.open('wb') as file:
            file.truncate(DISK_BYTES)
        subprocess.run(['mkfs.ext4', '-q', '-F', str(image)], check=True)
        for _ in range(times):
            with mounted('-o', 'loop', str(image)) as disk:
                recording = Recording(disk / 'films', pictures, codec)
                recording.begun.wait()
                time.sleep(random.uniform(2.0, 5.0))  # noqa: S311 - no secret
                last_ns = recording.last_ns
                subprocess.run(['cp', '--sparse=always', str(image), str(copy)], check=True)
                recording.kill()
                for path in (disk / 'films').iterdir():
                    path.unlink()
            with mounted('-o', 'loop', str(copy)) as disk:
                found.append(lost_s(disk / 'films', last_ns))
    return found


def cost(pictures: Path, codec: str) -> float:
    """Return the processor's time of a picture in ms."""
    with tempfile.TemporaryDirectory() as name:
        done = subprocess.run([*CHILD, name, str(pictures), codec, '--count', '600'], text=True,
                              capture_output=True, check=True, cwd=command.ROOT)
        return float(done.stdout)


def report(what: str, found: Sequence[float]) -> bool:
    """Print a line; return whether all was well."""
    plays = [seconds for seconds in found if seconds < math.inf]
    well = sum(seconds <= MOST_LOST_S for seconds in plays)
    print(f'{what:24}{len(found)} times: {len(plays)} videos play, {well} with at most '
          f'{MOST_LOST_S} s missing; missing '
          f'{1e3 * statistics.median(plays or [math.nan]):.0f} ms (median), '
          f'at most {1e3 * max(plays, default=math.nan):.0f} ms; '
          f'load {os.getloadavg()[0]:.0f}', flush=True)
    return well == len(found)


def repeat(once: Callable[[int], float], times: int) -> list[float]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        return list(executor.map(once, range(times)))


def main(arguments: Sequence[str]) -> int:
    """Let ends come, and print a line about each kind."""
    parser = command.parser('record', __doc__)
    parser.add_argument('--times', type=int, default=200, help='that it is killed (default: 200)')
    parser.add_argument('--full', type=int, default=50, help='full disks (default: 50)')
    parser.add_argument('--plug', type=int, default=20, help='pulled plugs (default: 20)')
    parser.add_argument('--codecs', nargs='+', choices=CODECS, default=CODECS,
                        help='default: both')
    options = parser.parse_args(arguments)
    well = True
    with tempfile.TemporaryDirectory() as name:
        for codec in options.codecs:
            pictures = Path(name) / codec
            make_pictures(pictures, codec)
            print(f'{codec}: {cost(pictures, codec):.3f} ms CPU a frame')
            for what, once, times in (('killed', kill_once, options.times),
                                      ('disk full', fill_once, options.full)):
                if times:
                    well &= report(f'{codec}, {what}', repeat(
                        partial(once, pictures, codec), times))
            if options.plug:
                well &= report(f'{codec}, plug pulled', pull_plug(pictures, codec, options.plug))
    return 0 if well else 1
