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

"""A picture of a film, decoded by PyAV, as an image that is turned as the film says."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..codecs.orientation import read_matrix, shown_size, UPRIGHT, upright
from ..core.frame import Image


def frame_orientation(frame: Any, otherwise: int = UPRIGHT) -> int:
    """Return what a frame says, as in `orientation`; `otherwise` where it says nothing."""
    try:
        for data in frame.side_data:  # a mapping of values
            if str(data.type).endswith('DISPLAYMATRIX'):
                return read_matrix(bytes(data))
    except ValueError:  # this PyAV does not know all that its FFmpeg does
        pass
    return otherwise


def to_image(frame: Any, size_of: Callable[[int, int], tuple[int, int]],
             orientation: int) -> Image:
    """Return it turned, H x W x 3; `size_of` tells the (width, height) wanted of the shown one."""
    width, height = shown_size(
        *size_of(*shown_size(frame.width, frame.height, orientation)), orientation)
    image = frame.to_ndarray(format='bgr24', width=width, height=height)
    return np.ascontiguousarray(upright(image, orientation), np.uint8)


class DecodedPicture:
    """Makes the image of a frame when it is called, by whoever needs it."""

    def __init__(self, frame: Any, size_of: Callable[[int, int], tuple[int, int]]) -> None:
        self._frame, self._size_of = frame, size_of

    @property
    def size(self) -> tuple[int, int]:
        """Return the (width, height) that it comes with."""
        return shown_size(self._frame.width, self._frame.height, frame_orientation(self._frame))

    def __call__(self) -> Image:
        return to_image(self._frame, self._size_of, frame_orientation(self._frame))
