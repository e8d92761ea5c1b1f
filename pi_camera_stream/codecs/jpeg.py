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

"""What can be told of a JPEG without decoding it (ITU-T T.81, annex B)."""

from collections.abc import Iterator
from dataclasses import dataclass
import re

import numpy as np

from .orientation import read_exif, shown_size, UPRIGHT

SOI = b'\xff\xd8'  # start of image
EOI = b'\xff\xd9'  # end of image
_BEGINNING = SOI + b'\xff'  # OpenCV and browsers take nothing else for a JPEG

# Start-of-frame markers, C0 to CF; DHT, JPG and DAC lie between them and are something else.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FIRST_ARITHMETIC = 0xC9  # of the frame markers; those before it say Huffman code
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01}  # RST0 to RST7, TEM
_FIRST_WITH_LENGTH = 0xC0
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA
_QUANTISATION = 0xDB  # DQT
_APP1, _APP2 = 0xE1, 0xE2
_EXIF = b'Exif\0'  # and a byte, then the data
# As libjpeg finds the next marker: stray bytes, and any number of FF before it, are passed over.
_MARKER = re.compile(rb'\xff[^\x00\xff]')
_MARKER_BEHIND_SCAN = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]')
_MOST_SEGMENTS = 10_000
_STANDARD_TOTAL = 3688  # of the numbers of table K.1, which is libjpeg's at quality 50


class NotAJpegError(ValueError):
    """The bytes are no whole JPEG; the message says what is wrong with them."""


@dataclass(frozen=True)
class JpegHeader:
    """
    What is known of a JPEG.

    Attributes
    ----------
    width, height
        Size in pixels, as it is seen: turned as its Exif data say.
    components
        Number of colour components: 1 grey, 3 colour.
    orientation
        How it is turned, as in `orientation`.

    """

    width: int
    height: int
    components: int
    orientation: int = UPRIGHT


def read_header(jpeg: bytes | bytearray | memoryview) -> JpegHeader:
    """Return what a JPEG says of itself, or raise NotAJpegError; it takes microseconds."""
    header = orientation = None
    for marker, position in _segments(jpeg):
        if marker in _START_OF_FRAME and header is None:
            header = _frame_header(jpeg[position + 4:position + 10])
        elif marker == _APP1 and orientation is None:
            orientation = _exif(jpeg, position)
    if header is None:
        raise NotAJpegError('it has no frame header')
    if orientation in (None, UPRIGHT):
        return header
    width, height = shown_size(header.width, header.height, orientation)
    return JpegHeader(width, height, header.components, orientation)


def read_quality(jpeg: bytes) -> int:
    """
    Return the quality, 1 to 100, at which libjpeg would quantise brightness as a JPEG does.

    100 where that cannot be told.
    """
    for marker, position in _segments(jpeg):
        if marker != _QUANTISATION:
            continue
        end = position + 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
        position += 4
        while position < end and position < len(jpeg):  # several tables may stand in a segment
            step = 2 if jpeg[position] >> 4 else 1  # bytes a number
            table = jpeg[position + 1:position + 1 + 64 * step]
            if not jpeg[position] & 0x0F and len(table) == 64 * step:
                return _quality(sum(int.from_bytes(table[at:at + step], 'big')
                                    for at in range(0, 64 * step, step)))
            position += 1 + 64 * step
    return 100


def find_end(jpeg: bytes) -> int | None:
    """
    Return the offset behind the end marker, None without one; NotAJpegError without a scan.

    Cameras pad behind it, phones write kilobytes there. What ends with an end marker is not looked
    through, which would take a tenth of a millisecond a frame, unless it says that it has several
    pictures (CIPA DC-007). Between scans the marker may stand in a segment, which is walked over.
    """
    position, has_more = -1, False
    for marker, at in _segments(jpeg):
        has_more |= marker == _APP2 and jpeg.startswith(b'MPF\0', at + 4)
        if marker == _START_OF_SCAN:
            position = at
    if position < 0:
        raise NotAJpegError('it has no scan')
    if jpeg.endswith(EOI) and not has_more:
        return len(jpeg)
    while True:
        position += 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
        match = _MARKER_BEHIND_SCAN.search(jpeg, position)
        while match is not None and jpeg[match.end() - 1] in _WITHOUT_LENGTH:
            match = _MARKER_BEHIND_SCAN.search(jpeg, match.end())
        if match is None:
            return None
        if jpeg[match.end() - 1] == _END_OF_IMAGE:
            return match.end()
        position = match.end() - 2


