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

"""The figures as people read them."""

from collections.abc import Sequence
from typing import Any

from .units import rate_text

_BUSY = 0.9  # of a core: from here on, a process of ours may be what the figures show
_STEADY_HEAD = (
    ('', 'frames/s', '', 'age', 'p95', 'p99', 'max', 'kB a', 'CPU ms', 'CPU', 'memory', 'peak',
     'frames'),
    ('', 'min', 'mean', 'median', 'ms', 'ms', 'ms', 'frame', 'a frame', '%', 'MB', 'MB',
     'a viewer'))
_STEADY = (
    ('frames_per_s_min', 1), ('frames_per_s_mean', 1), ('age_median_ms', 1), ('age_p95_ms', 1),
    ('age_p99_ms', 1), ('age_max_ms', 0), ('frame_kb', 1), ('cpu_ms_per_frame', 3),
    ('cpu_percent', 0), ('rss_mb', 0), ('peak_mb', 0), ('frames_per_viewer', 0))
_CHURN_HEAD = (
    ('', 'connec-', '', 'age', 'p95', 'sockets', '', '', 'threads', '', '', 'memory', 'MB', ''),
    ('', 'tions', 'frames', 'median', 'ms', *('before', 'middle', 'after') * 3))
_CHURN = (('connections', 0), ('frames', 0), ('age_median_ms', 1), ('age_p95_ms', 1))
_RATIOS = (('CPU', 'cpu_ms_per_frame'), ('age', 'age_median_ms'), ('p95 age', 'age_p95_ms'),
           ('memory', 'rss_mb'), ('frames', 'frames_per_viewer'))


def steady_report(result: dict[str, Any]) -> str:
    """Return the table of viewers who stay."""
    rows = [[row['server'], *(_number(row[name], digits) for name, digits in _STEADY)]
            for row in result['rows']]
    lines = [_what(result), '', *table([*_STEADY_HEAD, *rows]), '']
    lines += [ratio_line(row, result['rows'][-1]) for row in result['rows'][:-1]]
    lines += ['CPU and memory are those of the server; CPU ms are for a frame that a viewer got.',
              *notes(result['rows']), *_where(result)]
    return '\n'.join(lines)


def churn_report(result: dict[str, Any]) -> str:
    """Return the table of viewers who come and go."""
    rows = []
    for row in result['rows']:
        moments = [row[moment] for moment in ('before', 'middle', 'after')]
        rows.append([row['server'], *(_number(row[name], digits) for name, digits in _CHURN),
                     *(_number(moment[name], 0) for name in ('sockets', 'threads', 'rss_mb')
                       for moment in moments)])
    lines = [_what(result), '', *table([*_CHURN_HEAD, *rows]), '']
    for row in result['rows']:
        back = 'came back to' if row['sockets_came_back'] else 'DID NOT COME BACK to'
        lines.append(f'{row["server"]}: the open sockets {back} the number before.')
    return '\n'.join([*lines, *notes(result['rows']), *_where(result)])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join([row[0].ljust(widths[0]),
                       *(cell.rjust(width) for cell, width in
                         zip(row[1:], widths[1:], strict=True))]).rstrip() for row in rows]


def ratio_line(row: dict[str, Any], reference: dict[str, Any]) -> str:
    """Return what the first server has of the second one's figures."""
    ratios = [f'{name} {row[key] / reference[key]:.2f}' for name, key in _RATIOS
              if row[key] is not None and reference[key]]
    return f'{row["server"]} / {reference["server"]}: ' + ', '.join(ratios)


def notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what makes the figures doubtful."""
    lines = []
    for row in rows:
        for reason, number in row['lost'].items():
            lines.append(f'{row["server"]}: {number} viewers were turned away or cut off '
                         f'({reason}).')
        for name in ('viewers', 'delay', 'stream'):
            busy = row.get('cpu_s', {}).get(name, 0.0) / row['span_s']
            if busy > _BUSY:
                lines.append(f'{row["server"]}: the process of the {name} was busy for '
                             f'{100 * busy:.0f} % of the time, so its delay is in the ages.')
        if row.get('machine_busy', 0.0) > _BUSY:
            lines.append(f'{row["server"]}: all cores were busy for '
                         f'{100 * row["machine_busy"]:.0f} % of the time: ages contain the wait '
                         'for one.')
    return lines


def _what(result: dict[str, Any]) -> str:
    stream = result['stream']
    watching = 'coming and going' if result['churn'] else f'after {result["warm_up_s"]:g} s'
    parts = [f'{stream["width"]}x{stream["height"]}, {stream["mean_bytes"] / 1e3:.0f} kB, '
             f'{stream["fps"]:g}/s', f'{result["viewers"]} viewers',
             f'{result["seconds"]:g} s {watching}']
    if result['stuck']:
        parts.append(f'{result["stuck"]} more who read nothing')
    if result['link_bps']:
        parts.append(f'link of {rate_text(result["link_bps"])}')
    if result['rtt_ms']:
        parts.append(f'{result["rtt_ms"]:g} ms round trip')
    if not result['link_bps'] and not result['rtt_ms']:
        parts.append('loopback')
    return '; '.join(parts)


def _where(result: dict[str, Any]) -> list[str]:
    machine = result['machine']
    return [f'{machine["cpu"]}, {machine["cores"]} cores, Linux {machine["kernel"]}, '
            f'Python {machine["python"]}, TCP {result["congestion_control"]}, '
            f'load before {machine["load_1_min"]}',
            result['command']]


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'
