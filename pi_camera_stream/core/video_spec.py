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

"""What a rendition of a stream as inter-coded video shall be like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoSpec:
    """
    Size of a rendition, as part of its source's; the bit rate follows from that.

    Attributes
    ----------
    scale
        Of the source's width and height, 0 to 1.
    longest, shortest
        How many pixels its sides may have at the most; 0 for any.

    """

    scale: float = 1.0
    longest: int = 0
    shortest: int = 0

    def size(self, width: int, height: int, scale: float = 1.0) -> tuple[int, int]:
        """Return (width, height) for a source of this size; `scale` makes it smaller still."""
        scale *= min([self.scale, *(most / side for most, side in (
            (self.longest, max(width, height)), (self.shortest, min(width, height))) if most)])
        if scale >= 1:
            return width, height
        return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
