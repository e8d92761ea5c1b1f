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
How much a publisher may send to one receiver, from what arrives there, and how late.

A picture that is sent whole takes its share of the link's time: where the interval between two
pictures is 33 ms and the last byte arrives 25 ms after the first could have, three quarters of the
link are in use. So the delay beyond the shortest one known, in parts of the interval, says how
full the link is, before anything is lost and without any clock being right. Loss counts as well,
as not every link has a queue, and as fewer packets a picture leave more pictures whole. Compare
RFC 8836 (requirements) and RFC 8298 (SCReAM).
"""

from collections import deque
from dataclasses import dataclass
import math

START_BPS = 8e6  # towards a receiver of whom nothing is known
LEAST_BPS = 2e5
_ROOM_S = 0.033  # of the delay that is allowed, at the least: nobody needs less at high rates
_ROOMY, _FULL = 0.75, 1.0  # use of the link up to which more is sent, and from which less
_FEW_LOST, _MANY_LOST = 0.08, 0.18  # of the pictures: the same for loss
_LEAST_FRAMES = 8  # about which loss can be told
_LOSS_WINDOW_S = 1.2
_CUT = 0.85  # of what arrived; of what was sent, where it was not late but lost
_DEEPEST_CUT = 0.5  # at a time
_HOLD_S = 0.4  # until a cut can be seen in the reports
_BASE_WINDOW_S = 30.0  # clocks drift by 1 ms or so in that time
_SLOW_START, _RETURN, _CAREFUL, _BEYOND = 3.0, 1.5, 1.06, 1.25  # growth a second
_NEAR = (0.9, 1.15)  # in parts of what was too much last time: from here to there, carefully
_BUSY = 0.5  # in parts of what is allowed: whoever sends less learns nothing about the rest
_STUCK_S = 5.0


@dataclass(frozen=True)
class ReceiverStats:
    """
    What a report means to the publisher.

    Attributes
    ----------
    sent, arrived
        Pictures of which it tells.
    arrived_bps, sent_bps
        What arrived, and what the publisher sends at present, in bits a second.
    delay_s
        From publishing to arrival, by two clocks; NaN when nothing arrived.
    interval_s
        Between two pictures.

    """

    sent: int
    arrived: int
    arrived_bps: float
    sent_bps: float
    delay_s: float
    interval_s: float


class RateControl:
    """
    Keep what may be sent to one receiver, in `budget_bps`: fast down, slowly up.

    One thread calls it, with its own idea of the time.
    """

    def __init__(self, now_s: float) -> None:
        self.budget_bps = START_BPS
        self._known_bps = math.inf  # what was too much last time
        self._losses: deque[tuple[float, int, int]] = deque()  # bounded by time
        self._bases: deque[tuple[float, float]] = deque()  # bounded by time; delays that grow
        self._delay: tuple[float, float] | None = None  # the last one, and when
        self._now_s = now_s
        self._held_s = now_s
        self._low_s = now_s  # since when it is not at its lowest

    def observe(self, now_s: float, reception: ReceiverStats) -> None:
        """Take in a report."""
        elapsed_s, self._now_s = min(now_s - self._now_s, 1.0), now_s
        lost = self._loss(now_s, reception)
        use = self._use(now_s, reception)
        if self.budget_bps > LEAST_BPS:
            self._low_s = now_s
        elif now_s - self._low_s > _STUCK_S and lost <= _MANY_LOST:
            # Nothing is lost, but all is late however little is sent: it is the path that is long.
            self._begin_anew()
            self._low_s = now_s
        if now_s < self._held_s:
            return
        if reception.sent >= 3 and not reception.arrived:
            self._cut(now_s, self.budget_bps * _DEEPEST_CUT)
        elif use > _FULL:
            self._cut(now_s, max(min(reception.arrived_bps, self.budget_bps) * _CUT,
                                 self.budget_bps * _DEEPEST_CUT))
        elif lost > _MANY_LOST:
            self._cut(now_s, self.budget_bps * _CUT)
        elif use <= _ROOMY and lost <= _FEW_LOST \
                and reception.sent_bps >= _BUSY * self.budget_bps:
            self.budget_bps *= self._growth() ** elapsed_s

    def _loss(self, now_s: float, reception: ReceiverStats) -> float:
        """Return the share of the pictures that was lost lately."""
        self._losses.append((now_s, reception.sent, reception.arrived))
        while self._losses[0][0] < now_s - _LOSS_WINDOW_S:
            self._losses.popleft()
        sent = sum(sent for _, sent, _ in self._losses)
        arrived = sum(arrived for _, _, arrived in self._losses)
        return max(0.0, 1 - arrived / sent) if sent >= _LEAST_FRAMES else 0.0

    def _use(self, now_s: float, reception: ReceiverStats) -> float:
        """Return how full the link is, as far as the delay tells."""
        if math.isnan(reception.delay_s):
            return 0.0
        if self._delay is not None and (
                reception.delay_s - self._delay[1] > now_s - self._delay[0] + _ROOM_S):
            self._begin_anew()  # no queue grows faster than time goes by: a clock was set
        self._delay = now_s, reception.delay_s
        while self._bases and self._bases[-1][1] >= reception.delay_s:
            self._bases.pop()
        self._bases.append((now_s, reception.delay_s))
        while self._bases[0][0] < now_s - _BASE_WINDOW_S:
            self._bases.popleft()
        return (reception.delay_s - self._bases[0][1]) / max(reception.interval_s, _ROOM_S)

    def _begin_anew(self) -> None:
        self._bases.clear()
        self._known_bps = math.inf

    def _cut(self, now_s: float, budget_bps: float) -> None:
        self._known_bps = self.budget_bps
        self.budget_bps = max(budget_bps, LEAST_BPS)
        self._held_s = now_s + _HOLD_S
        self._losses.clear()

    def _growth(self) -> float:
        if self._known_bps == math.inf:
            return _SLOW_START
        part = self.budget_bps / self._known_bps
        return _RETURN if part < _NEAR[0] else _CAREFUL if part < _NEAR[1] else _BEYOND
