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
What a receiver tells of each packet: when it came, by its own clock.

Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01), which all
browsers speak.
"""

from collections.abc import Iterator
import struct
from typing import NamedTuple

_HEAD = struct.Struct('>BBHII')  # first byte, packet type, length, SSRCs
_FIRST, _TYPE = 2 << 6 | 15, 205  # version 2, without padding; and the format
# Number of the first packet, how many there are, and the time at which it begins, with a counter.
_SPAN = struct.Struct('>HHI')
_REFERENCE_S, _TICK_S = 0.064, 0.00025
_ROUND = 1 << 24  # of those times
_MOST_PACKETS = 2048  # in one report; a tenth of a second has hundreds at the most


class Arrival(NamedTuple):
    """
    A packet that has come.

    Attributes
    ----------
    at_s
        When, by a clock of the receiver's own, which begins anew every 12 days.

    """

    number: int
    at_s: float


def is_feedback(data: bytes) -> bool:
    """Return whether that is the only thing that an RTCP packet has."""
    if len(data) < _HEAD.size + _SPAN.size:
        return False
    first, kind, words, *_ = _HEAD.unpack_from(data)
    return (first, kind, 4 * (words + 1)) == (_FIRST, _TYPE, len(data))


def read_feedback(data: bytes) -> list[Arrival]:
    """Return which packets have come; ValueError where it cannot be read."""
    number, count, rest = _SPAN.unpack_from(data, _HEAD.size)
    if count > _MOST_PACKETS:
        raise ValueError(f'a report of {count} packets')
    at = _HEAD.size + _SPAN.size
    sizes: list[int] = []  # of the time of each packet, in bytes; 0 for one that has not come
    while len(sizes) < count:
        if at + 2 > len(data):
            raise ValueError('it ends too soon')
        sizes += _sizes(int.from_bytes(data[at:at + 2], 'big'), count - len(sizes))
        at += 2
    arrivals, at_s = [], (rest >> 8) * _REFERENCE_S
    for size in sizes:
        if size:
            if at + size > len(data):
                raise ValueError('it ends too soon')
            at_s += int.from_bytes(data[at:at + size], 'big', signed=size == 2) * _TICK_S
            at += size
            arrivals.append(Arrival(number, at_s))
        number = (number + 1) & 0xFFFF
    return arrivals


def apart_s(after_s: float, before_s: float) -> float:
    """Return how long one was after the other, though the clock may have begun anew."""
    whole_s = _ROUND * _REFERENCE_S
    return (after_s - before_s + whole_s / 2) % whole_s - whole_s / 2


def _sizes(chunk: int, most: int) -> Iterator[int]:
    """Yield what a chunk tells of one packet after the other."""
    if not chunk & 0x8000:
        count, symbol = min(chunk & 0x1FFF, most), chunk >> 13 & 3
        symbols = [symbol] * count
        if not count:
            raise ValueError('a chunk of no packet')
    elif chunk & 0x4000:
        symbols = [chunk >> shift & 3 for shift in range(12, -1, -2)][:most]
    else:
        symbols = [chunk >> shift & 1 for shift in range(13, -1, -1)][:most]
    for symbol in symbols:
        if symbol > 2:
            raise ValueError('a packet of an unknown kind')
        yield symbol
