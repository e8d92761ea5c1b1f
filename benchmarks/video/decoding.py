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

"""What comes over a WebSocket, decoded, and read from where a page has kept it."""

from collections.abc import Iterator
from pathlib import Path
import struct
from typing import Any

import av
import cv2
import numpy as np
from pi_camera_stream.core.frame import Image


class Decoder:
    """Decode the pictures of one viewer, in order; each comes out at once."""

    def __init__(self) -> None:
        self._context: Any = None

    def decode(self, h264: bool, data: bytes) -> Any:
        """Return an av.VideoFrame or a JPEG's image; None for what cannot be decoded."""
        if not h264:
            self._context = None  # what follows begins anew
            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if self._context is None:
            self._context = av.CodecContext.create('h264', 'r')
            self._context.thread_count = 1
            self._context.flags |= 1 << 19  # AV_CODEC_FLAG_LOW_DELAY
        try:
            frames = self._context.decode(av.Packet(data))
        except av.error.FFmpegError:
            return None
        return frames[-1] if frames else None


def luma(picture: Any) -> Image:
    """Return the brightness alone, 16 to 235, of what a Decoder returns."""
    if isinstance(picture, np.ndarray):
        height = picture.shape[0] & ~1
        yuv = cv2.cvtColor(picture[:height, :picture.shape[1] & ~1], cv2.COLOR_BGR2YUV_I420)
        return np.asarray(yuv[:height], np.uint8)
    return np.asarray(picture.to_ndarray(format='yuv420p')[:picture.height], np.uint8)


def kept(path: Path) -> Iterator[bytes]:
    """Yield the messages that a page has kept, with their heads."""
    with path.open('rb') as file:
        while len(size := file.read(4)) == 4:
            yield file.read(struct.unpack('>I', size)[0])
