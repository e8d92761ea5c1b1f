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

"""
What every encoder of a stream of images can do, whatever its codec.

That of the camera's JPEGs, `RateControlledEncoder`, can do more: fit JPEGs that come as such.
"""

from typing import Protocol

from ..core.frame import Frame, Image


class Encoder(Protocol):
    """Images in, frames of one codec out; one thread calls it."""

    codec: str  # of all its frames; see `core.frame`
    bitrate_bps: float  # of all frames together, from the next image on; infinite for any

    def encode(self, image: Image, stamp_ns: int, sequence: int = 0) -> Frame | None:
        """
        Return the frame of an image; None where it is left out, to keep to the bit rate.

        Raises ValueError with one sentence when it cannot be encoded.
        """

    def request_key_frame(self) -> None:
        """Let the next frame be one that can be decoded without others."""
