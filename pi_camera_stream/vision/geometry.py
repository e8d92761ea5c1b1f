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



"""Sizes and boxes of pictures, for the processors."""

from collections.abc import Sequence

import numpy as np

from .opencv import cv2
from ..core.frame import Image, image_size

Box = tuple[int, int, int, int]
"""x and y of the upper left corner, width and height, in pixels."""


def shrink(image: Image, width: int) -> tuple[Image, float]:
    """Return the picture at most `width` wide, and its scale: 0.5 for half the size."""
    scale = min(1.0, width / image_size(image)[0])
    if scale == 1.0:
        return image, scale
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), scale


def enlarge(box: Sequence[float], scale: float) -> Box:
    """Return a box of a picture of that scale as it is in the original."""
    x, y, width, height = (round(edge / scale) for edge in box)
    return x, y, width, height


def box_around(points: Sequence[tuple[float, float]]) -> Box:
    array = np.array(points)
    x, y = np.floor(array.min(axis=0)).astype(int)
    right, bottom = np.ceil(array.max(axis=0)).astype(int)
    return int(x), int(y), int(right - x), int(bottom - y)
