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

from dataclasses import dataclass

SOI = b'\xff\xd8'  # start of image
EOI = b'\xff\xd9'  # end of image

# Start-of-frame markers, C0 to CF; DHT, JPG and DAC lie between them and are something else.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01}  # RST0 to RST7, TEM
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9


class NotAJpegError(ValueError):
    """The bytes are no whole JPEG; the message says what is wrong with them."""


@dataclass(frozen=True)
class JpegHeader:
    """Size in pixels, and the number of colour components (1 grey, 3 colour)."""

    width: int
    height: int
    components: int


def read_header(jpeg: bytes | bytearray | memoryview) -> JpegHeader:
    """
    Return size and components of a JPEG; takes microseconds, nothing is decoded.

    Raises
    ------
    NotAJpegError
        There is no start of image, no frame header, or the segments do not fit together.

    """
    if bytes(jpeg[:2]) != SOI:
        raise NotAJpegError('it does not start with the JPEG start marker FF D8')
    position, size = 2, len(jpeg)
    while position + 4 <= size:
        if jpeg[position] != 0xFF:
            raise NotAJpegError(f'no marker at byte {position}, where one should be')
        marker = jpeg[position + 1]
        if marker == 0xFF:  # a fill byte before a marker
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            break
        elif marker in _START_OF_FRAME:
            return _frame_header(jpeg[position + 4:position + 10])
        else:
            position += 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
    raise NotAJpegError('it has no frame header')


def check_whole(jpeg: bytes) -> JpegHeader:
    """
    Return the header of a JPEG that begins and ends as it should.

    Cheap enough for every frame. Some cameras pad behind the end marker; that is accepted.

    Raises
    ------
    NotAJpegError
        As `read_header`, and when the end of image is missing.

    """
    header = read_header(jpeg)
    if not jpeg.endswith(EOI) and jpeg.rfind(EOI, -4096) < 0:
        raise NotAJpegError('its end is missing')
    return header


def _frame_header(segment: bytes | bytearray | memoryview) -> JpegHeader:
    if len(segment) < 6:
        raise NotAJpegError('its frame header is cut off')
    height = int.from_bytes(segment[1:3], 'big')
    width = int.from_bytes(segment[3:5], 'big')
    if not width or not height:
        raise NotAJpegError(f'its frame header says {width}x{height} pixels')
    return JpegHeader(width, height, segment[5])
