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

from .packet_transits import PacketTransits

_WINDOW_S = 0.5  # over which what is sent is added up
_VALID_S = 3.0  # so long counts what a receiver has lost
_FALL = 0.97  # an estimate that is less than that of the one before has fallen
_FELL_S, _UNEASY_S = 0.6, 1.5  # so long counts that, and so long is no more tried
_AIM = 0.85  # of what fits through
# Times what is estimated. A receiver that sees pictures come late by chance says 0.85 of what it
# gets, as one that sees a queue does: then the round trip is looked at, too.
_TOO_MUCH, _MUCH_TOO_MUCH = 1.1, 1.3
_QUEUE_S = 0.015
_EASY, _FULL = 0.25, 0.9  # of the time that a frame may take, said to those who choose the rate
# Over which what is lost is added up: a report may be of two packets, and few tell little.
_LOSS_S, _LEAST_PACKETS = 1.5, 50
_MOST_REPORTS = 64
# Of the packets: more is no bad radio, but a queue that overflows. Where it would have been seen
# how long that is, it takes more.
_MUCH_LOSS, _TOO_MUCH_LOSS = 0.1, 0.2
_FORGETTING = 1.001  # a round trip


class ReceiverReports:
    """
    Turn what a receiver estimates (REMB) and loses into how long frames are on their way.

    That is what bit rates and tiers are chosen by. Over UDP nobody sees when a frame has arrived;
    what is said is a frame's share of the bit rate that fits through. An estimate rises only as
    far as something is sent, so that only one that falls tells of the way. A receiver that tells
    of each packet when it came, estimates nothing: then it is known how long frames take.

    Attributes
    ----------
    packets
        What was sent to it, and how long that took.

    """

    def __init__(self) -> None:
        self.heard_s = -math.inf  # when the receiver has said anything
        self.estimate_bps: float | None = None
        self.round_trip_s: float | None = None
        self.packets = PacketTransits()
        self.loss = 0.0  # part of the packets, of the last seconds
        self._least_s = math.inf  # round trip
        self._fell_s = self._loss_s = -math.inf
        # When, how many packets had been sent, and how many of them were lost.
        self._losses: deque[tuple[float, int, int]] = deque(
            [(-math.inf, 0, 0)], maxlen=_MOST_REPORTS)
        self._sent: deque[tuple[float, int]] = deque()  # when, and bytes

    def note_sent(self, size: int, now_s: float) -> None:
        self._sent.append((now_s, size))
        while now_s - self._sent[0][0] > _WINDOW_S:
            self._sent.popleft()

    def note_estimate(self, bps: float, now_s: float) -> None:
        if self.estimate_bps is not None and bps < _FALL * self.estimate_bps:
            self._fell_s = now_s
        self.estimate_bps = bps

    def note_loss(self, sent: int, lost: int, now_s: float) -> None:
        """Take in how many packets had been sent when that many were known to be lost."""
        losses = self._losses
        if (sent, lost) == losses[-1][1:]:  # nothing new has been reported
            return
        losses.append((now_s, sent, lost))
        while len(losses) > 2 and now_s - losses[1][0] >= _LOSS_S:
            losses.popleft()
        _, sent_before, lost_before = losses[0]
        self.loss = max(0, lost - lost_before) / max(sent - sent_before, _LEAST_PACKETS)
        self._loss_s = now_s

    def note_round_trip(self, took_s: float) -> None:
        self._least_s = min(self._least_s * _FORGETTING, took_s)
        self.round_trip_s = took_s

    def transit_s(self, allowed_s: float, now_s: float) -> float | None:
        """Return what is known, where frames may be on their way so long; None for nothing."""
        lossy = now_s - self._loss_s < _VALID_S
        usage = 0.0  # what is sent, in parts of what fits through
        if lossy and self.loss > (_TOO_MUCH_LOSS if self.packets.heard else _MUCH_LOSS):
            usage = _TOO_MUCH + self.loss / 2
        if self.packets.heard:
            took_s = self.packets.take_s()
            return took_s if not usage else max(took_s or 0.0, allowed_s * usage / _AIM)
        if self.estimate_bps is None and not lossy:
            return None
        if self.estimate_bps is not None and now_s - self._fell_s < _FELL_S:
            usage = max(usage, self._usage(now_s))
        if usage > _TOO_MUCH:
            return allowed_s * usage / _AIM
        return allowed_s * (_FULL if now_s - self._fell_s < _UNEASY_S else _EASY)

    def _usage(self, now_s: float) -> float:
        usage = self._sent_bps(now_s) / max(self.estimate_bps or 0.0, 1.0)
        if usage < _MUCH_TOO_MUCH and not self._queued():
            return min(usage, _TOO_MUCH)
        return usage

    def _queued(self) -> bool:
        return self.round_trip_s is not None and self.round_trip_s - self._least_s > _QUEUE_S

    def _sent_bps(self, now_s: float) -> float:
        return 8 * sum(size for at_s, size in self._sent if now_s - at_s <= _WINDOW_S) / _WINDOW_S
