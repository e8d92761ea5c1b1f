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
Compare H.264 with JPEG: what viewers get, on which link, and what it costs.

    crowd      20 viewers on one link of 50 Mbit/s
    narrow     one viewer on 5, then on 2 Mbit/s
    lossy      1 % of the packets are lost, and the round trip is 20 ms
    narrowing  a link that narrows from 20 to 1.5 Mbit/s while somebody watches
    sharpness  SSIM and PSNR against the source at 2 Mbit/s, of a panning scene and of a --film
    joins      what a viewer sees while ten others join, one second apart
    fanout     20 viewers on loopback: what a frame costs for each
    opening    the first frame, and the changes between JPEG and H.264
    largest    the largest access unit at a fixed bit rate
    unwanted   what H.264 costs while nobody wants it
    wanted     what a subscriber to the H.264 topic costs those of the JPEGs
    topic      both topics over a link of 20 Mbit/s

`serve`, in a process of its own, shows a panning scene, 1280x720 at 30/s, to viewers without a
screen, which acknowledge each frame as our page does. Each row also measures JPEG in the same
run. Links and openings also measure WebRTC in Chromium; `crowd` measures it with 20 receivers
that report what a browser would. Ages are from the stamp to the last byte, and to the decoded
frame. Rows with a link need root, iproute2 and nftables; the last two rows need ROS:

    sudo .venv/bin/python -m benchmarks codec
    .venv/bin/python -m benchmarks codec sharpness --film film.mp4
"""

import argparse
from collections.abc import Callable, Sequence
import os
from pathlib import Path
import shlex
import tempfile

from pi_camera_stream.core.errors import PermanentError

from .common import command, networks
from .load import units
from .video import scene
from .video.attempt import KINDS, Study
from .video.costs import fanout, largest, opening, unwanted
from .video.links import crowd, lossy, narrow, narrowing
from .video.looks import HEIGHT, joins, sharpness, WIDTH
from .video.topics import topic, wanted

FPS = 30.0
_QUALITY = 80  # of the pictures that come, as cameras have it


def main(arguments: Sequence[str]) -> int:
    """Measure row after row; 1 when a goal was missed."""
    parser = command.parser('codec', __doc__)
    add = parser.add_argument
    add('rows', nargs='*', metavar='ROW', help='some of those above (default: all)')
    add('--seconds', type=units.positive, default=15.0, metavar='S',
        help='that are measured (default: 15)')
    add('--warm-up', type=units.not_negative, default=10.0, metavar='S',
        help='before that (default: 10)')
    add('--rounds', type=units.at_least_one, default=3, metavar='N',
        help='of a row; figures with a goal are their medians (default: 3)')
    add('--kinds', nargs='+', choices=KINDS, default=KINDS, metavar='KIND',
        help=f'what to measure on links and at openings: {", ".join(KINDS)} (default: all)')
    add('--film', type=Path, metavar='FILE', help='a video that `sharpness` measures, too')
    add('--clone', type=Path, metavar='FOLDER',
        help='a clone from before H.264, which `unwanted` compares with this one')
    add('--server', default='', metavar='OPTIONS',
        help="more options of `serve`, as in --server='--h264-bitrate 2000000'")
    add('--log', action='store_true', help='show what the server prints')
    add('--trace', type=Path, metavar='FILE', help='write about each frame to that file, as JSON')
    options = parser.parse_args(arguments)
    rows = _rows(options)
    for name in options.rows:
        if name not in rows:
            parser.error(f"there is no row '{name}': choose some of {', '.join(rows)}")
    chosen = options.rows or list(rows)
    for path in (options.film, options.clone):
        if path is not None and not path.exists():
            parser.error(f"there is no '{path}': name one that exists, or leave it out")
    if not {'crowd', 'lossy', 'narrow', 'narrowing', 'sharpness', 'topic'}.isdisjoint(chosen) and (
            reason := networks.unavailable()):
        raise PermanentError(f'{reason}, or choose other rows')
    print(shlex.join(['python3', '-m', 'benchmarks', 'codec', *arguments]))
    with tempfile.TemporaryDirectory(prefix='pi_camera_stream_benchmark_') as folder:
        study = Study(Path(folder), FPS, options.warm_up, options.seconds, options.rounds,
                      tuple(shlex.split(options.server)), options.log, options.trace,
                      tuple(options.kinds))
        study.pictures.mkdir()
        size = scene.write(study.pictures, WIDTH, HEIGHT, _QUALITY)
        print(f'{WIDTH}x{HEIGHT}, {size / 1e3:.0f} kB, {FPS:g}/s; load {os.getloadavg()[0]:.1f}')
        well = [_measure(name, rows[name], study) for name in chosen]
    return 0 if all(well) else 1


def _rows(options: argparse.Namespace) -> dict[str, Callable[[Study], bool]]:
    return {
        'crowd': crowd, 'lossy': lossy, 'narrow': narrow, 'narrowing': narrowing,
        'sharpness': lambda study: sharpness(study, options.film and options.film.absolute()),
        'joins': joins, 'fanout': fanout, 'opening': opening, 'largest': largest,
        'unwanted': lambda study: unwanted(study, options.clone and options.clone.absolute()),
        'wanted': wanted, 'topic': topic,
    }


def _measure(name: str, row: Callable[[Study], bool], study: Study) -> bool:
    print(f'\n{name}', flush=True)
    return row(study)
