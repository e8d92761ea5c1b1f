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


"""The result of a measurement, as a table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import math
from typing import Any

from .hops import CAPTURE, Hop

PIXELS = 'pixels'
_SHARES = {'median': 0.5, 'p95': 0.95, 'p99': 0.99}


@dataclass(frozen=True)
class Result:
    topic: str
    seconds: float
    frames: int  # that arrived here
    size_bytes: int  # median
    hops: Sequence[Hop]  # those of the camera, then for each receiver its own and the sum
    pixels: Hop | None  # from what the pixels of a test pattern tell to decoding here
    # Median difference of the age by the stamp and by the pixels.
    claimed_minus_pixels_ms: float | None
    clocks: dict[str, str]  # by node, what was found out about its clock, for people
    warnings: Sequence[str]  # what lessens the worth of the figures, one sentence each


def table(result: Result) -> str:
    width = max((len(name(hop)) for hop in result.hops), default=20) + 2
    lines = [f'{result.topic}: {result.frames} pictures decoded in {result.seconds:.0f} s, '
             f'{result.size_bytes / 1e3:.0f} kB each', '',
             f'{"":{width}}' + ''.join(f'{name:>9}' for name in (*_SHARES, 'max', 'jitter'))
             + f'{"n":>7}{"dropped":>9}   known to']
    route = ''
    for hop in [*result.hops, *([result.pixels] if result.pixels else [])]:
        if hop.route != route:
            lines.append(hop.route)
            route = hop.route
        lines.append(_line(hop, width))
    if result.claimed_minus_pixels_ms is not None:
        lines += ['', 'The pixels tell when they were drawn: the stamps claim '
                  f'{abs(result.claimed_minus_pixels_ms):.2f} ms '
                  f'{"more" if result.claimed_minus_pixels_ms >= 0 else "less"} age than that.']
    lines += ['', 'All times are in ms. Clocks:']
    lines += [f'  {node}: {text}' for node, text in result.clocks.items()] or ['  only ours']
    lines += [f'warning: {warning}' for warning in result.warnings]
    return '\n'.join(lines)


def name(hop: Hop) -> str:
    indent = '  ' if hop.route else ''
    arrow = f'{hop.begin} -> {hop.end}'
    return f'{indent}{"= " if is_sum(hop) else ""}{arrow}'


def is_sum(hop: Hop) -> bool:
    return hop.begin in (CAPTURE, PIXELS) and bool(hop.route)


def _line(hop: Hop, width: int) -> str:
    values = [*(hop.share(part) for part in _SHARES.values()), max(hop.times_ms)]
    cells = [_known(value, hop.uncertainty_ms) for value in values]
    cells.append(f'{hop.jitter_ms:.2f}')  # a difference, for which no clock's offset matters
    known = '' if hop.uncertainty_ms == 0 else '   nothing known' \
        if hop.uncertainty_ms == math.inf else f'   ± {hop.uncertainty_ms:.2f}'
    return (f'{name(hop):{width}}' + ''.join(f'{cell:>9}' for cell in cells)
            + f'{len(hop.times_ms):>7}{hop.dropped:>9}{known}')


def _known(value_ms: float, uncertainty_ms: float) -> str:
    """Return the value; what is smaller than its uncertainty is not known."""
    if uncertainty_ms not in (0.0, math.inf) and abs(value_ms) <= uncertainty_ms:
        return f'< {2 * uncertainty_ms:.1f}'
    return f'{value_ms:.2f}'


def as_json(result: Result) -> str:
    """Return the result as JSON; a value that is not known is null."""
    return json.dumps({
        'topic': result.topic, 'seconds': round(result.seconds, 3), 'frames': result.frames,
        'size_bytes': result.size_bytes,
        'hops': [_as_dict(hop) for hop in result.hops],
        'pixels': _as_dict(result.pixels) if result.pixels else None,
        'claimed_minus_pixels_ms': result.claimed_minus_pixels_ms,
        'clocks': result.clocks, 'warnings': list(result.warnings)}, indent=1)


def _as_dict(hop: Hop) -> dict[str, Any]:
    limit_ms = hop.uncertainty_ms

    def known(value_ms: float) -> float | None:
        return None if 0 < limit_ms < math.inf and abs(value_ms) <= limit_ms else round(
            value_ms, 4)

    return {
        'route': hop.route or None, 'from': hop.begin, 'to': hop.end, 'sum': is_sum(hop),
        **{f'{name}_ms': known(hop.share(part)) for name, part in _SHARES.items()},
        'max_ms': known(max(hop.times_ms)), 'jitter_ms': round(hop.jitter_ms, 4),
        'count': len(hop.times_ms), 'dropped': hop.dropped,
        'uncertainty_ms': None if limit_ms == math.inf else round(limit_ms, 4)}