def count_scans(jpeg: bytes | bytearray | memoryview) -> int:
    """Return how often a decoder goes through the picture: many times if it is progressive."""
    process = components = 0
    for marker, position in _segments(jpeg):
        if marker in _START_OF_FRAME:
            process = marker
            components = _frame_header(jpeg[position + 4:position + 10]).components
        elif marker == _START_OF_SCAN:
            if process not in _PROGRESSIVE and bytes(jpeg[position + 4:position + 5]) == bytes(
                    [components]):
                return 1  # all components are in it, so libjpeg looks for no other
            data = np.frombuffer(jpeg, np.uint8)[position:]
            return int(np.count_nonzero((data[:-1] == 0xFF) & (data[1:] == _START_OF_SCAN)))
    raise NotAJpegError('it has no scan')


def plain_head(jpeg: bytes) -> bytes:
    """
    Return what stands before the data of a picture's only scan, in Huffman code; mostly empty.

    It is empty where there may be more scans or more pictures, or another code.
    """
    process = components = 0
    for marker, position in _segments(jpeg):
        if marker in _START_OF_FRAME:
            process = max(process, marker)
            components = _frame_header(jpeg[position + 4:position + 10]).components
        elif marker == _APP2 and jpeg.startswith(b'MPF\0', position + 4):
            break
        elif marker == _START_OF_SCAN:
            end = position + 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
            plain = process not in _PROGRESSIVE and process < _FIRST_ARITHMETIC
            return jpeg[:end] if plain and jpeg[position + 4] == components else b''
    return b''


def has_arithmetic_code(jpeg: bytes | bytearray | memoryview) -> bool:
    """Return whether it is arithmetically coded, so that a block may take less than a bit."""
    return any(marker >= _FIRST_ARITHMETIC for marker, _ in _segments(jpeg)
               if marker in _START_OF_FRAME)


def _segments(jpeg: bytes | bytearray | memoryview) -> Iterator[tuple[int, int]]:
    """
    Yield each marker and where it is, up to the first scan.

    Markers are found just as libjpeg finds them, and what it would not read is refused: or it
    might find another frame header than we do.
    """
    if bytes(jpeg[:3]) != _BEGINNING:
        raise NotAJpegError('it does not start as a JPEG does, with FF D8 FF')
    position, size = 2, len(jpeg)
    for _ in range(_MOST_SEGMENTS):
        match = _MARKER.search(jpeg, position)
        if match is None or match.start() + 4 > size:
            return
        position = match.start()
        marker = jpeg[position + 1]
        if marker in _WITHOUT_LENGTH:
            position += 2
        elif marker < _FIRST_WITH_LENGTH or marker == _START_OF_IMAGE:
            raise NotAJpegError(f'a marker FF {marker:02X} at byte {position}, which does not '
                                'belong there')
        elif marker == _END_OF_IMAGE:
            return
        else:
            yield marker, position
            if marker == _START_OF_SCAN:
                return
            position += 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
    raise NotAJpegError(f'it has more than {_MOST_SEGMENTS} segments before its first scan')


def _exif(jpeg: bytes | bytearray | memoryview, position: int) -> int | None:
    """Return what an APP1 segment says of the orientation; None if it has no Exif data."""
    size = int.from_bytes(jpeg[position + 2:position + 4], 'big')
    payload = bytes(jpeg[position + 4:position + 2 + size])
    return read_exif(payload[len(_EXIF) + 1:]) if payload.startswith(_EXIF) else None


def _quality(total: int) -> int:
    """Return the quality of a table of that sum, by libjpeg's rule (jcparam.c) backwards."""
    percent = 100 * total / _STANDARD_TOTAL
    quality = 5000 / percent if percent > 100 else (200 - percent) / 2
    return min(max(round(quality), 1), 100)


def _frame_header(segment: bytes | bytearray | memoryview) -> JpegHeader:
    if len(segment) < 6:
        raise NotAJpegError('its frame header is cut off')
    height = int.from_bytes(segment[1:3], 'big')
    width = int.from_bytes(segment[3:5], 'big')
    if not width or not height:
        raise NotAJpegError(f'its frame header says {width}x{height} pixels')
    return JpegHeader(width, height, segment[5])
