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


"""QR codes."""

from collections.abc import Mapping
from functools import cache
from typing import ClassVar

import numpy as np

from .drawing import draw_detections
from .geometry import box_around
from .opencv import cv2
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.errors import PermanentError
from ..core.frame import Image
from ..core.parameters import Value

_BLUE = (255, 160, 0)
# A code with the text 'OK', 21 x 21 modules from the left upper one, 1 is black.
_OK = int('1fd97f824a0dd5576ea4bb75c5d82020ff55fc01801e549d0d2926937e'
          '860304e729600e52ff23520879574649bae495d6a720aeb1fd32a', 16)
_SIDE = 21


class QrProcessor(Processor):
    """Read QR codes; the label is the text. What cannot be read is not reported."""

    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    @classmethod
    def check(cls, values: Mapping[str, Value]) -> None:  # noqa: ARG003 - not needed
        """Say what is missing where OpenCV finds codes, but reads none."""
        if not _can_read():
            raise PermanentError(
                f"processor 'qr' needs an OpenCV that reads QR codes, and this {cv2.__version__} "
                'was built without that, as in Debian 12 and Ubuntu 22.04: install '
                "'opencv-contrib-python<4.9' with pip")

    def __init__(self) -> None:
        self._detector = cv2.QRCodeDetector()

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        try:
            found, texts, corners, _ = self._detector.detectAndDecodeMulti(image)
        except cv2.error:  # raised by some versions where something only looks like a code
            return Findings()
        if not found:
            return Findings()
        outlines = [[(float(x), float(y)) for x, y in outline] for outline in corners]
        return Findings([Detection(text, *box_around(outline), corners=outline)
                         for text, outline in zip(texts, outlines, strict=True) if text])

    def annotate(self, image: Image, findings: Findings) -> Image:
        draw_detections(image, findings.detections, _BLUE)
        return image


@cache
def _can_read() -> bool:
    modules = np.array([255 * (bit == '0') for bit in f'{_OK:0{_SIDE**2}b}'], np.uint8)
    code = cv2.copyMakeBorder(modules.reshape(_SIDE, _SIDE), 4, 4, 4, 4, cv2.BORDER_CONSTANT,
                              value=255)
    large = cv2.resize(code, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return bool(cv2.QRCodeDetector().detectAndDecode(large)[0] == 'OK')
