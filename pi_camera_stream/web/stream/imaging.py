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

"""What the web application needs done with pictures; who builds it brings the means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.frame import Image
from ...core.rendition_spec import RenditionSpec

Encoded = tuple[bytes, int, int]
"""A JPEG, its width and its height."""


@dataclass(frozen=True)
class Imaging:
    """
    Two functions that take some ms, and are never called in the event loop.

    Attributes
    ----------
    encode
        Makes renditions of a JPEG or an image of known width and height, one for each spec, in
        their order. ValueError: it cannot be decoded.
    draw_status
        Makes a JPEG of the given width and height that shows lines of text, over a darkened JPEG
        where there is one.

    """

    encode: Callable[[bytes | Image, int, int, Sequence[RenditionSpec]], list[Encoded]]
    draw_status: Callable[[int, int, Sequence[str], bytes | None], bytes]
