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
How a picture says that it is to be turned, and turning it.

It is a number from 1 to 8 (Exif 2.32, tag 0x0112); from 5 on, rows become columns. It is read as
Chromium does. OpenCV reads it, too, but each version in another way; so it is told not to.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1  # nothing is to be done
_FIRST_SIDEWAYS = 5
_ORIENTATION, _SHORT = 0x0112, 3
_ORDERS = {b'II*\0': '<', b'MM\0*': '>'}
_MATRIX = '9i'  # libavutil/display.h


def is_sideways(orientation: int) -> bool:
    """Return whether width and height change places."""
    return orientation >= _FIRST_SIDEWAYS


def shown_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return (width, height) of what is seen of a picture that is stored in that size."""
    return (height, width) if is_sideways(orientation) else (width, height)


def read_exif(data: bytes) -> int:
    """Return what Exif data say, from their TIFF header on; upright if that is nothing usable."""
    order = _ORDERS.get(data[:4])
    if order is None:
        return UPRIGHT
    try:
        where, = struct.unpack_from(order + 'I', data, 4)
        count, = struct.unpack_from(order + 'H', data, where)
        for number in range(count):
            tag, kind, values, value = struct.unpack_from(
                order + 'HHIH', data, where + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else UPRIGHT
    except struct.error:  # it ends before
        pass
    return UPRIGHT


def read_matrix(data: bytes, order: str = '=') -> int:
    """Return what the display matrix of a film says, as FFmpeg or, with '>', a file has it."""
    try:
        a, b, _, c, d, *_ = struct.unpack(order + _MATRIX, data)
    except struct.error:  # its length is none
        return UPRIGHT
    sideways = abs(b) > abs(a)
    left_right, upside_down = (c < 0, b < 0) if sideways else (a < 0, d < 0)
    return (_FIRST_SIDEWAYS if sideways else UPRIGHT) + (
        (2 if left_right else 3) if upside_down else int(left_right))


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return an image, H x W or H x W x C, turned so that it is seen as it shall be."""
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    if is_sideways(orientation):
        image = np.asarray(cv2.transpose(image))
    flip = {2: 1, 3: -1, 4: 0}.get((orientation - 1) % 4 + 1)
    return image if flip is None else np.asarray(cv2.flip(image, flip))


def decode_upright(data: bytes, flags: int, orientation: int) -> NDArray[Any] | None:
    """
    Return what `cv2.imdecode` makes of a picture with these flags, turned; None if it is nothing.

    Whoever calls has seen by `limits` that it has no more than `max_pixels`. A TIFF is turned by
    OpenCV in any case.
    """
    import cv2  # as above

    if flags != cv2.IMREAD_UNCHANGED:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    return None if image is None or not image.size else upright(image, orientation)
