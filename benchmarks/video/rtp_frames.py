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

"""Which frames are there, by the heads of RTP packets, which are not encrypted."""

from dataclasses import dataclass
import math
import struct

_HEAD = struct.Struct('>BBHII')
_EXTENSION, _ONE_BYTE = 0x10, 0xBEDE
_WAIT_S = 0.5  # for a packet that is lost, before what builds on it is given up
_NACK_S = 0.05  # between two wishes for the same one


@dataclass(frozen=True)
class Head:
    """
    What the head of an RTP packet says.

    Attributes
    ----------
    number
        Of the packet among all of the connection; None where it has none.

    """

    kind: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    size: int
    number: int | None

    @classmethod
    def read(cls, data: bytes, number_id: int) -> 'Head':
        """Read it; `number_id` is of the extension with the number."""
        first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
        at, number = _HEAD.size, None
        if first & _EXTENSION:
            profile, words = struct.unpack_from('>HH', data, at)
            at += 4
            if profile == _ONE_BYTE:
                number = _number(data[at:at + 4 * words], number_id)
            at += 4 * words
        return cls(second & 127, second > 127, sequence, timestamp, ssrc, len(data) - at, number)


def _number(extensions: bytes, number_id: int) -> int | None:
    at = 0
    while at < len(extensions):
        if not extensions[at]:
            at += 1
            continue
        if extensions[at] >> 4 == number_id:
            return int.from_bytes(extensions[at + 1:at + 3], 'big')
        at += 2 + (extensions[at] & 15)
    return None


class Frames:
    """
    Put frames together, in order.

    Attributes
    ----------
    given_up
        How many times a packet has not come for long.

    """

    def __init__(self) -> None:
        self.given_up = 0
        self._next: int | None = None  # whose packet is due
        self._last = 0
        self._waiting: dict[int, tuple[int, bool, int]] = {}
        self._size = 0
        self._since_s = 0.0  # since when that is missing
        self._asked_s: dict[int, float] = {}

    def add(self, sequence: int, timestamp: int, marker: bool, size: int, now_s: float
            ) -> list[tuple[int, int]]:
        """Take in a packet; return RTP time and bytes of the frames that are whole now."""
        if self._next is None:  # it begins behind the first frame's end
            if marker:
                self._next = self._last = sequence + 1
            return []
        whole = unwrap(sequence, self._last)
        self._last = max(self._last, whole)
        if whole < self._next:
            return []
        self._waiting[whole] = timestamp, marker, size
        self._asked_s.pop(whole, None)
        return self._take(now_s)

    def missing(self, now_s: float) -> list[int]:
        """Return what is to be asked for now."""
        if self._next is None:
            return []
        due = [one for one in range(self._next, self._last) if one not in self._waiting
               and now_s - self._asked_s.get(one, -math.inf) > _NACK_S]
        self._asked_s.update(dict.fromkeys(due, now_s))
        return due

    def oldest_asked(self) -> int | None:
        """Return what was asked for first, and has not come."""
        return min(self._asked_s, key=self._asked_s.__getitem__, default=None)

    def give_up(self, now_s: float) -> bool:
        """Go on behind what does not come, if it is late enough for that."""
        if self._next is None or not self._waiting or now_s - self._since_s < _WAIT_S:
            return False
        self.given_up += 1
        self._next, self._size = None, 0
        self._waiting.clear()
        self._asked_s.clear()
        return True

    def _take(self, now_s: float) -> list[tuple[int, int]]:
        frames = []
        while self._next in self._waiting:
            timestamp, marker, size = self._waiting.pop(self._next)
            self._next += 1
            self._size += size
            self._since_s = now_s
            if marker:
                frames.append((timestamp, self._size))
                self._size = 0
        return frames


def unwrap(number: int, near: int) -> int:
    """Return a number of 16 bits as the one nearest to another, which goes on beyond them."""
    return near + (number - near + 0x8000) % 0x10000 - 0x8000
