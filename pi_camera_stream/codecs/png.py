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

"""PNG, which some CompressedImage topics carry, and all of compressed_depth_image_transport."""

import numpy as np

from .limits import check_image, MAX_PIXELS
from .raw_image import to_viewable
from ..core.frame import Image


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """
    Return the picture fit to be viewed: H x W x 3 (BGR) or H x W (grey), uint8.

    Raises
    ------
    ValueError
        It is no PNG, a damaged one, or one of more than `max_pixels`.

    """
    import cv2

    start = check_image(data, ('PNG',), max_pixels).start
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8)[start:], cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None or not image.size:
        raise ValueError('the PNG cannot be decoded')
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    bits = 8 * image.itemsize
    encoding = {(1, 8): 'mono8', (3, 8): 'bgr8', (4, 8): 'bgra8',
                (1, 16): 'mono16', (3, 16): 'bgr16', (4, 16): 'bgra16'}[channels, bits]
    return to_viewable(image.tobytes(), encoding, width, height,
                       width * channels * image.itemsize, False)
