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
"""The pictures of a topic, compressed or raw, whoever publishes them how."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Header

from .graph import (
    COMPRESSED_TYPE,
    image_type,
    IMAGE_TYPES,
    publishers,
    RAW_TYPE,
    why_missing,
)
from .image_topic import create_image_subscription, header_of, stamp_ns
from .qos import image_qos
from .report_publisher import ReportPublisher
from .topic_subscription import Choice, TopicSubscription
from ..codecs import still_image
from ..codecs.jpeg import SOI
from ..codecs.limits import check_image, check_rows, check_size, MAX_PIXELS, whole_jpeg
from ..codecs.raw_image import to_viewable
from ..core.errors import FrameRefusedError
from ..core.frame import Frame, Image, StampedImage

_COMPRESSED = '/compressed'
_TYPES = {COMPRESSED_TYPE: CompressedImage, RAW_TYPE: ImageMessage}

_IN_PROCESS = 'handed over in this process'  # in place of a message type

OnFrame = Callable[[Frame | StampedImage, Any], None]
"""Called with the frame and the message (CompressedImage, Image or HandedOver) it came in."""


class HandedOver:
    """In place of the message of a frame that came from a node of this process."""

    def __init__(self, frame: Frame, frame_id: str) -> None:
        self._stamp_ns, self._frame_id = frame.stamp_ns, frame_id

    @property
    def header(self) -> Header:
        return header_of(self._stamp_ns, self._frame_id)


class ImageSubscription(TopicSubscription):
    """
    Receive one topic and hand its pictures on, without decoding any.

    It follows what is published: types, and, where no overrides are wanted, what is offered. Where
    only `image_raw` has a publisher, but `image_raw/compressed` was asked for, it takes that one,
    and the other way round. What a node of this process publishes is handed over without ROS.
    `on_frame` is called in the executor's thread, or in that of who hands over; any may call the
    rest.
    """

    def __init__(self, node: Node, topic: str, on_frame: OnFrame, *, overridable: bool = True,
                 adaptive: bool = True, max_pixels: int = MAX_PIXELS) -> None:
        """
        Make it; nothing is received yet.

        `overridable` gives it `qos_overrides.*` parameters, in place of adapting to publishers;
        `adaptive` lets the camera know what arrives, so that it sends no more.
        """
        super().__init__(node, topic)
        self._reporter = ReportPublisher(node, topic) if adaptive else None
        self._on_frame = on_frame
        self._overridable = overridable
        self._max_pixels = max_pixels
        self._found = '', ''  # topic and type that were published at the last look

    @property
    def topic(self) -> str:
        """Return the full name of the topic that was asked for, remapped."""
        return self._node.resolve_topic_name(self._name)

    def _why_missing(self) -> str:
        return why_missing(self._node, self.source, self._subscription)

    def _choose(self) -> Choice | None:
        """
        Return topic, type and quality of service, which is None for one with overrides.

        None while nothing tells the type: a wrong one would keep others of this process from it.
        """
        asked_for = self.topic
        if self._exchange.has(asked_for):
            return asked_for, _IN_PROCESS, None
        other = asked_for.removesuffix(_COMPRESSED)
        if other == asked_for:
            other = f'{asked_for}{_COMPRESSED}'
        found = next(((topic, kind) for topic in (asked_for, other)
                      if (kind := image_type(self._node, topic))), ('', ''))
        before, self._found = self._found, found
        # The other name counts when it was alone twice: a publisher's topics come one by one.
        if found[1] and (found[0] == asked_for or found == before):
            topic, kind = found
        elif self._made_for is not None:
            topic, kind, _ = self._made_for
        elif asked_for.endswith(_COMPRESSED):
            topic, kind = asked_for, COMPRESSED_TYPE
        else:
            return None
        overridable = self._overridable and topic == asked_for
        return topic, kind, None if overridable else self._matching_qos(topic)

    def _begin(self, wanted: Choice) -> None:
        topic, kind, qos = wanted
        if kind == _IN_PROCESS:
            self._take_over(topic)
            return
        is_compressed = kind == COMPRESSED_TYPE
        if self._reporter is not None and is_compressed:
            self._reporter.start()
        try:
            self._subscription = create_image_subscription(
                self._node, _TYPES[kind], topic,
                self._on_compressed if is_compressed else self._on_raw, qos)
        except Exception as error:
            self._complain(topic, error)

    def _end(self) -> None:
        super()._end()
        if self._reporter is not None:
            self._reporter.stop()

    def _matching_qos(self, topic: str) -> QoSProfile:
        """
        Return what gets most out of the present publishers.

        Best effort receives from everybody. Where all offer reliable, no picture need be lost;
        where all keep their last one for those who come late, it is fetched.
        """
        qos = image_qos()
        offered = [end.qos_profile for end in publishers(self._node, topic)
                   if end.topic_type in IMAGE_TYPES]
        if offered and all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered):
            qos.reliability = ReliabilityPolicy.RELIABLE
            if all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered):
                qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
        return qos

    def _on_compressed(self, message: CompressedImage) -> None:
        data, sequence = message.data.tobytes(), self.reception.received.total + 1
        stamp = stamp_ns(message.header)
        if self._reporter is not None:
            self._reporter.add(stamp, len(data))
        try:
            frame = self._open(data, message.format, stamp, sequence)
        except FrameRefusedError as error:
            self.refuse(str(error))
            return
        self.reception.accept(len(data))
        self._on_frame(frame, message)

    def _on_handed_over(self, frame: Frame, frame_id: str) -> None:
        try:
            check_size(frame.width, frame.height, self._max_pixels)
        except FrameRefusedError as error:
            self.refuse(str(error))
            return
        self.reception.accept(len(frame.data))
        self._on_frame(replace(frame, sequence=self.reception.received.total),
                       HandedOver(frame, frame_id))

    def _open(self, data: bytes, described: str, stamp: int, sequence: int
              ) -> Frame | StampedImage:
        """Return what data hold, by their content; what the message says counts for RVL alone."""
        if data.startswith(SOI):
            jpeg, size = whole_jpeg(data, self._max_pixels)
            return Frame(jpeg, stamp, sequence, size.width, size.height)
        if still_image.is_rvl(data, described):
            return StampedImage(lambda: still_image.decode_rvl(data, self._max_pixels), stamp,
                                sequence, *still_image.rvl_size(data, self._max_pixels))
        header = check_image(data, ('JPEG', *still_image.KINDS), self._max_pixels)
        return StampedImage(lambda: still_image.decode(data, self._max_pixels), stamp, sequence,
                            header.width, header.height)

    def _on_raw(self, message: ImageMessage) -> None:
        def read() -> Image:
            return to_viewable(memoryview(message.data), message.encoding, message.width,
                               message.height, message.step, bool(message.is_bigendian))

        try:
            check_rows(message.width, message.height, len(message.data), self._max_pixels)
        except FrameRefusedError as error:
            self.refuse(str(error))
            return
        self.reception.accept(len(message.data))
        self._on_frame(StampedImage(read, stamp_ns(message.header),
                                    self.reception.received.total,
                                    message.width, message.height), message)
