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

"""How large a picture file says it is, in the formats that are decoded beside JPEG."""

from collections.abc import Callable
from dataclasses import dataclass
import re
import struct

from .orientation import read_exif, shown_size, UPRIGHT
from ..core.errors import FrameRefusedError

_PNG = b'\x89PNG\r\n\x1a\n'
_DEPTH_HEADER_BYTES = 12  # compressed_depth_image_transport puts its own header before the PNG
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_COLOURED = (2, 3, 6)
_MOST_DEFLATED = 1032  # bytes that one byte of deflate can become
_MOST_PARTS = 100_000
_PNM = re.compile(rb'P[1-6](?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})\b')
_MOST_COMMENT_BYTES = 2**16
_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 274, 322, 323  # TIFF 6.0
_TIFF_NUMBERS = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}
# What OpenCV decodes as well, told by its beginning. Nobody sends it, and it may be a trap: a GIF
# of 35 bytes can take 7 GB.
_OTHERS = (
    (b'GIF8', 0, 'GIF'), (b'jP  ', 4, 'JPEG 2000'), (b'\xff\x4f\xff\x51', 0, 'JPEG 2000'),
    (b'ftyp', 4, 'AVIF or HEIF'), (b'\x76\x2f\x31\x01', 0, 'OpenEXR'), (b'#?', 0, 'Radiance HDR'),
    (b'\x59\xa6\x6a\x95', 0, 'Sun raster'), (b'PF', 0, 'PFM'), (b'Pf', 0, 'PFM'),
    (b'P7', 0, 'PAM'), (b'\xff\x0a', 0, 'JPEG XL'), (b'JXL ', 4, 'JPEG XL'))


@dataclass(frozen=True)
class ImageHeader:
    """What the first bytes of a picture file say."""

    kind: str  # JPEG, PNG, WebP, BMP, TIFF or PNM; another name, or none, where no more is known
    width: int = 0  # pixels, as it is seen, turned
    height: int = 0
    start: int = 0  # where the file begins in the data
    least_bytes: int = 0  # fewer cannot hold a picture of that size
    orientation: int = UPRIGHT  # how it is to be turned behind OpenCV, as in `orientation`
    coloured: bool = False  # whether eight bits of each of its colours show all that there is


def read_image_header(data: bytes) -> ImageHeader:
    """
    Return what a file other than a JPEG says of its picture; nothing is decoded.

    Raises FrameRefusedError when it is broken, or moves.
    """
    read = next((read for magic, read in _READERS.items() if data.startswith(magic)), None)
    try:
        if read is not None:
            return read(data)
        if data.startswith(_PNG, _DEPTH_HEADER_BYTES):
            return _read_png(data, _DEPTH_HEADER_BYTES)
    except (struct.error, OverflowError) as error:  # the latter of an offset beyond all memory
        raise FrameRefusedError('it ends within its header') from error
    if match := _PNM.match(data, 0, _MOST_COMMENT_BYTES):
        return ImageHeader('PNM', int(match[1]), int(match[2]))
    return ImageHeader(next(
        (name for magic, at, name in _OTHERS if data.startswith(magic, at)), ''))


