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

"""Pictures of any topic for viewers: CompressedImage and Image, of whoever publishes how."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMessage

from .image_topic import create_image_subscription, stamp_ns
from .quality_of_service import image_qos
from .reception_reporter import ReceptionReporter
from ..core.errors import PictureRefusedError
from ..core.frame import Frame, Image, RawFrame
from ..core.picture_limits import check_picture, check_rows, MAX_PIXELS
from ..encoders import png
from ..encoders.raw_image import to_viewable

TYPES = {'sensor_msgs/msg/CompressedImage': CompressedImage, 'sensor_msgs/msg/Image': ImageMessage}

_KINDS = ('JPEG', 'PNG')


class PictureSubscription:
    """
    Receive one topic and hand its pictures on, without decoding any.

    All methods belong to the executor's thread, in which `offer` is called, too.

    Attributes
    ----------
    corrupt
        How many messages were no whole picture, or a larger one than may be.

    """

    def __init__(self, node: Node, topic: str, overridable: bool, adaptive: bool,
                 offer: Callable[[Frame | RawFrame], None],
                 refuse: Callable[[str], None] = lambda _: None,
                 max_pixels: int = MAX_PIXELS) -> None:
        """
        Make it; nothing is received yet.

        `overridable` gives it `qos_overrides.*` parameters, in place of adapting to publishers;
        `adaptive` lets the camera know what arrives, so that it sends no more. `refuse` hears why
        a picture is left out, such as one of more than `max_pixels`.
        """
        self._reporter = ReceptionReporter(node, topic) if adaptive else None
        self._node = node
        self._topic = topic
        self._overridable = overridable
        self._offer = offer
        self._refuse = refuse
        self._max_pixels = max_pixels
        self._subscription: Any = None
        self._made_for: tuple[str, QoSProfile | None] | None = None
        self._received = 0
        self.corrupt = 0

    def subscribe(self, kind: str) -> None:
        """
        Receive messages of the type `kind`; CompressedImage while it is unknown.

        It is to be called again now and then: when the type has changed, the first call only ends
        what was.
        """
        wanted = kind or next(iter(TYPES)), None if self._overridable else self._matching_qos()
        if self._subscription is not None and wanted == self._made_for:
            return
        if self._subscription is not None:
            self.unsubscribe()
            if self._made_for is None or wanted[0] != self._made_for[0]:
                # The executor lets go of the old one later, and Fast DDS refuses to have both.
                return
        self._made_for = wanted
        message_type = TYPES[wanted[0]]
        if self._reporter is not None and message_type is CompressedImage:
            self._reporter.start()
        self._subscription = create_image_subscription(
            self._node, message_type, self._topic,
            self._on_compressed if message_type is CompressedImage else self._on_raw, wanted[1])

    def unsubscribe(self) -> None:
        """Receive nothing any more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
            if self._reporter is not None:
                self._reporter.stop()

    def _matching_qos(self) -> QoSProfile:
        """
        Return what gets most out of the present publishers.

        Best effort receives from everybody. Where all offer reliable, no picture need be lost;
        where all keep their last one for those who come late, it is fetched.
        """
        qos = image_qos()
        offered = [end.qos_profile for end in self._node.get_publishers_info_by_topic(self._topic)]
        if offered and all(q.reliability == ReliabilityPolicy.RELIABLE for q in offered):
            qos.reliability = ReliabilityPolicy.RELIABLE
            if all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered):
                qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
        return qos

    def _on_compressed(self, message: CompressedImage) -> None:
        data, sequence = message.data.tobytes(), self._received + 1
        stamp = stamp_ns(message.header)
        if self._reporter is not None:
            self._reporter.add(stamp, len(data))
        try:
            header = check_picture(data, _KINDS, self._max_pixels)
        except PictureRefusedError as error:
            self._leave_out(error)
            return
        self._received = sequence
        self._offer(Frame(data, stamp, sequence, header.width, header.height)
                    if header.kind == 'JPEG' else
                    RawFrame(lambda: png.decode(data, self._max_pixels), stamp, sequence,
                             header.width, header.height))

    def _on_raw(self, message: ImageMessage) -> None:
        try:
            check_rows(message.width, message.height, len(message.data), self._max_pixels)
        except PictureRefusedError as error:
            self._leave_out(error)
            return
        self._received += 1

        def read() -> Image:
            return to_viewable(memoryview(message.data), message.encoding, message.width,
                               message.height, message.step, bool(message.is_bigendian))

        self._offer(RawFrame(read, stamp_ns(message.header), self._received,
                             message.width, message.height))

    def _leave_out(self, error: PictureRefusedError) -> None:
        self.corrupt += 1
        self._refuse(str(error))
        self._node.get_logger().warning(
            f"left out a picture of '{self._topic}': {error}", throttle_duration_sec=10.0)
