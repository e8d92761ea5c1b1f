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

"""Read `multipart/x-mixed-replace` as it comes in, for next to nothing."""

from dataclasses import dataclass

_END = b'\r\n\r\n'
HEAD_BYTES = 512  # how much is looked through at once for the end of a head
_MAX_HEAD_BYTES = 16384


class MultipartError(Exception):
    """What came is no endless picture with lengths and times; the text says what it is."""


@dataclass(frozen=True)
class Part:
    """
    One picture, of which only this is kept.

    Attributes
    ----------
    size
        Bytes of the picture.
    stamp_s
        When it was taken, in seconds since the epoch.

    """

    size: int
    stamp_s: float


class MultipartParser:
    """
    Find the pictures in an HTTP answer by their `Content-Length`, and their `X-Timestamp`.

    Their bytes are counted, not kept. The answer may come in pieces of any size. RFC 2046 allows
    much more than is read here; this much a server of pictures has to send to be measured.
    """

    def __init__(self) -> None:
        self._answered = False  # whether the head of the HTTP answer has come
        self._head = bytearray()
        self._part = Part(0, 0.0)
        self._left = 0
        self._begin = bytearray()  # of the present picture, for those who look at it
        self._to_keep = 0  # so many bytes more of it

    @property
    def left(self) -> int:
        """Return how many bytes of the present picture are still to come and of no interest."""
        return 0 if self._to_keep else self._left

    def skip(self, size: int) -> list[Part]:
        """Take in that so many of them have come; return the picture if it is whole now."""
        self._left -= size
        return [] if self._left else self._whole()

    def feed(self, data: bytes | memoryview) -> list[Part]:
        """
        Take in the next bytes; return the pictures whose last byte is among them.

        Raises
        ------
        MultipartError
            The server refuses, or does not tell length or time.

        """
        done: list[Part] = []
        position, size = 0, len(data)
        while position < size:
            if self._left:
                step = min(self._left, size - position)
                if self._to_keep:
                    kept = min(step, self._to_keep)
                    self._begin += data[position:position + kept]
                    self._to_keep -= kept
                self._left -= step
                position += step
            else:
                read, whole = self._read_head(data[position:position + HEAD_BYTES])
                position += read
                if not whole:
                    continue
            if not self._left:
                done += self._whole()
        return done

    def _part_of(self, fields: dict[str, str]) -> Part:
        """Return what is known of a picture by its head; ValueError where that is too little."""
        return Part(int(fields['content-length']), float(fields['x-timestamp']))

    def _keep(self) -> int:
        """Return how many bytes of the picture that begins are to be looked at."""
        return 0

    def _whole(self) -> list[Part]:
        return [self._part]

    def _read_head(self, data: bytes | memoryview) -> tuple[int, bool]:
        """Return how many bytes belong to a head, and whether a part's head is whole with them."""
        before = len(self._head)
        self._head += data
        end = self._head.find(_END, max(0, before - len(_END) + 1))
        if end < 0:
            if len(self._head) > _MAX_HEAD_BYTES:
                raise MultipartError('what came is no multipart stream')
            return len(data), False
        lines = bytes(self._head[:end]).decode('latin-1').strip().split('\r\n')
        self._head.clear()
        return end + len(_END) - before, self._on_head(lines)

    def _on_head(self, lines: list[str]) -> bool:
        if not self._answered:
            words = lines[0].split(' ', 1)
            if len(words) < 2 or not words[1].startswith('200'):
                raise MultipartError(f"the server answers '{words[-1]}'")
            self._answered = True
            return False
        if lines == ['']:
            return False  # an empty line too many
        fields = dict(line.lower().split(': ', 1) for line in lines if ': ' in line)
        try:
            self._part = self._part_of(fields)
        except (KeyError, ValueError):
            raise MultipartError('a picture comes without Content-Length or X-Timestamp') from None
        self._left = self._part.size
        self._begin.clear()
        self._to_keep = min(self._left, self._keep())
        return True
