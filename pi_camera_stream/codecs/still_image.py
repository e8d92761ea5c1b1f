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

"""
Images of other formats than JPEG in a CompressedImage, made fit to be viewed.

PNG, WebP and TIFF come from image_transport and other programs; PNG and RVL, behind a header of
12 bytes, from compressed_depth_image_transport.
"""

import struct

import numpy as np

from . import rvl
from .limits import check_image, check_size, MAX_PIXELS
from .orientation import decode_upright
from .raw_image import to_viewable
from ..core.errors import FrameRefusedError
from ..core.frame import Image

KINDS = 'PNG', 'WebP', 'TIFF', 'BMP', 'PNM'
_DEPTH = struct.Struct('<iffII')  # format, two numbers of the quantisation, columns, rows


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Return H x W x 3 (BGR) or H x W (grey), uint8, of data of these KINDS; or ValueError."""
    import cv2

    header = check_image(data, KINDS, max_pixels)
    # All bits and an opacity take up to 8 bytes a pixel, of colours that are shown with 3.
    flags = cv2.IMREAD_COLOR if header.coloured else cv2.IMREAD_UNCHANGED
    image = decode_upright(data[header.start:], flags, header.orientation)
    if image is None:
        raise ValueError(f'the {header.kind} cannot be decoded')
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    name = {(1, 'u1'): 'mono8', (3, 'u1'): 'bgr8', (4, 'u1'): 'bgra8', (1, 'u2'): 'mono16',
            (3, 'u2'): 'bgr16', (4, 'u2'): 'bgra16', (1, 'f4'): '32FC1', (1, 'f8'): '64FC1'}.get(
                (channels, image.dtype.str[1:]))
    if name is None:
        raise ValueError(f'a {header.kind} of {channels} x {image.dtype} cannot be shown')
    return to_viewable(image.data.cast('B'), name, width, height, image.strides[0], False)


def is_rvl(data: bytes, described: str) -> bool:
    """Return whether it is RVL, which nothing but the message's `format` tells."""
    return 'compresseddepth' in described.lower() and 'rvl' in described.lower() \
        and len(data) >= _DEPTH.size


def rvl_size(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return (width, height) of RVL data; FrameRefusedError when it cannot have so many pixels."""
    *_, width, height = _DEPTH.unpack_from(data)
    check_size(width, height, max_pixels)
    if len(data) * rvl.MOST_PIXELS_A_BYTE < width * height:
        raise FrameRefusedError(f'it has {len(data)} bytes, too few for {width}x{height} pixels')
    return width, height


def decode_rvl(data: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Return a depth image, H x W grey, nearest darkest; ValueError when it is none."""
    width, height = rvl_size(data, max_pixels)
    _, a, b, *_ = _DEPTH.unpack_from(data)
    depth = rvl.decode(data[_DEPTH.size:], width * height)
    if a:  # metres as inverse depth, in quantisation steps
        metres = np.where(depth > 0, a / np.maximum(depth - np.float32(b), 1e-6), 0)
        return to_viewable(metres.astype('<f4').tobytes(), '32FC1', width, height, 4 * width,
                           False)
    return to_viewable(depth.astype('<u2').tobytes(), '16UC1', width, height, 2 * width, False)
