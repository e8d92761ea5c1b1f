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

"""Pictures of a few hundred bytes that say they are enormous, in every format OpenCV decodes."""

import struct
import zlib

import cv2
import numpy as np

HUGE = 32000, 32000  # decoded, 3 GB
LARGEST = 8000, 8000  # that is taken in unless somebody says more


def jpeg(size=HUGE, progressive=False, process=b''):
    """Return a JPEG with another size, and maybe another process, written into its header."""
    made = bytearray(_tiny('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)))
    frame = made.index(b'\xff\xc2' if progressive else b'\xff\xc0')
    made[frame + 5:frame + 9] = struct.pack('>HH', *size[::-1])
    made[frame + 1:frame + 2] = process or made[frame + 1:frame + 2]
    return bytes(made)


def hidden_jpeg(size=HUGE):
    """Return one whose large header libjpeg finds, and who skips what is no marker does not."""
    inner = jpeg(size)[2:]
    return (b'\xff\xd8\xff\x00' + struct.pack('>H', len(inner) + 2) + inner
            + _tiny('.jpg')[2:])


def two_headed_jpeg(size=HUGE):
    """Return one with a small frame header before the large one; libjpeg refuses that."""
    small, large = _tiny('.jpg'), jpeg(size)
    frame = small.index(b'\xff\xc0')
    return small[:frame + 19] + large[frame:frame + 19] + small[frame + 19:]


def jpeg_of_scans(count, size=(2000, 2000)):
    """Return a picture that a decoder goes through again and again."""
    made = cv2.imencode('.jpg', np.full(size[::-1], 9, np.uint8),
                        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
    scan, end = made.rindex(b'\xff\xda'), made.rindex(b'\xff\xd9')
    return made[:scan] + made[scan:end] * count + made[end:]


def png(size=HUGE, depth=8, colour=2, more=b''):
    """Return a PNG with hardly any data; `more` stands behind its header."""
    head = struct.pack('>IIBBBBB', *size, depth, colour, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', head) + more
            + _chunk(b'IDAT', zlib.compress(bytes(100))) + _chunk(b'IEND', b''))


def moving_png(size=HUGE, frame=HUGE):
    """Return an animated PNG whose first picture may have another size than the whole."""
    return png(size, more=_chunk(b'acTL', struct.pack('>II', 2, 0)) + _chunk(
        b'fcTL', struct.pack('>IIIIIHHBB', 0, *frame, 0, 0, 1, 1, 0, 0)))


def png_of_one_part(name=b'tEXt'):
    """Return a PNG that announces a part of 2 GB."""
    return png((16, 16))[:33] + struct.pack('>I', 0x7F000000) + name + bytes(20)


def depth_png(size=HUGE):
    """Return what compressed_depth_image_transport sends."""
    return bytes(12) + png(size, 16, 0)


def webp(size=(16383, 16383)):
    """Return a WebP of one colour, in about 30 bytes, with another size in its header."""
    made = bytearray(_tiny('.webp', cv2.IMWRITE_WEBP_QUALITY, 101))
    assert made[12:16] == b'VP8L'
    made[21:25] = struct.pack('<I', size[0] - 1 | size[1] - 1 << 14)
    return bytes(made)


def extended_webp(size=HUGE, moves=False):
    """Return a WebP with a canvas."""
    body = struct.pack('<BxxxHBHB', 2 * moves, size[0] - 1 & 0xFFFF, size[0] - 1 >> 16,
                       size[1] - 1 & 0xFFFF, size[1] - 1 >> 16)
    return b'RIFF' + struct.pack('<I', 22) + b'WEBPVP8X' + struct.pack('<I', 10) + body


def bmp(size=HUGE):
    """Return a BMP with its top row first."""
    return b'BM' + struct.pack('<IHHIIiiHHIIiiII', 154, 0, 0, 54, 40, size[0], -size[1], 1, 24,
                               0, 0, 0, 0, 0, 0) + bytes(100)


def pnm(size=HUGE, kind=b'P6'):
    """Return a PNM with a comment."""
    return kind + b'\n# made by hand\n%d %d\n255\n' % size + bytes(100)


def tiff(size=HUGE, order='<', tile=None, big=False):
    """Return a TIFF of one page, made of one strip, or of tiles."""
    tags = [(256, 4, size[0]), (257, 4, size[1]), (258, 3, 8), (259, 3, 1), (262, 3, 1),
            (273, 4, 8), (277, 3, 1), (278, 4, size[1]), (279, 4, 100)]
    if tile:
        tags += [(322, 4, tile[0]), (323, 4, tile[1]), (324, 4, 8), (325, 4, 100)]
    mark = b'II' if order == '<' else b'MM'
    layout, where = ('HHQ', 16) if big else ('HHI', 8)
    entries = b''.join(
        struct.pack(order + layout, tag, kind, 1)
        + struct.pack(order + {3: 'H', 4: 'I'}[kind], value).ljust(8 if big else 4, b'\0')
        for tag, kind, value in tags)
    head = struct.pack(order + 'HHHQ', 43, 8, 0, where) if big else \
        struct.pack(order + 'HI', 42, where)
    return (mark + head + struct.pack(order + ('Q' if big else 'H'), len(tags)) + entries
            + bytes(100))


def gif(size=HUGE):
    """Return a GIF of 35 bytes, for which OpenCV takes 7 GB."""
    return (b'GIF89a' + struct.pack('<HHBBB', *size, 0x80, 0, 0) + bytes(6) + b','
            + struct.pack('<HHHHB', 0, 0, *size, 0) + b'\x02\x02\x44\x01\x00;')


# Of no format that is taken in: by name, so that a message can be looked at.
OTHERS = {
    'GIF': gif(),
    'Sun raster': struct.pack('>8I', 0x59A66A95, *HUGE, 24, 0, 1, 0, 0) + bytes(100),
    'Radiance HDR': b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 32000 +X 32000\n' + bytes(100),
    'PAM': b'P7\nWIDTH 32000\nHEIGHT 32000\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n',
    'PFM': b'PF\n32000 32000\n-1.0\n' + bytes(100),
    'OpenEXR': b'\x76\x2f\x31\x01\x02\0\0\0' + bytes(100),
    'JPEG 2000': b'\0\0\0\x0cjP  \r\n\x87\n' + bytes(100),
    'AVIF or HEIF': b'\0\0\0\x20ftypavif' + bytes(100),
    'JPEG XL': b'\xff\x0a' + bytes(100),
}


def _tiny(suffix, *options):
    done, data = cv2.imencode(suffix, np.full((16, 16, 3), 100, np.uint8), options)
    assert done
    return data.tobytes()


def _chunk(name, body):
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
