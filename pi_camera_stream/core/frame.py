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

"""What travels: what a source captured, and what viewers and programs receive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""Decoded pixels: H x W x 3 (BGR, as OpenCV has it) or H x W (grey), uint8."""

JPEG, H264 = 'jpeg', 'h264'
"""The codecs, by the names that `CompressedImage.format` and foxglove_msgs have for them."""


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """
    One image as a codec has packed it.

    Attributes
    ----------
    data
        The bytes; one string, shared by all who read it.
    codec
        JPEG, H264 or another name of a codec.
    key
        Whether it can be decoded without others before it.

    """

    data: bytes
    codec: str = field(default=JPEG, kw_only=True)
    key: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Capture:
    """
    One image as its source delivered it.

    Attributes
    ----------
    content
        What is passed on as it is, or an image that still has to be encoded.
    monotonic_ns
        When the light was taken, or the nearest moment that the source knows of,
        in ns of CLOCK_MONOTONIC.
    metadata
        How the camera took it, by libcamera's names; None when it does not tell, or was not asked.

    """

    content: EncodedImage | Image
    monotonic_ns: int
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Frame(EncodedImage):
    """
    One encoded image with its capture time, as viewers and programs receive it.

    Attributes
    ----------
    stamp_ns
        Capture time in ns of ROS time (`header.stamp`).
    sequence
        Counts the frames that arrived here, from 1.
    width, height
        Size in pixels.

    """

    stamp_ns: int
    sequence: int
    width: int
    height: int

    def age_s(self, now_ns: int) -> float:
        """Return the seconds since capture; `now_ns` is read from the clock of `stamp_ns`."""
        return (now_ns - self.stamp_ns) / 1e9


@dataclass(frozen=True, eq=False)
class VideoUnit:
    """
    One access unit of H.264 that comes from its source as such, complete.

    Attributes
    ----------
    data
        The bytes, as a byte stream (Annex B); in front of a key frame, its parameter sets.
    key
        Whether it can be decoded without others before it.
    monotonic_ns
        As that of the `Capture` of the same picture.
    width, height
        Size in pixels.

    """

    data: bytes
    key: bool
    monotonic_ns: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class StampedImage:
    """
    One image that still has to be encoded, as `Frame` otherwise.

    Attributes
    ----------
    read
        Returns the image, or raises ValueError with a sentence that says why it cannot be shown.
        It may take some ms, and is called by whichever thread encodes.

    """

    read: Callable[[], Image]
    stamp_ns: int
    sequence: int
    width: int
    height: int


def image_size(image: NDArray[Any]) -> tuple[int, int]:
    """Return (width, height) of an H x W or H x W x C array."""
    return int(image.shape[1]), int(image.shape[0])
