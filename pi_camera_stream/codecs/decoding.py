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
"""Frames of either kind to pictures, as somebody wants them."""

import numpy as np

from .jpeg_codec import decode_jpeg
from .limits import MAX_PIXELS
from ..core.frame import Frame, Image, image_size, JPEG, StampedImage


def decode_frame(frame: Frame | StampedImage, reduction: int = 1, grey: bool = False,
                 max_pixels: int = MAX_PIXELS) -> Image:
    """
    Return a picture, H x W x 3 (BGR) or, where `grey` is wanted, H x W, uint8.

    The arguments are those of `jpeg_codec.decode_jpeg`.

    Raises
    ------
    ValueError
        It cannot, or may not, be decoded; one sentence.

    """
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    if isinstance(frame, Frame):
        if frame.codec != JPEG:
            raise ValueError(f'{frame.codec} cannot be decoded here')
        image = decode_jpeg(frame.data, reduction, grey, max_pixels)
        if image is None:
            raise ValueError('it cannot be decoded')
        return image
    image = frame.read()
    if not grey:
        image = in_colour(image)
    elif image.ndim == 3:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if reduction == 1:
        return image
    size = tuple(-(-length // reduction) for length in image_size(image))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def in_colour(image: Image) -> Image:
    """Return H x W x 3 BGR of it, or of H x W grey."""
    import cv2

    return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR),
                                                    np.uint8)
