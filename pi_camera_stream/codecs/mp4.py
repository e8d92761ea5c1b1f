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
How an MP4 or QuickTime file says that its film is to be turned (ISO/IEC 14496-12, `tkhd`).

FFmpeg knows it, too, but PyAV tells it of FFmpeg 6.1 and newer only.
"""

from collections.abc import Iterator
import struct
from typing import BinaryIO

from .orientation import read_matrix, UPRIGHT

_MOST_BOXES = 10_000
_MATRIX_AT = {0: 40, 1: 52}  # in a tkhd, by its version
_MATRIX_BYTES = 36
_HANDLER_AT = 8  # in a hdlr


def read_film_orientation(file: BinaryIO) -> int:
    """Return how the first film of a file is to be turned; upright if it is another file."""
    try:
        for moov in _find(file, b'moov', 0, file.seek(0, 2)):
            for track in _find(file, b'trak', *moov):
                for media in _find(file, b'mdia', *track):
                    for begin, _ in _find(file, b'hdlr', *media):
                        if _read(file, begin + _HANDLER_AT, 4) == b'vide':
                            return _track_orientation(file, track)
    except (struct.error, OverflowError):  # it ends before, or a box reaches beyond all memory
        pass
    return UPRIGHT


def _track_orientation(file: BinaryIO, track: tuple[int, int]) -> int:
    for begin, _ in _find(file, b'tkhd', *track):
        version = _read(file, begin, 1)[0]
        return read_matrix(_read(file, begin + _MATRIX_AT.get(version, 0), _MATRIX_BYTES), '>')
    return UPRIGHT


def _find(file: BinaryIO, name: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the contents of each box of this name begin and end."""
    for _ in range(_MOST_BOXES):
        if begin + 8 > end:
            return
        size, found = struct.unpack('>I4s', _read(file, begin, 8))
        content = begin + 8
        if size == 1:
            size, = struct.unpack('>Q', _read(file, content, 8))
            content += 8
        stop = begin + size if size else end
        if stop < content:  # it is no box
            return
        if found == name:
            yield content, min(stop, end)
        begin = stop


def _read(file: BinaryIO, position: int, size: int) -> bytes:
    """Return so many bytes, or raise struct.error."""
    file.seek(position)
    data = file.read(size)
    if len(data) < size:
        raise struct.error('the file ends before')
    return data
