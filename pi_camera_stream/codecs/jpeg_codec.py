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

"""JPEG to images no larger than needed, and images to JPEG, by OpenCV's libjpeg-turbo."""

from .limits import check_jpeg, MAX_PIXELS
from .orientation import decode_upright
from ..core.errors import FrameRefusedError
from ..core.frame import Image

REDUCTIONS = (8, 4, 2)  # libjpeg's, which leaves out the frequencies: halves the time and more


def decode_jpeg(jpeg: bytes, reduction: int = 1, grey: bool = False,
                max_pixels: int = MAX_PIXELS) -> Image | None:
    """
    Return a picture, H x W x 3 (BGR) or H x W (grey), uint8; None when it cannot be decoded.

    It is turned as Exif data say. Width and height are divided by `reduction`, 1 or one of
    REDUCTIONS, and rounded up; before
    that, no more than `max_pixels` may be.
    """
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    kind = 'GRAYSCALE' if grey else 'COLOR'
    name = f'IMREAD_{kind}' if reduction == 1 else f'IMREAD_REDUCED_{kind}_{reduction}'
    try:
        header = check_jpeg(jpeg, max_pixels)
    except FrameRefusedError:
        return None
    return decode_upright(jpeg, getattr(cv2, name), header.orientation)


def encode_jpeg(image: Image, quality: int = 80) -> bytes:
    """Return the JPEG of an H x W x 3 (BGR) or H x W (grey) image; quality is 1 to 100."""
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    done, buffer = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not done:
        raise ValueError(f'OpenCV cannot encode an image of shape {image.shape}')
    return buffer.tobytes()
