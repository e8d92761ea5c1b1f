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


"""From moments to figures: how long each hop takes, and how well that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
import math
import statistics

CAPTURE, CAMERA = 'capture', 'camera'
# What may be told of a picture, in the order in which it happens.
_CAMERA_STAGES = ('published',)
_RECEIVER_STAGES = ('received', 'decoded', 'processed', 'painted')


@dataclass(frozen=True)
class Clock:
    """How a node's clock is known; equal ones are one clock."""

    offset_ns: float = 0.0  # the node's clock minus ours
    uncertainty_ns: float = 0.0  # at the most; infinite where nobody has told


@dataclass(frozen=True)
class Hop:
    """The way from one stage to the next."""

    route: str  # name of the receiver; empty for the camera's own hops
    begin: str
    end: str
    times_ms: Sequence[float]  # one for each picture, in the order of their stamps
    uncertainty_ms: float  # of all times alike, since they come from two clocks; 0 for one clock
    dropped: int  # pictures that came to the one stage, and not to the other

    def share(self, part: float) -> float:
        """Return the time below which this part of the times lies."""
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, math.floor(part * len(ordered)))]

    @property
    def jitter_ms(self) -> float:
        """Return the median difference between one picture and the next (compare RFC 3550)."""
        differences = [abs(b - a) for a, b in pairwise(self.times_ms)]
        return statistics.median(differences) if differences else 0.0


@dataclass(frozen=True)
class Sighting:
    """What `node` did with the picture of `stamp_ns`, when, by its own clock."""

    node: str
    stamp_ns: int
    at_ns: Mapping[str, int]


def find_hops(sightings: Sequence[Sighting], camera: str, clocks: Mapping[str, Clock]
              ) -> list[Hop]:
    """
    Return the hops of the camera, and of each receiver with their sum behind them.

    The sightings are of one topic; a node that is not in `clocks` has ours.
    """
    stages = _by_node(sightings, clocks)
    own = clocks.get(camera, Clock())
    published = stages.pop(camera, {})
    captured = {stamp: stamp - own.offset_ns for stamp in
                {stamp for node in (published, *stages.values()) for stamp in node}}
    before = {CAPTURE: captured, **_columns(published, _CAMERA_STAGES)}
    hops = _chain('', before, list(before), 0.0)
    for node in sorted(stages):
        columns = _columns(stages[node], _RECEIVER_STAGES)
        if not columns:
            continue
        clock = clocks.get(node, Clock())
        # Of two clocks, both are known by round trips to us.
        one = node == camera or (clock == own and math.isfinite(own.uncertainty_ns))
        doubt_ms = 0.0 if one else (own.uncertainty_ns + clock.uncertainty_ns) / 1e6
        last = list(before)[-1]
        worst = max((moments['uncertainty'] for moments in stages[node].values()
                     if 'uncertainty' in moments), default=0) / 1e6
        names = list(columns)
        hops += _chain(node, {last: before[last], **columns}, [last, names[0]], doubt_ms)
        for begin, end in pairwise(names):
            hops += _chain(node, columns, [begin, end], worst if end == 'painted' else 0.0)
        hops += _chain(node, {CAPTURE: captured, **columns}, [CAPTURE, names[-1]],
                       doubt_ms + (worst if names[-1] == 'painted' else 0.0))
    return hops


def _by_node(sightings: Sequence[Sighting], clocks: Mapping[str, Clock]
             ) -> dict[str, dict[int, dict[str, float]]]:
    """Return node -> stamp -> stage -> moment by our clock."""
    stages: dict[str, dict[int, dict[str, float]]] = {}
    for sighting in sightings:
        offset_ns = clocks.get(sighting.node, Clock()).offset_ns
        moments = stages.setdefault(sighting.node, {}).setdefault(sighting.stamp_ns, {})
        for name, at_ns in sighting.at_ns.items():
            if name == 'uncertainty':
                moments[name] = at_ns
            else:  # several pages may have painted it: the first one counts
                moments[name] = min(at_ns - offset_ns, moments.get(name, math.inf))
    return stages


def _columns(node: Mapping[int, Mapping[str, float]], names: Sequence[str]
             ) -> dict[str, dict[int, float]]:
    columns = {name: {stamp: moments[name] for stamp, moments in node.items() if name in moments}
               for name in names}
    return {name: column for name, column in columns.items() if column}


def _chain(route: str, columns: Mapping[str, Mapping[int, float]], names: Sequence[str],
           uncertainty_ms: float) -> list[Hop]:
    hops = []
    for begin, end in pairwise(names):
        first = min(columns[end], default=0)  # who came later has not dropped what was before
        started = {stamp: at for stamp, at in columns[begin].items() if stamp >= first}
        both = sorted(started.keys() & columns[end].keys())
        if both:
            hops.append(Hop(route, begin, end,
                            [(columns[end][stamp] - started[stamp]) / 1e6 for stamp in both],
                            uncertainty_ms, len(started) - len(both)))
    return hops
