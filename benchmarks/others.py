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
Measure what viewers of other programs get, beside viewers of ours.

Each program reads the same camera (a fake one, with 1280x720 JPEGs at 30/s) and shows it to 1, 5,
20 and 100 viewers, one program after the other, on loopback and on a link of 50 Mbit/s between two
network namespaces. A picture says when the camera gave it: a JPEG in a comment, and where it is
encoded anew, by a number that is drawn in it. Age is from then until its last byte is at the
viewer; by WebRTC, until it is decoded. Some pictures of each program are compared with what the
camera gave (SSIM). CPU and memory are of all processes of the program, with that of the camera.
"""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import shlex
import sys
import tempfile
import threading
import time
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.shutdown_signals import end_by_signals

from .beside import table
from .beside.camera import FPS, HEIGHT, make, WIDTH
from .beside.cell import Cell
from .beside.programs import check, PROGRAMS, VIEWERS
from .common import command, networks, proc
from .load import units
from .viewers import prepare

_LINK_BPS = 50_000_000
WAYS = {'loopback': None, '50mbit': _LINK_BPS}


def _parser() -> argparse.ArgumentParser:
    parser = command.parser('others', __doc__)
    add = parser.add_argument
    add('--seconds', type=units.positive, default=6.0, metavar='S',
        help='how long each is measured (default: 6)')
    add('--warm-up', type=units.not_negative, default=2.5, metavar='S',
        help='how long the viewers watch before; twice as long on the link (default: 2.5)')
    add('--viewers', type=_viewers, default=list(VIEWERS), metavar='NUMBERS',
        help='with commas, of 1, 5, 20, 100 (default: all)')
    add('--ways', type=lambda text: _some(text, WAYS), default=list(WAYS), metavar='NAMES',
        help=f'some of {", ".join(WAYS)} (default: all)')
    add('--programs', type=lambda text: _some(text, PROGRAMS), default=list(PROGRAMS),
        metavar='NAMES', help=f'some of {", ".join(PROGRAMS)} (default: all)')
    add('--congestion', default='cubic', metavar='NAME',
        help="TCP congestion control of programs that do not choose one, on the link (default: "
             "cubic, Linux's own)")
    add('--json', type=Path, metavar='FILE', help='write all figures there, too')
    add('--plot', type=Path, metavar='FILE', help='draw them there (.svg, .png)')
    add('--from-json', type=Path, metavar='FILE',
        help='measure nothing: print and draw what --json has written')
    return parser


def _some(text: str, known: Sequence[str] | dict[str, Any]) -> list[str]:
    names = text.split(',')
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"'{name}' is not one of {', '.join(known)}: name some of them, with commas")
    return names


def _viewers(text: str) -> list[int]:
    return [int(one) for one in _some(text, [str(number) for number in VIEWERS])]


def main(arguments: Sequence[str]) -> int:
    """Measure and report; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for path in filter(None, (options.json, options.plot)):
        if not path.absolute().parent.is_dir():
            parser.error(f"there is no folder '{path.parent}' for '{path}': make it first")
    if options.plot is not None:
        from .beside.plot import draw  # needs matplotlib: better now than after all is measured
    if options.from_json is not None:
        result = json.loads(options.from_json.read_text())
    else:
        networks.check()
        stopping = threading.Event()
        end_by_signals(stopping.set)
        prepare()
        typed = shlex.join(['python3', '-m', 'benchmarks', 'others', *arguments])
        result = {'command': typed, **_measure(options, stopping)}
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=1) + '\n')
    print(report(result), flush=True)
    if options.plot is not None:
        draw(result['rows'], options.plot)
    return 0


def report(result: dict[str, Any]) -> str:
    """Return the table, and where it comes from."""
    machine = result['machine']
    versions = ', '.join(result['versions'].values())
    return '\n'.join([
        *table.lines(result['rows']), '', *table.doubts(result['rows']),
        f'{WIDTH}x{HEIGHT}, {result["mean_bytes"] / 1e3:.0f} kB, {FPS}/s; {machine["cpu"]}, '
        f'{machine["cores"]} cores, Linux {machine["kernel"]}, Python {machine["python"]}, '
        f'TCP {result["congestion_control"]}, load before {machine["load_1_min"]}',
        versions, result['command']])


def _measure(options: argparse.Namespace, stopping: threading.Event) -> dict[str, Any]:
    machine, versions = proc.machine(), check(options.programs)
    with tempfile.TemporaryDirectory(prefix='pi_camera_stream_beside_') as folder:
        camera, rows = make(Path(folder)), []
        for way in options.ways:
            for viewers in options.viewers:
                for name in options.programs:
                    if viewers not in PROGRAMS[name].viewers:
                        continue
                    warm_up_s = options.warm_up * (1 if WAYS[way] is None else 2)
                    cell = Cell(name, viewers, WAYS[way], options.congestion, warm_up_s,
                                options.seconds)
                    rows.append(_try(cell, way, camera, stopping))
    return {'machine': machine, 'versions': versions, 'mean_bytes': camera.mean_bytes,
            'congestion_control': options.congestion, 'seconds': options.seconds,
            'warm_up_s': options.warm_up, 'rows': rows}


def _try(cell: Cell, way: str, camera: Any, stopping: threading.Event) -> dict[str, Any]:
    """Return the row of a cell, also where its program has shown nothing."""
    try:
        began_s = time.monotonic()
        row = cell.measure(camera, stopping)
        print(f'{time.monotonic() - began_s:.1f} s', file=sys.stderr)
    except (PermanentError, OSError) as error:  # the others go on
        print(f'{cell.program}, {cell.viewers} viewers, {way}: {error}', file=sys.stderr)
        row = {'program': cell.program, 'viewers': cell.viewers, 'link_bps': cell.link_bps,
               'reason': 'no picture'}
    print(table.line(row), file=sys.stderr, flush=True)
    return row
