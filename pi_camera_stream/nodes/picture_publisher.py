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

"""What the camera node publishes of each picture: compressed, raw, small, and its CameraInfo."""

import array
from collections.abc import Callable
import math
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from .adaptation import Adaptation
from .image_topic import create_image_publisher, jpeg_message
from .trace import TracePublisher
from ..core.errors import PictureRefusedError
from ..core.frame import Capture, Image, image_size
from ..core.jpeg import JpegHeader
from ..core.picture_limits import check_jpeg
from ..core.statistics import RateMeter, Recent
from ..encoders.fitting_encoder import Encoded, FittingEncoder
from ..encoders.jpeg_decoder import decode, REDUCTIONS
from ..encoders.jpeg_encoder import JpegEncoder

_LONGEST_S = 1.0  # that a picture counts for, between two of them

Info = Callable[[int, int], CameraInfo]
"""Returns the CameraInfo, but for its header, of a picture of that width and height."""


class PicturePublisher:
    """
    Publish pictures, each kind only while somebody subscribes to it.

    `publish` belongs to one thread; the rest may be used by any.

    Attributes
    ----------
    frame_id
        TF frame of the pictures.
    lores_width
        Width of the small pictures in pixels; theirs is the shape of the large ones.
    encoder
        Encodes what is not JPEG yet, and what is larger than it may be.
    adaptation
        Says how large that is.
    published
        Rate and bytes of the compressed pictures.
    ages_ms
        Their ages when they were published.
    corrupt
        How many pictures were no whole JPEG, larger than they may be, or could not be decoded.
    corrupt_reason
        Why the last of them was left out; empty while there was none.
    newest
        The last capture and its stamp in ns; None before the first one.

    """

    def __init__(self, node: Node, frame_id: str, lores_width: int, quality: int,
                 info: Info, trace: TracePublisher, limit: Callable[[float], bool],
                 max_pixels: int) -> None:
        self.frame_id = frame_id
        self.lores_width = lores_width
        self.encoder = FittingEncoder(quality, max_pixels)
        self.published = RateMeter()
        self.ages_ms = Recent()
        self.corrupt, self.corrupt_reason = 0, ''
        self._max_pixels = max_pixels
        self.newest: tuple[Capture, int] | None = None
        self._node = node
        self._info = info
        self._trace = trace
        self._limit = limit
        self._intervals_s = Recent(16)
        self._images = create_image_publisher(node, CompressedImage, 'image_raw/compressed')
        self._raws = create_image_publisher(node, ImageMessage, 'image_raw')
        self._lores = create_image_publisher(node, ImageMessage, 'lores/image_raw')
        self._infos = create_image_publisher(node, CameraInfo, 'camera_info')
        self.adaptation = Adaptation(node, self.topic)

    @property
    def topic(self) -> str:
        """Return the full name of the main topic."""
        return str(self._images.topic_name)

    def subscribers(self) -> int:
        """Return how many subscribe to pictures of any kind."""
        return sum(publisher.get_subscription_count()
                   for publisher in (self._images, self._raws, self._lores))

    def wanted(self) -> bool:
        """Return whether anybody subscribes to anything."""
        return self.subscribers() > 0 or self._infos.get_subscription_count() > 0

    def publish(self, capture: Capture, stamp_ns: int) -> None:
        """Publish what is wanted of a picture."""
        if self.newest is not None:
            self._intervals_s.add((stamp_ns - self.newest[1]) / 1e9)
        self.newest = capture, stamp_ns
        images, raws, lores, infos = (publisher.get_subscription_count() > 0 for publisher in (
            self._images, self._raws, self._lores, self._infos))
        if not images:
            self._limit(math.inf)  # the link does not matter to the others
        if not (images or raws or lores or infos):
            return
        picture = capture.picture
        try:
            header = check_jpeg(picture, self._max_pixels) if isinstance(picture, bytes) else \
                JpegHeader(*image_size(picture), 1 if picture.ndim == 2 else 3)
        except PictureRefusedError as error:
            self._leave_out(str(error))
            return
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        width, height = header.width, header.height
        if images:
            encoded = self._publish_jpeg(picture, header, stamp, stamp_ns)
            if encoded is not None:
                width, height = encoded.width, encoded.height
        if raws or lores:
            self._publish_raw(picture, header, stamp, raws, lores)
        info = self._info(width, height)
        info.header.stamp = stamp
        info.header.frame_id = self.frame_id
        self._infos.publish(info)

    def as_jpeg(self, capture: Capture) -> bytes:
        """Return a picture as a JPEG, as good as it can be."""
        picture = capture.picture
        return picture if isinstance(picture, bytes) else \
            JpegEncoder(self.encoder.quality).encode(picture)

    def _publish_jpeg(self, picture: bytes | Image, header: JpegHeader, stamp: Any,
                      stamp_ns: int) -> Encoded | None:
        """Publish a picture in the size that its receivers can take; None when in none."""
        interval_s = self._intervals_s.median()
        interval_s = min(interval_s, _LONGEST_S) if interval_s > 0 else _LONGEST_S
        budget_bps = self.adaptation.budget_bps()
        kept = self._limit(budget_bps)
        try:
            encoded = self.encoder.encode(picture, header.width, header.height, budget_bps,
                                          interval_s, kept)
        except ValueError as error:
            self._leave_out(f'it cannot be encoded: {error}')
            return None
        if encoded is None:
            return None
        encoded_ns = self._trace.now_ns()
        message = jpeg_message(encoded.jpeg, header, stamp, self.frame_id)
        published_ns = self._trace.now_ns()  # before it: a receiver may be faster than the return
        self._images.publish(message)
        size_bytes = len(encoded.jpeg)
        self.published.add(size_bytes)
        self.ages_ms.add((self._trace.now_ns() - stamp_ns) / 1e6)
        self.adaptation.sent(stamp_ns, published_ns, size_bytes)
        self._trace.publish(self.topic, stamp_ns, encoded=encoded_ns, published=published_ns)
        return encoded

    def _publish_raw(self, picture: bytes | Image, header: JpegHeader, stamp: Any, raws: bool,
                     lores: bool) -> None:
        """Publish a picture decoded, once for both sizes."""
        small = min(self.lores_width, header.width)
        image = _decoded(picture, header, header.width if raws else small, self._max_pixels)
        if image is None:
            self._leave_out('it cannot be decoded')
            return
        if raws:
            self._raws.publish(_image_message(image, stamp, self.frame_id))
        if lores:
            self._lores.publish(_image_message(_shrunk(image, small), stamp, self.frame_id))

    def _leave_out(self, why: str) -> None:
        self.corrupt, self.corrupt_reason = self.corrupt + 1, why
        self._node.get_logger().warning(f'left out a picture: {why}', throttle_duration_sec=10.0)


def _decoded(picture: bytes | Image, header: JpegHeader, width: int, max_pixels: int
             ) -> Image | None:
    """Return a picture at least that wide; None when it cannot be decoded."""
    if not isinstance(picture, bytes):
        return picture
    reduction = next((by for by in REDUCTIONS if header.width >= by * width), 1)
    return decode(picture, reduction, header.components == 1, max_pixels)


def _shrunk(image: Image, width: int) -> Image:
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    if image.shape[1] == width:
        return image
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _image_message(image: Image, stamp: Any, frame_id: str) -> ImageMessage:
    width, height = image_size(image)
    message = ImageMessage(height=height, width=width, is_bigendian=0,
                           encoding='mono8' if image.ndim == 2 else 'bgr8',
                           step=image.nbytes // height)
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    # Anything but array.array is checked byte by byte on some versions of rclpy.
    message.data = array.array('B', np.ascontiguousarray(image).data.cast('B'))
    return message
