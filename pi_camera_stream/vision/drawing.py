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


"""Drawing into pictures for people."""

from collections.abc import Sequence

import numpy as np

from .opencv import cv2
from .processor import Detection
from ..core.frame import Image

Colour = tuple[int, int, int]
_LINE, _FONT, _TEXT_SCALE, _GAP = 2, 0, 0.6, 6  # the font is cv2.FONT_HERSHEY_SIMPLEX


def draw_detections(image: Image, detections: Sequence[Detection], colour: Colour) -> None:
    for detection in detections:
        if len(detection.corners):
            draw_outline(image, detection.corners, colour)
        else:
            cv2.rectangle(image, (detection.x, detection.y),
                          (detection.x + detection.width, detection.y + detection.height),
                          colour, _LINE)
        text = ' '.join(part for part in (detection.label, detection.id) if part)
        below = detection.y < 3 * _GAP  # no room for it above
        draw_text(image, text, (detection.x, detection.y + detection.height + 3 * _GAP if below
                                else detection.y - _GAP), colour)


def draw_outline(image: Image, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
    cv2.polylines(image, [np.round(np.array(corners)).astype(np.int32)], True, colour, _LINE,
                  cv2.LINE_AA)


def draw_text(image: Image, text: str, place: tuple[int, int], colour: Colour) -> None:
    """Write a text, with a dark edge so that it can be read on anything."""
    shown = text.encode('ascii', 'replace').decode()  # OpenCV's fonts have no more
    cv2.putText(image, shown, place, _FONT, _TEXT_SCALE, (0, 0, 0), 3 * _LINE, cv2.LINE_AA)
    cv2.putText(image, shown, place, _FONT, _TEXT_SCALE, colour, _LINE, cv2.LINE_AA)
