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

"""Pictures whose quarters differ, so that it is seen how they have been turned."""

import struct
import zlib

import cv2
import numpy as np

COLOURS = {'R': (0, 0, 220), 'G': (0, 220, 0), 'B': (220, 0, 0), 'W': (220, 220, 220)}
# What is seen of the quarters R G, B W, row by row, and whether rows have become columns: the
# table of Exif 2.32, and what browsers show.
SEEN = {1: ('RGBW', False), 2: ('GRWB', False), 3: ('WBGR', False), 4: ('BWRG', False),
        5: ('RBGW', True), 6: ('BRWG', True), 7: ('WGBR', True), 8: ('GWRB', True)}
ORIENTATIONS = tuple(SEEN)


def quarters(width=96, height=64):
    """Return a picture: red, green, below them blue, white."""
    image = np.empty((height, width, 3), np.uint8)
    for number, colour in enumerate(COLOURS.values()):
        row, column = divmod(number, 2)
        image[row * height // 2:, column * width // 2:] = colour
    return image


def look(image):
    """Return what is seen of a picture: its size, and the colours of its quarters."""
    height, width = image.shape[:2]
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    table = COLOURS if np.ptp(image, axis=2).max() > 9 else {
        name: (round(0.114 * b + 0.587 * g + 0.299 * r),) * 3
        for name, (b, g, r) in COLOURS.items()}
    middles = (image[height * row // 8, width * column // 8].astype(int)
               for row in (2, 6) for column in (2, 6))
    return (width, height), ''.join(min(
        table, key=lambda name: np.abs(np.subtract(table[name], colour)).sum())
        for colour in middles)


def seen(orientation, width=96, height=64):
    """Return what `look` is to return of such a picture."""
    colours, sideways = SEEN[orientation]
    return (height, width) if sideways else (width, height), colours


def exif(orientation, order='II', kind=3, count=1):
    """Return Exif data, from their TIFF header on."""
    sign = '<' if order == 'II' else '>'
    value = struct.pack(sign + ('I' if kind == 4 else 'H'), orientation).ljust(4, b'\0')
    return (order.encode() + struct.pack(sign + 'HI', 42, 8) + struct.pack(
        sign + 'HHHI', 1, 0x0112, kind, count) + value + bytes(4))


def segment(payload, marker=0xE1):
    """Return a JPEG's APP1, or another segment."""
    return bytes((0xFF, marker)) + struct.pack('>H', len(payload) + 2) + payload


def with_orientation(jpeg, orientation):
    """Return the JPEG with an Exif segment that says how the camera was held."""
    return jpeg[:2] + segment(b'Exif\0\0' + exif(orientation)) + jpeg[2:]


def turned_jpeg(orientation, width=96, height=64):
    data = cv2.imencode('.jpg', quarters(width, height), (cv2.IMWRITE_JPEG_QUALITY, 95))[1]
    return with_orientation(data.tobytes(), orientation)


def turned_png(orientation, at=33):
    """Return a PNG with Exif data, behind its header, or before its end with `at` -12."""
    data = cv2.imencode('.png', quarters())[1].tobytes()
    chunk = b'eXIf' + exif(orientation)
    chunk = struct.pack('>I', len(chunk) - 4) + chunk + struct.pack('>I', zlib.crc32(chunk))
    return data[:at] + chunk + data[at:]


def turned_webp(orientation):
    """Return a WebP with Exif data."""
    data = cv2.imencode('.webp', quarters(), (cv2.IMWRITE_WEBP_QUALITY, 101))[1].tobytes()
    size = struct.pack('<I', 95)[:3] + struct.pack('<I', 63)[:3]
    data = (b'WEBPVP8X' + struct.pack('<IB3x', 10, 8) + size + data[12:]
            + b'EXIF' + struct.pack('<I', len(exif(1))) + exif(orientation))
    return b'RIFF' + struct.pack('<I', len(data)) + data


def turned_tiff(orientation):
    """Return a TIFF that says so itself."""
    image = quarters()
    height, width = image.shape[:2]
    pixels = image[..., ::-1].tobytes()
    entries = ((256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8 + len(pixels) + 126),
               (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8), (274, 3, 1, orientation),
               (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(pixels)))
    return (b'II*\0' + struct.pack('<I', 8 + len(pixels)) + pixels
            + struct.pack('<H', len(entries)) + b''.join(
                struct.pack('<HHII', *entry) for entry in entries) + bytes(4)
            + struct.pack('<HHH', 8, 8, 8))


def turn_film(path, orientation):
    """Let an MP4 file say how it is to be turned, whatever wrote it."""
    matrix = {1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
              5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0)}[orientation]
    a, b, c, d = (number << 16 for number in matrix)
    data = bytearray(path.read_bytes())
    begin = data.index(b'tkhd') + 4
    begin += 52 if data[begin] else 40
    data[begin:begin + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
