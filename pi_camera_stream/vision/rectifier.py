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

"""Pictures without the distortion of their lens."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ..core.frame import Image, image_size


class Rectifier:
    """
    Undistort pictures by a calibration; its maps are made once for each size.

    One thread may calibrate while another one rectifies. Pictures come back as they are while
    there is no calibration.
    """

    def __init__(self) -> None:
        self._calibration: tuple[Any, ...] | None = None
        self._maps: tuple[tuple[Any, ...], tuple[int, int], Any, Any] | None = None

    def calibrate(self, size: tuple[int, int], model: str, k: Sequence[float],
                  d: Sequence[float], r: Sequence[float], p: Sequence[float]) -> None:
        """
        Use this calibration from now on.

        Parameters
        ----------
        size
            Width and height that it is for; pictures of another size are taken to show the same.
        model, k, d, r, p
            As in sensor_msgs/CameraInfo; a `k` of zeros stands for no calibration.

        """
        calibration = (size, model, tuple(k), tuple(d), tuple(r), tuple(p))
        if calibration != self._calibration:
            self._calibration = calibration if k[0] else None

    def rectify(self, image: Image) -> Image:
        """Return the picture undistorted, in the same size."""
        calibration, size = self._calibration, image_size(image)
        if calibration is None:
            return image
        maps = self._maps
        if maps is None or maps[0] is not calibration or maps[1] != size:
            self._maps = maps = (calibration, size, *_make_maps(calibration, size))
        return np.asarray(cv2.remap(image, maps[2], maps[3], cv2.INTER_LINEAR), np.uint8)


def _make_maps(calibration: tuple[Any, ...], size: tuple[int, int]) -> tuple[Any, Any]:
    """Return the maps for cv2.remap, with which a pixel's centre has whole numbers."""
    calibrated, model, k, d, r, p = calibration
    scale_x, scale_y = size[0] / calibrated[0], size[1] / calibrated[1]
    scale = np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2], [0, 0, 1]])
    matrix = scale @ np.reshape(k, (3, 3))
    new_matrix = scale @ np.reshape(p, (3, 4))[:, :3]
    make = cv2.fisheye.initUndistortRectifyMap if model == 'equidistant' else \
        cv2.initUndistortRectifyMap
    maps: Any = make(matrix, np.asarray(d, float), np.reshape(r, (3, 3)), new_matrix, size,
                     cv2.CV_16SC2)
    return maps[0], maps[1]