def _read_png(data: bytes, start: int = 0) -> ImageHeader:
    """Read it to its end: OpenCV makes room for each part before it looks whether it is there."""
    length, name, width, height, depth, colour = struct.unpack_from('>I4sIIBB', data, start + 8)
    if (length, name) != (13, b'IHDR'):
        raise FrameRefusedError('it is a PNG without a header')
    position, orientation = start + 8, None
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack_from('>I4s', data, position)
        position += 12 + length
        if position > len(data):
            raise FrameRefusedError('it is a PNG whose end is missing')
        if name == b'eXIf' and orientation is None:
            orientation = read_exif(data[position - 4 - length:position - 4])
        if name == b'IEND':
            bits = width * height * depth * _PNG_CHANNELS.get(colour, 1)
            turned = orientation or UPRIGHT
            return ImageHeader('PNG', *shown_size(width, height, turned), start,
                               bits // (8 * _MOST_DEFLATED), turned, colour in _PNG_COLOURED)
    raise FrameRefusedError(f'it is a PNG of more than {_MOST_PARTS} parts')


def _read_webp(data: bytes) -> ImageHeader:
    if data[8:12] != b'WEBP':
        raise FrameRefusedError('it is a RIFF file, but not WebP')
    kind, orientation = data[12:16], UPRIGHT
    if kind == b'VP8X':
        flags, *sizes = struct.unpack_from('<B3xHBHB', data, 20)
        if flags & 2:
            raise FrameRefusedError('it is an animated WebP')
        width, height = sizes[0] + (sizes[1] << 16) + 1, sizes[2] + (sizes[3] << 16) + 1
        orientation = _webp_orientation(data)
    elif kind == b'VP8L':
        size, = struct.unpack_from('<I', data, 21)
        width, height = (size & 0x3FFF) + 1, (size >> 14 & 0x3FFF) + 1
    elif kind == b'VP8 ':
        width, height = (size & 0x3FFF for size in struct.unpack_from('<HH', data, 26))
    else:
        raise FrameRefusedError('it is a WebP without a header')
    return ImageHeader('WebP', *shown_size(width, height, orientation), orientation=orientation,
                       coloured=True)


def _webp_orientation(data: bytes) -> int:
    position = 12
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            break
        name, length = struct.unpack_from('<4sI', data, position)
        position += 8
        if name == b'EXIF':
            return read_exif(data[position:position + length])
        position += length + length % 2
    return UPRIGHT


def _read_bmp(data: bytes) -> ImageHeader:
    size, = struct.unpack_from('<I', data, 14)
    width, height = struct.unpack_from('<HH' if size == 12 else '<ii', data, 18)
    return ImageHeader('BMP', width, abs(height))  # it is negative when the top row comes first


def _read_tiff(data: bytes) -> ImageHeader:
    """
    Read the first page; a tile larger than the picture is as large as it says.

    OpenCV turns it as it says, whatever it is told.
    """
    order = '<' if data[:1] == b'I' else '>'
    if data[2:4] in (b'\x2b\0', b'\0\x2b'):  # BigTIFF
        (where,), head, entry = struct.unpack_from(order + 'Q', data, 8), 'Q', 'HHQ8s'
    else:
        (where,), head, entry = struct.unpack_from(order + 'I', data, 4), 'H', 'HHI4s'
    count, = struct.unpack_from(order + head, data, where)
    where += struct.calcsize(head)
    size = struct.calcsize(order + entry)
    found: dict[int, int] = {}
    for number in range(min(count, _MOST_PARTS)):
        tag, kind, _, value = struct.unpack_from(order + entry, data, where + number * size)
        if tag == _ORIENTATION and kind in _TIFF_NUMBERS:
            found.setdefault(tag, *struct.unpack_from(order + _TIFF_NUMBERS[kind], value))
        if tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT):
            if tag in found or kind not in _TIFF_NUMBERS:
                raise FrameRefusedError('it is a TIFF that gives its size in an unusual way')
            found[tag], = struct.unpack_from(order + _TIFF_NUMBERS[kind], value)
    width, height = found.get(_WIDTH, 0), found.get(_HEIGHT, 0)
    width = max(width, found.get(_TILE_WIDTH, 0)) if width else 0
    height = max(height, found.get(_TILE_HEIGHT, 0)) if height else 0
    return ImageHeader('TIFF', *shown_size(width, height, found.get(_ORIENTATION, UPRIGHT)))


_READERS: dict[bytes, Callable[[bytes], ImageHeader]] = {
    _PNG: _read_png, b'RIFF': _read_webp, b'BM': _read_bmp, b'II*\0': _read_tiff,
    b'MM\0*': _read_tiff, b'II+\0': _read_tiff, b'MM\0+': _read_tiff}
