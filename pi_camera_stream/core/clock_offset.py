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


"""How far another machine's clock is from ours, by round trips (RFC 5905, section 8)."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLES = 32
_DRIFT = 100e-6  # of two crystals against each other, at the worst
_ROUNDED_NS = 512  # of two stamps since 1970, as doubles


@dataclass(frozen=True)
class Offset:
    """What to add to our clock to have the other one, and how wrong that can be at the most."""

    offset_ns: float
    uncertainty_ns: float


@dataclass(frozen=True)
class _Sample:
    offset_ns: float
    delay_ns: int
    at_ns: int


class OffsetEstimator:
    """
    Estimate the offset by four stamps a round trip, and the shortest trip of the last ones.

    The answer was written somewhere between sending and receiving, so the offset is known to half
    of what the round trip took, however the delay is shared between both ways.
    """

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=_SAMPLES)

    def add(self, sent_ns: int, arrived_ns: int, answered_ns: int, received_ns: int) -> bool:
        """
        Take in a round trip: sent and received by our clock, arrived and answered by the other.

        Return whether it agrees with those before. If it does not, a clock was set since then,
        and they count no more. Raises ValueError when the stamps contradict each other, so that a
        clock was set meanwhile.
        """
        delay_ns = (received_ns - sent_ns) - (answered_ns - arrived_ns)
        if delay_ns < 0 or received_ns < sent_ns or answered_ns < arrived_ns:
            raise ValueError('a clock was set during the round trip')
        sample = _Sample(((arrived_ns - sent_ns) + (answered_ns - received_ns)) / 2, delay_ns,
                         received_ns)
        known = self.best(received_ns)
        agrees = known is None or abs(sample.offset_ns - known.offset_ns) <= (
            delay_ns / 2 + known.uncertainty_ns + _ROUNDED_NS)
        if not agrees:
            self._samples.clear()
        self._samples.append(sample)
        return agrees

    def best(self, now_ns: int) -> Offset | None:
        """Return what is known at `now_ns` of our clock; None before the first round trip."""
        def uncertainty_ns(sample: _Sample) -> float:
            return sample.delay_ns / 2 + _DRIFT * max(0, now_ns - sample.at_ns)

        best = min(self._samples, key=uncertainty_ns, default=None)
        return None if best is None else Offset(best.offset_ns, uncertainty_ns(best))


def share_clocks(offsets: Mapping[str, Offset | None], machines: Mapping[str, str]
                 ) -> dict[str, Offset | None]:
    """
    Return the offsets of nodes, with the best known one for all that share a machine's clock.

    `machines` has their names by node, empty where unknown. A node whose own offset is another (it
    may have simulated time) keeps that.
    """
    shared = dict(offsets)
    for machine in {*machines.values()} - {''}:
        known = {node: offset for node, offset in offsets.items()
                 if offset is not None and machines.get(node) == machine}
        best = min(known.values(), key=lambda offset: offset.uncertainty_ns, default=None)
        for node, offset in known.items():
            if best is not None and abs(offset.offset_ns - best.offset_ns) \
                    <= offset.uncertainty_ns + best.uncertainty_ns:
                shared[node] = best
    return shared
