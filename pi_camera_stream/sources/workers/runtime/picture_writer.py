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

"""What whoever receives pictures hands them to."""

from collections.abc import Callable
from typing import Any, Protocol

from .video_writer import VideoWriter
from ....core.frame import EncodedImage, Image

MakeImage = Callable[[], Image]


class PictureWriter(Protocol):
    """Takes what a stream brings; in a worker a `FrameWriter`. One thread puts."""

    about: dict[str, Any]  # what the hello says besides the size; set before the first picture
    video: VideoWriter

    @property
    def max_pixels(self) -> int:
        ...

    @property
    def fps(self) -> float:
        ...

    def decoded_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the (width, height) to decode a picture of this size to, before it is turned."""

    def taken_ns(self, packet: Any, arrival_ns: int) -> int:
        """
        Return when the picture of a packet of PyAV's was taken, in ns of CLOCK_MONOTONIC.

        That is its arrival, unless the time that the sender tells is trusted.
        """

    def put(self, content: EncodedImage | MakeImage, monotonic_ns: int, number: int = 0) -> None:
        """Offer a JPEG, or what returns an image, of any size; number 0 is to be counted here."""

    def tell(self, about: dict[str, Any]) -> None:
        """Tell what the sender says of itself; any thread."""

    def leave_out(self, count: int) -> None:
        """Count pictures that were left out before they came here."""
