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

"""Samples of a sound card's clock, cut into packets of the machine's."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .sample_clock import SampleClock
from ..codecs.opus_encoder import Samples
from ..core.sound import PACKET_NS, PACKET_SAMPLES, RATE

_SETTLING = PACKET_SAMPLES * 5  # samples that tell how they come, before any is used
_SLACK_NS = 2 * 1_000_000_000 / RATE
_GAP_NS = 15_000_000  # what is less is evened out


class Piece(NamedTuple):
    """PACKET_SAMPLES of sound, when the first was taken (CLOCK_MONOTONIC), and its number."""

    samples: Samples
    taken_ns: float
    number: int


class Grid:
    """
    Cut a stream of samples into pieces that begin each 10 ms by the machine's clock.

    A card that is fast or slow has a sample more or less made into a piece, which is a change of
    pitch by 2 per mille for 10 ms, and cannot be heard. Where sound is missing, numbers are.

    Attributes
    ----------
    missing
        Pieces that there are none of, since sound was lost.

    """

    def __init__(self) -> None:
        self.missing = 0
        self._number = 1  # of the next piece
        self._due_ns = 0.0  # when it begins
        self.begin_anew()

    def begin_anew(self) -> None:
        """Expect sound of a device that has been opened; numbers pass as time has."""
        self._clock = SampleClock()
        self._settled = False
        self._samples: Samples = np.empty(0, np.int16)  # that have come, and not been used
        self._begin = 0  # the number of the first of them, of all

    def cut(self, samples: Samples, now_ns: int) -> Iterator[Piece]:
        """Take in what has come by now, and yield the pieces that are whole."""
        self._clock.arrived(len(samples), now_ns)
        self._samples = np.concatenate((self._samples, samples))
        if not self._settled:
            if self._clock.count < _SETTLING:
                return
            self._settle()
        while True:
            self._mind_gap()
            count = PACKET_SAMPLES + self._correction()
            if len(self._samples) < count:
                return
            piece = self._samples[:count]
            if count != PACKET_SAMPLES:
                piece = np.interp(np.linspace(0, count - 1, PACKET_SAMPLES), np.arange(count),
                                  piece).astype(np.int16)
            yield Piece(piece, self._due_ns, self._number)
            self._leave_out(count)
            self._due_ns += PACKET_NS
            self._number += 1

    def _settle(self) -> None:
        self._settled = True
        self._leave_out(len(self._samples))
        begin_ns = self._clock.taken_ns(self._begin)
        if self._due_ns:
            self._number += max(0, round((begin_ns - self._due_ns) / PACKET_NS))
        self._due_ns = begin_ns

    def _late_ns(self) -> float:
        """Return by how much the next sample was taken after the beginning of the next piece."""
        return self._clock.taken_ns(self._begin) - self._due_ns

    def _correction(self) -> int:
        late_ns = self._late_ns()
        return 0 if abs(late_ns) <= _SLACK_NS else -1 if late_ns > 0 else 1

    def _mind_gap(self) -> None:
        """Leave out numbers where sound is missing, and samples that are of a moment before."""
        late_ns = self._late_ns()
        if late_ns > _GAP_NS:
            missing = round(late_ns / PACKET_NS)
            self.missing += missing
            self._number += missing
            self._due_ns += missing * PACKET_NS
        elif late_ns < -_GAP_NS:
            self._leave_out(min(len(self._samples), round(-late_ns * RATE / 1e9)))

    def _leave_out(self, count: int) -> None:
        self._samples = self._samples[count:]
        self._begin += count
