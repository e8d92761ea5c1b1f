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

"""What a receiver says of its way: how much fits through, and how much was lost."""

from collections import deque
import math

_WINDOW_S = 0.5  # over which what is sent is added up
_VALID_S = 3.0  # so long counts what a receiver has said
_AIM = 0.85  # of what fits through
_TOO_MUCH = 1.1  # times what fits through; a receiver that sees a queue tells less than 1 / 1.15
_ROOM = 1.15  # times what is sent is room enough; receivers tell 1.5 times that at the most
_EASY, _FULL = 0.25, 0.9  # of the time that a frame may take, said to those who choose the rate
_MUCH_LOSS = 0.1  # of the packets: more is no bad radio, but a queue that overflows


class ReceiverReports:
    """
    Turn what a receiver estimates (REMB) and loses into how long frames are on their way.

    That is what bit rates and tiers are chosen by. Over UDP nobody sees when a frame has arrived;
    what is said is a frame's share of the bit rate that fits through.
    """

    def __init__(self) -> None:
        self.heard_s = -math.inf  # when the receiver has said anything
        self.estimate_bps: float | None = None
        self.loss = 0.0  # part of the packets
        self._estimate_s = self._loss_s = -math.inf
        self._sent: deque[tuple[float, int]] = deque()  # when, and bytes

    def note_sent(self, size: int, now_s: float) -> None:
        self._sent.append((now_s, size))
        while now_s - self._sent[0][0] > _WINDOW_S:
            self._sent.popleft()

    def note_estimate(self, bps: float, now_s: float) -> None:
        self.estimate_bps, self._estimate_s = bps, now_s

    def note_loss(self, loss: float, now_s: float) -> None:
        self.loss, self._loss_s = loss, now_s

    def transit_s(self, allowed_s: float, now_s: float) -> float | None:
        """Return what is known, where frames may be on their way so long; None for nothing."""
        known = False
        usage = 0.0  # what is sent, in parts of what fits through
        if self.estimate_bps is not None and now_s - self._estimate_s < _VALID_S:
            known, usage = True, self._sent_bps(now_s) / max(self.estimate_bps, 1.0)
        if now_s - self._loss_s < _VALID_S:
            known = True
            if self.loss > _MUCH_LOSS:
                usage = max(usage, 1 / (1 - min(self.loss, 1.0) / 2))
        if not known:
            return None
        if usage > _TOO_MUCH:
            return allowed_s * usage / _AIM
        return allowed_s * (_FULL if usage > 1 / _ROOM else _EASY)

    def _sent_bps(self, now_s: float) -> float:
        if not self._sent:
            return 0.0
        return 8 * sum(size for at_s, size in self._sent if now_s - at_s <= _WINDOW_S) / _WINDOW_S
