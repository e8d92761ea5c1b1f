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

"""The figures as rows of Markdown."""

from collections.abc import Sequence
from typing import Any

from .programs import PROGRAMS
from ..load.report import notes
from ..load.units import rate_text

HEAD = ('viewers, way', 'program', 'frames/s each', 'age median ms', 'p99', 'kB a frame', 'SSIM',
        'CPU ms a viewer-frame', 'memory MB')

_FAIR = 0.8


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a table: all programs of one way, with as many viewers, below each other."""
    found = ['| ' + ' | '.join(HEAD) + ' |', '|---' * len(HEAD) + '|']
    for jpeg in (True, False):
        for link_bps in sorted({row['link_bps'] or 0 for row in rows}):
            chosen = [row for row in rows if (row['link_bps'] or 0) == link_bps
                      and _is_jpeg(row) == jpeg]
            for row in sorted(chosen, key=lambda one: one['viewers']):  # otherwise as it came
                found.append(line(row))
    return found


def line(row: dict[str, Any]) -> str:
    """Return one row."""
    cells = [f'{row["viewers"]}, {way_of(row)}', PROGRAMS[row['program']].what]
    if 'reason' in row:
        return '| ' + ' | '.join([*cells, row['reason'], *[''] * (len(HEAD) - 3)]) + ' |'
    sharp = row['ssim']
    cells += [rate_of_each(row), age_text(row['age_median_ms']),
              age_text(row['age_p99_ms']), _number(row['frame_kb'], 0 if _is_jpeg(row) else 1),
              _number(sharp and sharp['mean'], 3), _number(row['cpu_ms_per_frame'], 2),
              _number(row['memory_mb'], 0)]
    return '| ' + ' | '.join(cells) + ' |'


def rate_of_each(row: dict[str, Any]) -> str:
    """Return the mean of the pictures a second, and what those have who get clearly less."""
    mean, least = row['frames_per_s_mean'], row['frames_per_s_min']
    return f'{mean:.1f}' + (f' (least {least:.1f})' if least < _FAIR * mean else '')


def doubts(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what makes figures doubtful, in sentences."""
    return notes([{**row, 'server': f'{row["viewers"]}, {way_of(row)}, {row["program"]}'}
                  for row in rows if 'reason' not in row])


def way_of(row: dict[str, Any]) -> str:
    """Return how its viewers were reached."""
    way = rate_text(row['link_bps']) if row['link_bps'] else 'loopback'
    return way if _is_jpeg(row) else f'{way}, WebRTC'


def age_text(age_ms: float | None) -> str:
    """Return an age in ms, as exact as it matters."""
    return _number(age_ms, 1 if age_ms is not None and age_ms < 9.95 else 0)


def _is_jpeg(row: dict[str, Any]) -> bool:
    return PROGRAMS[row['program']].stream != 'webrtc'


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'
