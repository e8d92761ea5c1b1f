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

"""Elements of EBML, of which Matroska is made (RFC 8794): a name, a size, and what is in it."""

from collections.abc import Iterator
import struct

UNKNOWN_SIZE = b'\x01' + 7 * b'\xff'  # of an element that ends with the file
_VOID = 0xEC
_LONG = 9  # bytes of the name of a Void, and of a size that is written in eight


def element(name: int, *contents: bytes) -> bytes:
    """Return an element with these contents."""
    data = b''.join(contents)
    return _name(name) + size(len(data)) + data


def opened(name: int, length: bytes = UNKNOWN_SIZE) -> bytes:
    """Return how an element begins whose contents follow."""
    return _name(name) + length


def unsigned(name: int, value: int) -> bytes:
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), 'big'))


def number(name: int, value: float) -> bytes:
    return element(name, struct.pack('>d', value))


def text(name: int, value: str) -> bytes:
    return element(name, value.encode())


def size(length: int) -> bytes:
    """Return a size as short as may be: ones alone would mean that it is unknown."""
    width = 1
    while length >= (1 << 7 * width) - 1:
        width += 1
    return (length | 1 << 7 * width).to_bytes(width, 'big')


def long_size(length: int) -> bytes:
    """Return a size that takes as many bytes as an unknown one."""
    return (length | 1 << 56).to_bytes(8, 'big')


def void(room: int) -> bytes:
    """Return so many bytes, at least nine, that mean nothing."""
    return _name(_VOID) + long_size(room - _LONG) + bytes(room - _LONG)


def elements(data: bytes, begin: int = 0, end: int | None = None
             ) -> Iterator[tuple[int, int, int]]:
    """Yield name, begin and end of the contents of each; it stops where it makes no sense."""
    at, end = begin, len(data) if end is None else min(end, len(data))
    while at < end:
        width = 9 - data[at].bit_length()  # as many bytes as zeros in front, and one
        if width > 4:
            return
        name, at = int.from_bytes(data[at:at + width], 'big'), at + width
        if at >= end or not data[at]:
            return
        width = 9 - data[at].bit_length()
        length = int.from_bytes(data[at:at + width], 'big') & ((1 << 7 * width) - 1)
        at += width
        stop = end if length == (1 << 7 * width) - 1 else at + length
        yield name, at, stop
        at = stop


def _name(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, 'big')
