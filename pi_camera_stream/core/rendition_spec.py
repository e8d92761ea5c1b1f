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

"""What a smaller rendition of a picture shall be like."""

from dataclasses import dataclass

QUALITIES = 1, 100  # what may be asked for, by parameters and by addresses
_LEAST = 2  # pixels, each way


@dataclass(frozen=True)
class RenditionSpec:
    """
    Size and quality of one rendition; equal specs share one encoding.

    The numbers are not bounded here: whoever takes them from a viewer bounds them.
    """

    # Of the source's width and height, 0 to 1; used where `width` and `height` are 0.
    scale: float = 1.0
    width: int = 0  # pixels, at the most; 0 follows from the height and the source's shape
    height: int = 0  # likewise
    quality: int = 80  # of the JPEG, 1 to 100
    upside_down: bool = False  # turned by 180 degrees

    def size(self, width: int, height: int) -> tuple[int, int]:
        """
        Return (width, height) in pixels for a source of this size: at least 2x2, never enlarged.

        `scale` gives even numbers where it shrinks, since most encoders halve the colour's
        resolution.
        """
        fit_width, fit_height = min(self.width, width), min(self.height, height)
        if fit_width and fit_height:
            wanted = fit_width, fit_height
        elif fit_width:
            wanted = fit_width, round(height * fit_width / width)
        elif fit_height:
            wanted = round(width * fit_height / height), fit_height
        elif self.scale >= 1:
            wanted = width, height
        else:
            wanted = 2 * round(width * self.scale / 2), 2 * round(height * self.scale / 2)
        return max(_LEAST, wanted[0]), max(_LEAST, wanted[1])
