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

"""CompressedImage to OpenCV: with cv_bridge where it is installed, with OpenCV alone otherwise."""

from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage

from ..core.frame import Image
from ..encoders.jpeg_decoder import decode as decode_jpeg

Decoder = Callable[[CompressedImage], Image | None]


def decode(message: CompressedImage) -> Image:
    """
    Return the picture, H x W x 3 BGR uint8.

    Raises
    ------
    ValueError
        It cannot be decoded.

    """
    try:
        image = _decode(message)
    except cv2.error:
        image = None
    if image is None or not image.size:
        raise ValueError('it cannot be decoded')
    return in_colour(image)


def in_colour(image: Image) -> Image:
    """Return H x W x 3 BGR of it, or of H x W grey."""
    return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR),
                                                    np.uint8)


def _with_opencv(message: CompressedImage) -> Image | None:
    return decode_jpeg(message.data)


def _find_decoder() -> Decoder:
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError):  # the latter where it was built for another NumPy
        return _with_opencv
    bridge = CvBridge()

    def with_cv_bridge(message: CompressedImage) -> Image | None:
        image: Image | None = bridge.compressed_imgmsg_to_cv2(message, 'passthrough')
        return image

    return with_cv_bridge


_decode = _find_decoder()
