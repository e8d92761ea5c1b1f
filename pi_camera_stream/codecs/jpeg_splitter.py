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

"""Cut a stream of bytes, JPEGs back to back, into whole pictures."""

from dataclasses import dataclass
import re

from .jpeg import SOI

_START = SOI + b'\xff'  # a picture's first marker follows its SOI at once
_MARKER = re.compile(rb'\xff[^\x00\xff]')  # as libjpeg finds the next one
_MARKER_IN_SCAN = re.compile(rb'\xff[^\x00\xd0-\xd7\xff]')  # neither a stuffed FF nor a restart
_END_OF_IMAGE, _START_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xD8, 0xDA
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01}
_LONGEST_HEAD_BYTES = 4096  # that is remembered

# The longest picture that is believed: a 100 megapixel JPEG of good quality has about this size.
MAX_PICTURE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Piece:
    """One whole JPEG, and when its first byte arrived (ns, the caller's clock)."""

    jpeg: bytes
    arrival_ns: int
    stamp_ns: int | None = None  # as its sender has stamped it, by the sender's clock
    signal: str = ''  # why it is no picture of the camera, where its sender says so


class _BrokenError(Exception):
    """What began as a picture is none; the next one can begin at `resume`, not before."""

    def __init__(self, resume: int) -> None:
        super().__init__()
        self.resume = resume


class JpegSplitter:
    """
    Find the pictures in a stream that arrives in pieces of any size.

    Segments are walked by their lengths, so that a thumbnail inside a picture is not taken for
    one, and compressed data is searched for its end by a regular expression, at the speed of C.
    One thread calls `feed`; the counters may be read by any.
    """

    def __init__(self, max_bytes: int = MAX_PICTURE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._inside = False  # a picture has begun, at the first byte of the buffer
        self._in_scan = False  # `_position` is in compressed data, not in headers
        self._position = 0  # everything before it has been looked at
        self._segment = 0  # where the last segment began
        self._arrival_ns = 0
        # What stood before the first scan of the last picture, and where its last segment began:
        # most pictures of a camera have it in common, so that it need not be walked each time.
        self._head, self._head_segment = b'', 0
        self.garbage_bytes = 0  # belonged to no whole picture
        self.truncated = 0  # pictures that ended too early or made no sense, and were dropped
        self.oversized = 0  # pictures over `max_bytes`, dropped

    @property
    def inside(self) -> bool:
        """Return whether a picture has begun, and not ended yet."""
        return self._inside

    def feed(self, chunk: bytes, arrival_ns: int) -> list[Piece]:
        self._buffer += chunk
        pieces: list[Piece] = []
        while self._inside or (self._buffer and self._find_start(arrival_ns)):
            try:
                end = self._find_end()
            except _BrokenError as broken:
                self.truncated += 1
                self._skip(broken.resume)
                continue
            if end is None:
                if len(self._buffer) > self._max_bytes:
                    self.oversized += 1
                    self._skip(len(self._buffer))
                break
            pieces.append(Piece(bytes(memoryview(self._buffer)[:end]), self._arrival_ns))
            del self._buffer[:end]
            self._inside = False
        return pieces

    def reset(self) -> None:
        """Forget an unfinished picture: its writer has gone."""
        if self._inside:
            self.truncated += 1
        self._skip(len(self._buffer))

    def _find_start(self, arrival_ns: int) -> bool:
        start = self._buffer.find(_START)
        if start < 0:  # what could be the beginning of a marker stays
            keep = next((n for n in (2, 1) if self._buffer.endswith(_START[:n])), 0)
            self._skip(len(self._buffer) - keep)
            return False
        self._skip(start)
        self._inside, self._in_scan, self._position = True, False, len(SOI)
        self._segment = 0
        self._arrival_ns = arrival_ns
        if self._head and self._buffer.startswith(self._head):
            self._position, self._segment = len(self._head), self._head_segment
            self._in_scan = True
        return True

    def _skip(self, count: int) -> None:
        self.garbage_bytes += count
        del self._buffer[:count]
        self._inside = False

    def _find_end(self) -> int | None:
        """Return the offset behind the picture, or None when more bytes are needed."""
        while True:
            if self._in_scan:
                match = _MARKER_IN_SCAN.search(self._buffer, self._position)
                if match is None:
                    self._position = max(self._position, len(self._buffer) - 1)
                    return None
                self._position, self._in_scan = match.start(), False
            marker = self._next_marker()
            if marker is None:
                return None
            if marker == _END_OF_IMAGE:
                return self._position + 2
            if not self._pass_segment(marker):
                return None

    def _next_marker(self) -> int | None:
        """Return the next marker, past stray bytes; None when it has not arrived yet."""
        match = _MARKER.search(self._buffer, self._position)
        if match is None:
            self._position = max(self._position, len(self._buffer) - 1)
            return None
        # Stray bytes are passed over as libjpeg does. But where a picture begins among them, or in
        # the segment before, it is that segment which has been cut off.
        next_one = -1 if match.start() == self._position else self._buffer.find(
            _START, self._segment + len(SOI), match.end() + 1)
        if next_one >= 0:
            raise _BrokenError(next_one)
        self._position = match.start()
        return self._buffer[match.end() - 1]

    def _pass_segment(self, marker: int) -> bool:
        """Step over the segment at `_position`; False when its length has not arrived yet."""
        if marker in _WITHOUT_LENGTH:
            self._position += 2
            return True
        if marker == _START_OF_IMAGE:  # the next picture begins before this one has ended
            raise _BrokenError(self._position)
        if marker < 0xC0:
            raise _BrokenError(len(SOI))
        if len(self._buffer) < self._position + 4:
            return False
        length = int.from_bytes(self._buffer[self._position + 2:self._position + 4], 'big')
        if length < 2:
            raise _BrokenError(len(SOI))
        self._segment = self._position
        self._position += 2 + length
        self._in_scan = marker == _START_OF_SCAN
        if self._in_scan and self._position <= _LONGEST_HEAD_BYTES and (
                len(self._buffer) >= self._position):
            self._head, self._head_segment = bytes(self._buffer[:self._position]), self._segment
        return True
