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
Run a program with pictures on its standard input, one after the other, as a camera gives them.

The program takes the place of this process, so that what is measured of it is its own.
"""

import argparse
import itertools
import os
from pathlib import Path
import sys

from pi_camera_stream.core.pacing import Pacer
from pi_camera_stream.core.with_parent import with_parent

from ..common.pictures import load_pictures

_TIMEOUT_S = 0.5


def feed(folder: Path, fps: float) -> None:
    """Write the JPEGs of a folder to standard output, until nobody reads."""
    pacer = Pacer()
    try:
        for jpeg in itertools.cycle(load_pictures(folder)):
            while not pacer.wait(1.0 / fps, _TIMEOUT_S):
                pass
            sys.stdout.buffer.write(jpeg)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(0)


def main() -> None:
    """Feed, or without `--feed` become the program that is fed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--fps', type=float, required=True)
    parser.add_argument('--feed', action='store_true')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.feed:
        feed(options.folder, options.fps)
        return
    reading, writing = os.pipe()
    feeder = with_parent([
        sys.executable, '-m', 'benchmarks.programs.piped', '--feed',
        '--folder', str(options.folder), '--fps', str(options.fps)])
    if not os.fork():
        os.dup2(writing, 1)
        os.execv(feeder[0], feeder)  # noqa: S606 - programs of ours
    os.dup2(reading, 0)
    os.closerange(3, max(reading, writing) + 1)
    os.execv(options.command[0], options.command)  # noqa: S606 - as told


if __name__ == '__main__':
    main()
