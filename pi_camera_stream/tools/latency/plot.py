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


"""The result of a measurement as a picture; imports matplotlib."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .hops import Hop
from .report import is_sum, name, Result

_INCHES = (11, 7)
_LEAST_ROWS = 6


def draw(result: Result, path: Path) -> None:
    """
    Draw the spread of each hop, and below it each receiver's age over time.

    Raises OSError or ValueError when the file cannot be written.
    """
    matplotlib.use('agg')
    figure = Figure(figsize=_INCHES, layout='constrained')
    spread, course = figure.subplots(2, 1, height_ratios=(
        max(len(result.hops), _LEAST_ROWS), _LEAST_ROWS))
    figure.suptitle(f'{result.topic}: {result.frames} pictures in {result.seconds:.0f} s, '
                    f'{result.size_bytes / 1e3:.0f} kB each')
    _draw_spread(spread, [*result.hops, *([result.pixels] if result.pixels else [])])
    _draw_course(course, [hop for hop in result.hops if is_sum(hop)])
    figure.savefig(path, dpi=110)


def _draw_spread(axes: Axes, hops: list[Hop]) -> None:
    rows = range(len(hops))
    for shares, thickness in (((0.05, 0.95), 1.5), ((0.25, 0.75), 9)):
        low, high = ([hop.share(part) for hop in hops] for part in shares)
        axes.hlines(rows, low, high, linewidth=thickness, color='tab:blue')
    axes.plot([hop.share(0.5) for hop in hops], rows, '|', color='white', markersize=9)
    axes.set_yticks(rows, [f'{hop.route}  {name(hop).strip()}'.strip() for hop in hops])
    axes.invert_yaxis()
    axes.set_xlabel('ms: median, middle half (thick) and 5 to 95 % (thin)')
    axes.grid(axis='x', alpha=0.3)


def _draw_course(axes: Axes, sums: list[Hop]) -> None:
    for hop in sums:
        axes.plot(hop.times_ms, '.-', linewidth=0.6, markersize=3,
                  label=f'{hop.route}: {name(hop).strip(" =")}')
    axes.set_xlabel('picture')
    axes.set_ylabel('age in ms')
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if sums:
        axes.legend(fontsize='small')
