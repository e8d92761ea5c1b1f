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
from functools import cache
from typing import Any

from sensor_msgs.msg import CompressedImage

from ...codecs.decoding import in_colour
from ...codecs.limits import MAX_PIXELS, whole_jpeg
from ...codecs.orientation import decode_upright, UPRIGHT
from ...core.frame import Image
from ...vision.opencv import cv2

Decoder = Callable[[CompressedImage, bytes, int], Any]


def decode(message: CompressedImage, max_pixels: int = MAX_PIXELS) -> Image:
    """Return a JPEG's image, H x W x 3 BGR uint8; ValueError when it cannot, or may not, be."""
    jpeg, header = whole_jpeg(message.data.tobytes(), max_pixels)  # takes 0.03 ms
    # Which Exif data cv_bridge turns a picture by depends on its version, and on OpenCV's.
    decoder = _find_decoder() if header.orientation == UPRIGHT else _with_opencv
    try:
        image = decoder(message, jpeg, header.orientation)
    except cv2.error:
        image = None
    if image is None or not image.size:
        raise ValueError('it cannot be decoded')
    return in_colour(image)


def _with_opencv(_message: CompressedImage, jpeg: bytes, orientation: int) -> Any:
    return decode_upright(jpeg, cv2.IMREAD_COLOR, orientation)


@cache
def _find_decoder() -> Decoder:
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError):  # the latter where it was built for another NumPy
        return _with_opencv
    bridge = CvBridge()

    def with_cv_bridge(message: CompressedImage, _jpeg: bytes, _orientation: int) -> Any:
        return bridge.compressed_imgmsg_to_cv2(message, 'passthrough')

    return with_cv_bridge

