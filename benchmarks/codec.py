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
Measure H.264 beside JPEG: who sees what, on which link, and what it costs.

    crowd      20 viewers on one link of 50 Mbit/s
    narrow     one viewer on 5 and on 2 Mbit/s
    lossy      one packet of a hundred is lost, and the round trip is 20 ms
    narrowing  from 20 to 1.5 Mbit/s while one watches
    sharpness  SSIM and PSNR against the source at 2 Mbit/s, of a panning scene and of a --film
    joins      ten viewers who join one second apart: what the one who was there sees
    fanout     20 viewers on loopback: what a picture costs each
    opening    the first picture, and the changes between JPEG and H.264
    largest    the largest access unit at a fixed bit rate
    unwanted   what there is of it where nobody wants it
    wanted     what a subscriber of the H.264 topic costs those of the JPEGs
    topic      both topics over a link of 20 Mbit/s

`serve` shows pictures of a panning camera, 1280x720 at 30/s, as a process of its own, to pages
without a face, which acknowledge each picture as ours do. In each row, JPEG is measured in the
same run; on links and at openings also WebRTC, as Chromium shows it, but in the crowd, where 20
receivers tell what a browser would. Ages are from the stamp to the last byte, and to the decoded
picture. What needs a link needs root, iproute2 and nftables; the last two rows need ROS:

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
    add('rows', nargs='*', metavar='ROW', help='default: all')
    add('--seconds', type=units.positive, default=15.0, metavar='S', help='that are measured')
    add('--warm-up', type=units.not_negative, default=10.0, metavar='S', help='before them')
    add('--rounds', type=units.at_least_one, default=3, metavar='N',
        help='of a row; figures beside goals are their medians')
    add('--kinds', nargs='+', choices=KINDS, default=KINDS, metavar='KIND',
        help=f'what is measured on links and at openings: {", ".join(KINDS)}; default: all')
    add('--film', type=Path, metavar='FILE', help='a film for `sharpness`, besides')
    add('--clone', type=Path, metavar='FOLDER',
        help='a clone from before H.264, which `unwanted` measures beside this one')
    add('--server', default='', metavar='OPTIONS',
        help="what `serve` is told besides, as in --server='--h264-bitrate 2000000'")
    add('--log', action='store_true', help='show what the server says')
    add('--trace', type=Path, metavar='FILE', help='write down each picture there, as JSON')
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
