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

"""Find the pictures in what other programs send, and when each was given to them."""

from collections.abc import Callable
import re
from typing import Any

from . import marks
from ..common.multipart import MultipartError, MultipartParser, Part

_END = b'\r\n\r\n'
_SIZE = re.compile(rb'(?:\r\n)?([0-9A-Fa-f]+)[^\r]*\r\n')


class MarkedParser(MultipartParser):
    """
    Read pictures that have marks; the programs that send them have no stamps, or others.

    Parameters
    ----------
    stamped
        Whether `X-Timestamp` is the camera's, and counts for what was encoded anew and has no
        mark any more. Otherwise such pictures do not count: they are no camera's.
    http
        Whether there is a head of an HTTP answer.
    keep
        Is asked for each picture whether it is to be kept, and what to do with it then.

    """

    def __init__(self, stamped: bool = False, http: bool = True,
                 keep: Callable[[], Callable[[bytes], Any] | None] = lambda: None) -> None:
        super().__init__()
        self._stamped = stamped
        self._answered = not http
        self._first = bytearray()
        self._chunks: Chunks | None = None
        self._keeping = keep
        self._keeper: Callable[[bytes], Any] | None = None

    @property
    def left(self) -> int:
        return 0 if self._chunks else super().left

    def feed(self, data: bytes | memoryview) -> list[Part]:
        if not self._answered:
            self._first += data
            end = self._first.find(_END)
            if end < 0:
                return []
            head, data = bytes(self._first[:end + len(_END)]), bytes(self._first[end + len(_END):])
            super().feed(head)
            if b'transfer-encoding: chunked' in head.lower():
                self._chunks = Chunks()
        return super().feed(self._chunks.feed(data) if self._chunks else data)

    def _part_of(self, fields: dict[str, str]) -> Part:
        stamp_s = float(fields.get('x-timestamp', 0)) if self._stamped else 0.0
        return Part(int(fields['content-length']), stamp_s)

    def _keep(self) -> int:
        self._keeper = self._keeping()
        return self._part.size if self._keeper else marks.BYTES

    def _whole(self) -> list[Part]:
        given_s = marks.given_s(self._begin) or self._part.stamp_s
        if not given_s:
            return []
        if self._keeper:
            self._keeper(bytes(self._begin))
        return [Part(self._part.size, given_s)]


class Chunks:
    """What is in the chunks of an HTTP answer (RFC 9112, 7.1)."""

    def __init__(self) -> None:
        self._waiting = b''
        self._left = 0

    def feed(self, data: bytes | memoryview) -> bytes:
        """Take in the next bytes; return those that are no chunk's head."""
        self._waiting += data
        found = []
        while self._waiting:
            if self._left:
                step = self._waiting[:self._left]
                found.append(step)
                self._left -= len(step)
                self._waiting = self._waiting[len(step):]
                continue
            match = _SIZE.match(self._waiting)
            if match is None:
                if len(self._waiting) > 100:
                    raise MultipartError('what came is in no chunks')
                break
            self._left = int(match[1], 16)
            self._waiting = self._waiting[match.end():]
        return b''.join(found)
