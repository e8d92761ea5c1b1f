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

import cv2

from .drawing import draw_detections
from .geometry import box_around
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.frame import Image

_BLUE = (255, 160, 0)


class QrProcessor(Processor):
    """Read QR codes; the label is the text. What cannot be read is not reported."""

    def __init__(self) -> None:
        self._detector = cv2.QRCodeDetector()

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        """Return the codes with their texts."""
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
        """Draw the outlines and the texts."""
        draw_detections(image, findings.detections, _BLUE)
        return image
