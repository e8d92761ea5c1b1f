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
RVL, a lossless code for depth images (Wilson 2017, "Fast Lossless Depth Image Compression").

Runs of zeros and of other values follow each other, each with its length before it; the others are
differences to the value before, folded to be positive. A number takes as many nibbles as it needs:
three bits each, the lowest first, and a fourth that says that more follow. Eight nibbles make a
32-bit word, the first one on top.
"""

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS_A_BYTE = 2**16  # of a run of zeros; what is darker than that is nothing to show
_MOST_NIBBLES = 7  # of a number: 21 bits, more than a run or a difference can have


def decode(data: bytes, count: int) -> NDArray[np.int64]:
    """Return `count` values; ValueError when they are not there."""
    numbers = _numbers(data)
    values = np.zeros(count, np.int64)
    position, at, before = 0, 0, 0
    while position < count:
        if at + 2 > len(numbers):
            raise ValueError('the RVL data end too early')
        zeros, others = int(numbers[at]), int(numbers[at + 1])
        at += 2
        position += zeros
        if position + others > count or at + others > len(numbers):
            raise ValueError('the RVL data do not fit the size of the image')
        folded = numbers[at:at + others]
        # Zigzag: 0, -1, 1, -2 ... are 0, 1, 2, 3.
        run = before + np.cumsum((folded >> 1) ^ -(folded & 1))
        values[position:position + others] = run
        if others:
            before = int(run[-1])
        elif not zeros:
            raise ValueError('the RVL data make no progress')
        position, at = position + others, at + others
    return values & 0xFFFF


def _numbers(data: bytes) -> NDArray[np.int64]:
    words = np.frombuffer(data[:len(data) // 4 * 4], '<u4')
    nibbles = ((words[:, None] >> np.arange(28, -4, -4, dtype=np.uint32)) & 15).ravel()
    ends = np.flatnonzero(nibbles < 8)  # the last nibble of each number
    begins = np.concatenate(([0], ends[:-1] + 1))
    numbers = np.zeros(len(ends), np.int64)
    if len(ends) and (ends - begins).max() >= _MOST_NIBBLES:
        raise ValueError('the RVL data have a number that is too large')
    for place in range(_MOST_NIBBLES):
        there = begins + place <= ends
        numbers[there] |= (nibbles[begins[there] + place].astype(np.int64) & 7) << (3 * place)
    return numbers
