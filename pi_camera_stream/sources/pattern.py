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

"""A moving test picture that needs no camera and can be checked by eye and by program."""

import time

import cv2
import numpy as np

from .base import Source, SourceSettings
from ..core import block_code
from ..core.frame import Capture, Image
from ..core.pacing import Pacer

DEFAULT_SIZE = (1280, 720)
DEFAULT_FPS = 30.0

_BARS_BGR = ((192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0),
             (192, 0, 192), (0, 0, 192), (192, 0, 0), (32, 32, 32))
_WHITE, _DARK, _ORANGE = (255, 255, 255), (24, 24, 24), (0, 140, 255)


class PatternSource(Source):
    """Colour bars, a ball, frame number and time, which blocks say, too (`core.block_code`)."""

    def __init__(self, settings: SourceSettings, label: str = 'TEST PATTERN') -> None:
        super().__init__(settings)
        self._width, self._height = settings.size_of(*DEFAULT_SIZE)
        self._label = label
        self._number = 0
        self._pacer = Pacer()
        self._background = self._draw_background()

    @property
    def title(self) -> str:
        return f'{self._label.lower()} {self._width}x{self._height}'

    @property
    def nominal_fps(self) -> float:
        return self.fps or DEFAULT_FPS

    def start(self) -> None:
        self._pacer = Pacer()

    def read(self, timeout_s: float) -> Capture | None:
        if not self._pacer.wait(1.0 / self.nominal_fps, timeout_s):
            return None
        monotonic_ns, time_ns = time.monotonic_ns(), time.time_ns()
        self._number += 1
        return Capture(self._draw(self._number, time_ns), monotonic_ns)

    def _draw_background(self) -> Image:
        width, height = self._width, self._height
        image: Image = np.empty((height, width, 3), np.uint8)
        edges = np.linspace(0, width, len(_BARS_BGR) + 1).round().astype(int)
        for left, right, colour in zip(edges, edges[1:], _BARS_BGR, strict=False):
            image[:, left:right] = colour
        image[height * 34 // 100:height * 60 // 100] = _DARK
        self._text(image, self._label, 0.47, 0.11, _ORANGE)
        return image

    def _draw(self, number: int, time_ns: int) -> Image:
        image: Image = self._background.copy()
        width, height = self._width, self._height
        radius = max(height // 14, 2)
        phase = (number % 120) / 60  # there and back in 120 pictures
        along = phase if phase <= 1 else 2 - phase
        centre = (int(radius + along * (width - 2 * radius)), height * 17 // 100)
        cv2.circle(image, centre, radius, _WHITE, -1)
        seconds, rest_ns = divmod(time_ns, 10**9)
        clock = time.strftime('%H:%M:%S', time.localtime(seconds)) + f'.{rest_ns // 10**6:03d}'
        self._text(image, f'{clock}  #{number}', 0.57, 0.06, _WHITE)
        block_code.draw(image, block_code.BlockCode(number, time_ns // 1000))
        return image

    def _text(self, image: Image, text: str, baseline: float, size: float,
              colour: tuple[int, int, int]) -> None:
        """Write centred text; `baseline` and `size` are fractions of the picture's height."""
        font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(self._height * size / 22))
        scale = self._height * size / cv2.getTextSize('0', font, 1.0, 1)[0][1]
        width = cv2.getTextSize(text, font, scale, thickness)[0][0]
        if width > self._width * 0.96:
            scale *= self._width * 0.96 / width
            width = int(self._width * 0.96)
        origin = ((self._width - width) // 2, int(self._height * baseline))
        cv2.putText(image, text, origin, font, scale, colour, thickness, cv2.LINE_AA)
