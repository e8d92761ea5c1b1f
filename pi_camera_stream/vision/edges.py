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


"""Outlines, by Canny's method."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from .opencv import cv2
from .processor import Findings, FrameInfo, Processor
from ..core.frame import Image
from ..core.parameters import Parameter, Value

_GREEN = (0, 255, 0)


class EdgesProcessor(Processor):
    """Find edges; the value `edge_share` says which part of the picture they are (0 to 1)."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter('low', 80.0, 'Change of brightness above which an edge is followed',
                  '', 0, 1000, live=True),
        Parameter('high', 160.0, 'Change of brightness above which an edge begins', '', 0, 1000,
                  live=True),
    )
    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    def configure(self, values: Mapping[str, Value]) -> None:
        self._low, self._high = float(values['low']), float(values['high'])

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        edges = cv2.Canny(cv2.GaussianBlur(grey, (5, 5), 0), self._low, self._high)
        share = float(np.count_nonzero(edges)) / edges.size
        return Findings(values={'edge_share': round(share, 5)}, workings=edges)

    def annotate(self, image: Image, findings: Findings) -> Image:
        shown: Image = image // 2
        shown[findings.workings > 0] = _GREEN
        return shown
