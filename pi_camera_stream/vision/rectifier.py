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

from typing import Any

import numpy as np

from .opencv import cv2
from ..core.calibration import Calibration
from ..core.frame import Image


class Rectifier:
    """Undistort pictures; its maps are made once for each calibration."""

    def __init__(self) -> None:
        self._maps: tuple[Calibration, Any, Any] | None = None

    def rectify(self, image: Image, calibration: Calibration) -> Image:
        """Return the picture undistorted by a calibration for its size, in the same size."""
        maps = self._maps
        if maps is None or maps[0] is not calibration:
            self._maps = maps = (calibration, *_make_maps(calibration))
        return np.asarray(cv2.remap(image, maps[1], maps[2], cv2.INTER_LINEAR), np.uint8)


def _make_maps(calibration: Calibration) -> tuple[Any, Any]:
    make: Any = cv2.fisheye.initUndistortRectifyMap \
        if calibration.distortion_model == 'equidistant' else cv2.initUndistortRectifyMap
    k, r = np.reshape(calibration.k, (3, 3)), np.reshape(calibration.r, (3, 3))
    projection = np.reshape(calibration.p, (3, 4))[:, :3]
    size = calibration.width, calibration.height
    first, second = make(k, np.array(calibration.d), r, projection, size, cv2.CV_16SC2)
    return first, second
