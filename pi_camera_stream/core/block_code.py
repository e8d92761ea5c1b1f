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
A number and a time, written into a picture in large black and white blocks.

A program finds them again in the decoded picture, at any size and after lossy coding, and so knows
which frame it really sees and how old that is. The code is a band along the lower edge, 16 columns
by 7 rows, most significant bit first: 32 bits frame number, 64 bits microseconds since the epoch,
16 bits CRC (CRC-16/CCITT-FALSE over the 12 bytes before). White is 1.
"""

import binascii
from dataclasses import dataclass
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .frame import Image

COLUMNS, ROWS = 16, 7
BAND_HEIGHT = 0.28  # of the picture's height
_PAYLOAD = struct.Struct('>IQ')
_CRC = struct.Struct('>H')


@dataclass(frozen=True)
class BlockCode:
    number: int
    time_us: int  # since the epoch


def draw(image: Image, code: BlockCode) -> None:
    """Write `code` into the lower band of `image` (H x W x 3 or H x W), in place."""
    payload = _PAYLOAD.pack(code.number & 0xFFFFFFFF, code.time_us)
    bits = np.unpackbits(np.frombuffer(payload + _CRC.pack(_crc(payload)), np.uint8))
    cells = bits.reshape(ROWS, COLUMNS) * np.uint8(255)
    rows, columns = _edges(image)
    for row in range(ROWS):
        strip = image[rows[row]:rows[row + 1]]
        line = np.repeat(cells[row], np.diff(columns))
        strip[:] = line[:, None] if image.ndim == 3 else line


def read(image: NDArray[Any]) -> BlockCode | None:
    """Return the code in the lower band of `image`, or None when there is none to be read."""
    rows, columns = _edges(image)
    if rows[1] - rows[0] < 2 or columns[1] - columns[0] < 2:
        return None
    y = (rows[:-1] + rows[1:]) // 2
    x = (columns[:-1] + columns[1:]) // 2
    # The middle of each block; two pixels each way lift it out of the noise of strong compression.
    samples = np.stack([image[np.ix_(y + dy, x + dx)] for dy in (-1, 0) for dx in (-1, 0)])
    grey = samples.reshape(4, ROWS, COLUMNS, -1).mean(axis=(0, 3))
    payload_and_crc = np.packbits(grey > 127).tobytes()
    payload = payload_and_crc[:_PAYLOAD.size]
    if _crc(payload) != _CRC.unpack(payload_and_crc[_PAYLOAD.size:])[0]:
        return None
    return BlockCode(*_PAYLOAD.unpack(payload))


def _edges(image: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    height, width = image.shape[:2]
    top = height - int(height * BAND_HEIGHT)
    rows = np.linspace(top, height, ROWS + 1).round().astype(np.intp)
    columns = np.linspace(0, width, COLUMNS + 1).round().astype(np.intp)
    return rows, columns


def _crc(payload: bytes) -> int:
    return binascii.crc_hqx(payload, 0xFFFF)
