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


"""Things of one colour."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .drawing import draw_detections, draw_outline
from .geometry import enlarge, shrink
from .opencv import cv2
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.errors import PermanentError
from ..core.frame import Image
from ..core.parameters import Parameter, Value

_WORK_WIDTH = 480  # pixels
_MOST = 50  # blobs; more of them tell nobody anything
_LARGEST = {'hue': 179, 'saturation': 255, 'value': 255}  # as OpenCV has them in 8 bits
_PINK = (255, 0, 255)


def _bound(name: str, default: int, description: str) -> Parameter:
    return Parameter(name, default, description, '', 0, _LARGEST[name.partition('_')[0]],
                     live=True)


class ColorProcessor(Processor):
    """
    Find blobs of pixels in a range of hue, saturation and value, the biggest first.

    The value `color_share` says which part of the picture they are (0 to 1).
    """

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        _bound('hue_min', 170, "Lower end of the range of hues, in OpenCV's half degrees: red 0, "
                               'yellow 30, green 60, blue 120; above `hue_max`, the range wraps '
                               'around through red, as from 170 to 10'),
        _bound('hue_max', 10, 'Upper end of the range of hues'),
        _bound('saturation_min', 100, 'Minimum saturation; gray has 0'),
        _bound('saturation_max', 255, 'Maximum saturation'),
        _bound('value_min', 60, 'Minimum brightness; black has 0'),
        _bound('value_max', 255, 'Maximum brightness'),
        Parameter('min_area', 0.001, "Smallest blob that counts, as a fraction of the frame's "
                                     'area',
                  '', 0, 1, live=True),
    )
    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    @classmethod
    def check(cls, values: Mapping[str, Value]) -> None:
        """Refuse ranges that are upside down; one of hues may be, since they go in a circle."""
        for name in ('saturation', 'value'):
            low, high = values[f'{name}_min'], values[f'{name}_max']
            if float(low) > float(high):
                raise PermanentError(
                    f"parameter 'color.{name}_min' is {low} and 'color.{name}_max' {high}, so no "
                    'color lies between them: swap them')

    def configure(self, values: Mapping[str, Value]) -> None:
        self._min_area = float(values['min_area'])
        self._kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        low = [int(values[f'{name}_min']) for name in _LARGEST]
        high = [int(values[f'{name}_max']) for name in _LARGEST]
        self._ranges: list[tuple[Any, Any]]
        if low[0] <= high[0]:
            self._ranges = [(np.array(low), np.array(high))]
        else:
            self._ranges = [(np.array(low), np.array([_LARGEST['hue'], *high[1:]])),
                            (np.array([0, *low[1:]]), np.array(high))]

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        small, scale = shrink(image, _WORK_WIDTH)
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        mask = cv2.inRange(hsv, *self._ranges[0])
        for more in self._ranges[1:]:
            mask = cv2.bitwise_or(mask, cv2.inRange(hsv, *more))
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._kernel)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        smallest = self._min_area * mask.size
        blobs = sorted(((cv2.contourArea(contour), contour) for contour in contours),
                       key=lambda blob: -blob[0])
        blobs = [blob for blob in blobs if blob[0] >= smallest][:_MOST]
        boxes = [cv2.boundingRect(contour) for _, contour in blobs]
        return Findings(
            [Detection('color', *enlarge(box, scale)) for box in boxes],
            {'color_share': round(float(np.count_nonzero(mask)) / mask.size, 5)},
            [contour[:, 0] / scale for _, contour in blobs])

    def annotate(self, image: Image, findings: Findings) -> Image:
        for outline in findings.workings:
            draw_outline(image, outline, _PINK)
        draw_detections(image, findings.detections, _PINK)
        return image
