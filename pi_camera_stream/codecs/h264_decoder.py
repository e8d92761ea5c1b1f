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

"""Access units of H.264 to images, each at once."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .limits import check_size, libav_options, MAX_PIXELS
from ..core.errors import FrameRefusedError
from ..core.frame import Image


def why_missing() -> str:
    """Return why there is no decoder here, and what helps; empty where there is one."""
    try:
        import av  # noqa: F401
    except ImportError:
        return 'H.264 is decoded by PyAV, which is not installed: sudo apt install python3-av'
    except Exception as error:  # as where it was built for another NumPy
        return ('H.264 is decoded by PyAV, and the one that is installed cannot be loaded '
                f'({type(error).__name__}: {error}): sudo apt install --reinstall python3-av')
    return ''


class H264Decoder:
    """
    Decode what a `StreamReader` lets pass, in its order, from a key frame on; one thread does.

    After a refusal, the next access unit is to be a key frame: what is between them builds on what
    is not there.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        import av
        self._max_pixels = max_pixels
        context: Any = av.CodecContext.create('h264', 'r')
        context.options = {'flags': '+low_delay', **libav_options(max_pixels)}
        context.thread_type = 'SLICE'  # threads for each frame would hold back one picture each
        self._context, self._packet = context, av.Packet

    def decode(self, data: bytes) -> Callable[[], Image] | None:
        """
        Return what makes the image, H x W x 3, of an access unit; None where none comes of it.

        Raises FrameRefusedError where it is damaged, and its picture therefore another one.
        """
        import av
        try:
            pictures = self._context.decode(self._packet(data))
        except av.error.FFmpegError as error:
            raise FrameRefusedError('it is cut off or damaged, so that it cannot be '
                                    f'decoded: {error.strerror}') from error
        if not pictures:
            return None
        picture = pictures[-1]  # of two fields, or where the sender has put two pictures
        check_size(picture.width, picture.height, self._max_pixels)
        if any(one.is_corrupt for one in pictures):
            raise FrameRefusedError('it is cut off or damaged, so that a part of it is missing')
        return lambda: np.ascontiguousarray(picture.to_ndarray(format='bgr24'), np.uint8)
