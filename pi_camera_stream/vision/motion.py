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

"""Moving objects before a still background."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from .drawing import draw_detections
from .geometry import enlarge, shrink
from .opencv import cv2
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.frame import Image, image_size
from ..core.parameters import Parameter, Value

_WORK_WIDTH = 480  # pixels; finding moving things needs no more, and costs a fraction
_WARM_UP_FRAMES = 10  # until then the background is still being learned
_FOREGROUND = 200  # MOG2 marks foreground with 255 and shadow with 127
_ORANGE = (0, 200, 255)


class MotionProcessor(Processor):
    """Find what moves, with OpenCV's MOG2 background model, and box it."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter('min_area', 0.002, 'Smallest moving object that counts, as a fraction of the '
                                     "frame's area", '', 0, 1, live=True),
    )
    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    def __init__(self) -> None:
        self._size: tuple[int, int] | None = None

    def configure(self, values: Mapping[str, Value]) -> None:
        """Use this smallest area; the background that was learned stays."""
        self._min_area = float(values['min_area'])

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        size = image_size(image)
        if size != self._size:
            self._size, self._seen = size, 0
            self._open_kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
            self._close_kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
            self._model = cv2.createBackgroundSubtractorMOG2(
                history=200, varThreshold=24, detectShadows=True)
        self._seen += 1
        small, scale = shrink(image, _WORK_WIDTH)
        mask = self._model.apply(small)
        if self._seen <= _WARM_UP_FRAMES:
            return Findings()
        moving: Image = (mask > _FOREGROUND).astype(np.uint8)
        opened = cv2.morphologyEx(moving, cv2.MORPH_OPEN, self._open_kernel)
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, self._close_kernel)
        contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        smallest = self._min_area * moving.size
        boxes = [cv2.boundingRect(c) for c in contours if cv2.contourArea(c) >= smallest]
        return Findings([Detection('moving', *enlarge(box, scale)) for box in boxes])

    def annotate(self, image: Image, findings: Findings) -> Image:
        draw_detections(image, findings.detections, _ORANGE)
        return image
