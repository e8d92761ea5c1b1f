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

"""The camera's decoded pictures, which are large, beside its JPEGs, which must not wait."""

from dataclasses import dataclass
import time
from typing import Any

import numpy as np
from rclpy.node import Node

from .newest_thread import NewestThread
from .raw_topic import RawTopic
from ...codecs.jpeg import JpegHeader
from ...codecs.jpeg_codec import decode_jpeg, REDUCTIONS
from ...core.frame import EncodedImage, Image, image_size
from ...core.statistics import RateMeter

_REPEAT_S = 10.0  # how often the same problem is logged
_LONG_S = 0.05  # a picture that waits for the network longer than this holds JPEGs up,
_SHARE = 0.1  # which may be so for this part of the time
_LONGEST_REST_S = 5.0


@dataclass(frozen=True)
class RawImage:
    """A picture that is to be published decoded."""

    content: EncodedImage | Image  # a JPEG or an image
    size: JpegHeader  # what its JPEG says, or would
    header: Any  # the std_msgs/Header of its messages
    full: bool  # which sizes are wanted
    small: bool
    considerate: bool  # whether JPEGs are wanted, too, which come first


class RawPublisher:
    """
    Decode and publish the newest picture, in a thread of its own that the first one starts.

    The CameraInfo of a picture is published before the picture is put here, so whoever wants both
    has that first. `put` belongs to one thread; `close` and `join` may be used by another one.
    """

    def __init__(self, node: Node, lores_width: int, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        # Pixels; the small pictures have the shape of the large ones.
        self.lores_width = lores_width
        self.published = RateMeter()
        self.corrupt = 0  # could not be decoded
        self._node = node
        self._full = RawTopic(node, 'image_raw')
        self._small = RawTopic(node, 'lores/image_raw')
        self._thread: NewestThread[RawImage] = NewestThread(
            node, 'raw', self._publish, self._forget, 'a raw image that cannot be published')

    @property
    def dropped(self) -> int:
        return self._thread.dropped

    @property
    def failed(self) -> int:
        """Return how many could not be published."""
        return self._thread.failed

    @property
    def failure(self) -> str:
        """Return why the last one could not be published; empty when all was well since."""
        return self._thread.failure

    @property
    def publishers(self) -> tuple[Any, Any]:
        return self._full.publisher, self._small.publisher

    def subscribers(self) -> tuple[int, int]:
        return self._full.subscribers(), self._small.subscribers()

    def lores_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the small image that belongs to one of this size."""
        small = min(self.lores_width, width)
        return small, max(1, round(height * small / width))

    def put(self, picture: RawImage) -> None:
        self._thread.put(picture)

    def close(self) -> None:
        """Publish nothing more, but for the picture that is at work."""
        self._thread.close()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _forget(self) -> None:
        self._full.forget()
        self._small.forget()

    def _publish(self, picture: RawImage) -> None:
        """Decode a picture, once for both sizes, and publish it."""
        size = picture.size
        width, height = self.lores_size(size.width, size.height)
        image = _decoded(picture, size.width if picture.full else width, self._max_pixels)
        if image is None:
            self.corrupt += 1
            self._node.get_logger().warning('left out a raw image that cannot be decoded',
                                            throttle_duration_sec=_REPEAT_S)
            return
        small = _shrunk(image, (width, height)) if picture.small else None
        began_s, began_cpu_s = time.monotonic(), time.thread_time()
        if small is not None:
            self._small.publish(small, picture.header)
        if picture.full:
            self._full.publish(image, picture.header)
        self.published.add()
        if picture.considerate:
            took_s = time.monotonic() - began_s
            self._rest(took_s - (time.thread_time() - began_cpu_s))

    def _rest(self, waited_s: float) -> None:
        """
        Leave the network to the JPEGs, after a picture that had to wait for it.

        Fast DDS sends a datagram at a time, whatever topic it is of, and a JPEG's must find a gap.
        """
        if waited_s > _LONG_S:
            self._thread.closed.wait(min(waited_s / _SHARE - waited_s, _LONGEST_REST_S))


def _decoded(picture: RawImage, width: int, max_pixels: int) -> Image | None:
    content = picture.content
    if not isinstance(content, EncodedImage):
        return content
    reduction = next((by for by in REDUCTIONS if picture.size.width >= by * width), 1)
    return decode_jpeg(content.data, reduction, picture.size.components == 1, max_pixels)


def _shrunk(image: Image, size: tuple[int, int]) -> Image:
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    if image_size(image) == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
