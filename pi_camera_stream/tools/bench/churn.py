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

"""Viewers who come and go, and what a server keeps of them."""

from dataclasses import asdict
import heapq
from random import Random
import time

from . import proc
from .audience import Audience
from .order import CrowdOrder
from .record import Record
from .viewer import Viewer

SETTLE_S = 8.0  # after the last one has left: the bridge unsubscribes after 5 s
_STAY_S = (0.2, 2.0)
_ABRUPTLY = 0.3  # the share of those who leave without a word
_SEED = 1
_ROUND_S = 0.05


def come_and_go(audience: Audience, order: CrowdOrder) -> dict[str, object]:
    """
    Keep the ordered number of viewers while they come and go; return what it did to the server.

    It is looked at before (so long after its first viewer has left, that everything which is made
    once is there and everything else has gone), in the middle, and after the last has left.
    """
    audience.attend(time.monotonic() + SETTLE_S)
    before = proc.snapshot(order.server_pid)
    audience.record = Record()
    for _ in range(order.stuck):
        audience.admit(stuck=True)
    started_s = time.monotonic()
    departures = _Departures(audience, order.viewers)
    departures.keep_going(started_s + order.seconds / 2)
    middle = proc.snapshot(order.server_pid)
    departures.keep_going(started_s + order.seconds)
    audience.dismiss_all()
    span_s = time.monotonic() - started_s
    audience.attend(time.monotonic() + SETTLE_S)
    after = proc.snapshot(order.server_pid)
    # Viewers have no figures of their own here: none stays for long. The ages count.
    figures = audience.record.figures(range(order.viewers), span_s)
    return {'connections': audience.connections, 'lost': dict(audience.lost),
            'frames': figures.frames, 'age_median_ms': figures.age_median_ms,
            'age_p95_ms': figures.age_p95_ms, 'age_max_ms': figures.age_max_ms, 'span_s': span_s,
            'before': asdict(before), 'middle': asdict(middle), 'after': asdict(after),
            'sockets_came_back': after.sockets <= before.sockets}


class _Departures:
    """Who leaves when, by a fixed seed, and the newcomers in their place."""

    def __init__(self, audience: Audience, viewers: int) -> None:
        self._audience = audience
        self._viewers = viewers
        self._random = Random(_SEED)  # noqa: S311 - no secret
        self._next: list[tuple[float, int, Viewer]] = []

    def keep_going(self, until_s: float) -> None:
        """Let viewers come and go until then (time.monotonic)."""
        while (now_s := time.monotonic()) < until_s:
            for _ in range(self._viewers - len(self._audience.present)):
                viewer = self._audience.admit()
                stay_s = self._random.uniform(*_STAY_S)
                heapq.heappush(self._next, (now_s + stay_s, viewer.number, viewer))
            self._audience.attend(min(until_s, now_s + _ROUND_S, self._next[0][0]))
            while self._next and self._next[0][0] <= time.monotonic():
                _, number, viewer = heapq.heappop(self._next)
                if number in self._audience.present:  # not one that the server has turned away
                    self._audience.dismiss(viewer, self._random.random() < _ABRUPTLY)
