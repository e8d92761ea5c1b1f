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


"""From what was observed to the result."""

from collections.abc import Sequence
import math
import statistics

from .hops import Clock, find_hops, Hop, Sighting
from .report import PIXELS, Result
from ...core.clock_offset import Offset
from ...nodes.latency_observer import HERE, LatencyObserver


def evaluate(observer: LatencyObserver, seconds: float, end_ns: int) -> Result:
    """Evaluate what was observed in `seconds`, up to what was taken at `end_ns` of our clock."""
    publishers = observer.publishers()
    camera = publishers[0] if publishers else ''
    offsets = {camera: None, **observer.offsets()} if camera else observer.offsets()
    clocks, texts = {}, {}
    warnings = [] if len(publishers) == 1 else [
        f'the topic has {len(publishers)} publishers: {", ".join(publishers)}']
    for node, offset in sorted(offsets.items()):
        if offset is None:
            clocks[node] = Clock(0.0, math.inf)
            texts[node] = 'unknown'
            warnings.append(f"the clock of '{node}' is unknown: all of its times assume that it "
                            'agrees with ours')
        else:
            clocks[node] = Clock(offset.offset_ns, offset.uncertainty_ns)
            texts[node] = 'the clock of this machine' if offset == Offset(0.0, 0.0) else (
                f'{offset.offset_ns / 1e6:+.2f} ms from ours, known to '
                f'{offset.uncertainty_ns / 1e6:.2f} ms')
    own = clocks.get(camera, Clock())
    newest_ns = end_ns + own.offset_ns
    sightings = [Sighting(moments.node, moments.stamp_ns, moments.at_ns)
                 for moments in observer.moments if moments.stamp_ns <= newest_ns]
    sizes_bytes = [size for stamp, size in observer.sizes if stamp <= newest_ns]
    hops = find_hops(sightings, camera, clocks)
    pixels, difference_ms = _pixels(observer, sightings, own)
    if not any('published' in sighting.at_ns for sighting in sightings):
        warnings.append('the publisher of the topic does not report its times, so its part and '
                        'the network are one hop')
    return Result(observer.topic, seconds, len(sizes_bytes),
                  round(statistics.median(sizes_bytes or [0])), hops, pixels,
                  difference_ms, texts, warnings)


def _pixels(observer: LatencyObserver, sightings: Sequence[Sighting], camera: Clock
            ) -> tuple[Hop | None, float | None]:
    decoded = {sighting.stamp_ns: sighting.at_ns['decoded'] for sighting in sightings
               if 'decoded' in sighting.at_ns and sighting.node == HERE}
    drawn = [(stamp, at) for stamp, at in observer.drawn if stamp in decoded]
    if not drawn:
        return None, None
    times_ms = [(decoded[stamp] - at + camera.offset_ns) / 1e6 for stamp, at in drawn]
    return (Hop(HERE, PIXELS, 'decoded', times_ms, camera.uncertainty_ns / 1e6, 0),
            statistics.median((at - stamp) / 1e6 for stamp, at in drawn))
