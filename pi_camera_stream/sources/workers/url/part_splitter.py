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

"""Find the JPEGs in the body of an HTTP answer, however its parts are set off."""

import re

from ....codecs.jpeg import EOI, SOI
from ....codecs.jpeg_splitter import JpegSplitter, MAX_PICTURE_BYTES, Piece

_START = SOI + b'\xff'
_MOST_HEAD_BYTES = 2**13
_PADDING = b'\0\r\n'
_MOST_PADDING_BYTES = 2**12


def _field(name: bytes, value: bytes) -> re.Pattern[bytes]:
    """Find a field of the last head, with a blank line between it and the picture."""
    return re.compile(rb'(?:^|\n)%b[ \t]*:[ \t]*(%b)[ \t]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n\Z'
                      % (name, value), re.IGNORECASE)


_LENGTH = _field(b'content-length', rb'\d{1,9}')
_STAMP = _field(b'x-timestamp', rb'[-.\d]{1,24}')
_SIGNAL = _field(b'x-signal', rb'[a-z]{1,20}')
_SECONDS = re.compile(r'(-?)(\d{1,10})(?:\.(\d{1,9}))?')  # since the epoch
_NEXT_PART = re.compile(rb'\r?\n?--')
_NEXT_PART_BYTES = 4
# A picture's end with a boundary behind it.
_PART_ENDS = re.compile(rb'\xff\xd9[\0\r\n]{0,8}--[\x21-\x7e]{1,200}\r?\n')
_PART_END_BYTES = 256


class PartSplitter:
    """
    Cut a body into pictures: multipart with or without heads and boundaries, or back to back.

    Where the heads tell lengths, and they are true, a picture is what has that length, so that
    what stands behind its end marker is no picture of its own. Otherwise, and from the first
    length on that is not true, pictures are found by their markers. One thread calls `feed`.
    """

    def __init__(self) -> None:
        self._splitter = JpegSplitter()
        self._by_markers = False
        self._buffer = bytearray()
        self._length = 0  # of the picture that the buffer begins with; 0 before it has begun
        self._searched = 0
        self._arrival_ns = 0
        self._stamp_ns: int | None = None
        self._signal = ''
        self._left_out = 0

    @property
    def broken(self) -> int:
        """Return how many pictures began, and were none, or ended too early."""
        return self._splitter.truncated

    @property
    def oversized(self) -> int:
        return self._splitter.oversized

    @property
    def other_bytes(self) -> int:
        """Return how many bytes belonged to no picture."""
        return self._left_out + self._splitter.garbage_bytes

    def feed(self, chunk: bytes, arrival_ns: int) -> list[Piece]:
        """Return the pictures that are whole with `chunk`."""
        if self._by_markers:
            return self._splitter.feed(chunk, arrival_ns)
        self._buffer += chunk
        pieces: list[Piece] = []
        while self._length or self._begin(arrival_ns):
            true = self._is_true()
            if true is None:
                return pieces
            if not true:
                self._by_markers = True
                break
            pieces.append(Piece(bytes(memoryview(self._buffer)[:self._length]), self._arrival_ns,
                                self._stamp_ns, self._signal))
            del self._buffer[:self._length]
            self._length = 0
        if self._by_markers:
            beginning = bytes(self._buffer)
            self._buffer.clear()
            pieces += self._splitter.feed(beginning, self._arrival_ns or arrival_ns)
        return pieces

    def _begin(self, arrival_ns: int) -> bool:
        """Find where a picture begins; False when none does, or it has no length."""
        start = self._buffer.find(_START)
        if start < 0:
            self._drop(max(0, len(self._buffer) - _MOST_HEAD_BYTES))
            return False
        head = max(0, start - _MOST_HEAD_BYTES), start
        found, stamp, signal = (field.search(self._buffer, *head)
                                for field in (_LENGTH, _STAMP, _SIGNAL))
        length = int(found[1]) if found else 0
        self._stamp_ns = read_stamp(stamp[1].decode()) if stamp else None
        self._signal = signal[1].decode() if signal else ''
        self._arrival_ns = arrival_ns
        self._drop(start)
        if not len(_START) < length <= MAX_PICTURE_BYTES:
            self._by_markers = True
            return False
        self._length, self._searched = length, 0
        return True

    def _is_true(self) -> bool | None:
        """Return whether the length is that of the picture; None while that is not known yet."""
        have, length = len(self._buffer), self._length
        early = _PART_ENDS.search(self._buffer, self._searched, min(have, length))
        if early:
            return False
        self._searched = max(0, min(have, length) - _PART_END_BYTES)
        if have < length:
            return None
        end = self._buffer.rfind(EOI, max(0, length - _MOST_PADDING_BYTES), length)
        if end >= 0 and not self._buffer[end + len(EOI):length].strip(_PADDING):
            return True
        if have < length + _NEXT_PART_BYTES:
            return None
        return _NEXT_PART.match(self._buffer, length) is not None

    def _drop(self, count: int) -> None:
        self._left_out += count
        del self._buffer[:count]


def read_stamp(text: str) -> int | None:
    """Return the ns of a stamp that is told in seconds; None where it is none."""
    match = _SECONDS.fullmatch(text.strip())
    if not match:
        return None
    stamp_ns = int(match[2]) * 10**9 + int((match[3] or '').ljust(9, '0'))
    return -stamp_ns if match[1] else stamp_ns
