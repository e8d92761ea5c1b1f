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

"""Pictures on ROS topics: publisher and subscription."""

import array
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import qos_policy_name_from_kind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.validate_topic_name import validate_topic_name
from sensor_msgs.msg import CompressedImage

from .quality_of_service import image_qos
from .reception_reporter import ReceptionReporter
from ..core.errors import PermanentError, PictureRefusedError
from ..core.frame import Frame
from ..core.jpeg import JpegHeader
from ..core.picture_limits import check_jpeg, MAX_PIXELS
from ..core.statistics import RateMeter

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks

# What image_transport calls the formats; rviz2 and rqt take the colour order from them.
_FORMATS = {1: 'mono8; jpeg compressed ', 3: 'bgr8; jpeg compressed bgr8'}


def create_image_publisher(node: Node, message_type: type, topic: str) -> Any:
    """
    Return a best-effort publisher, overridable by the standard `qos_overrides.*` parameters.

    A subscriber that asks for more than is offered gets nothing, in silence. Here it is logged.
    """
    def on_incompatible_qos(event: Any) -> None:
        name = publisher.topic_name
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        node.get_logger().error(
            f"a subscriber of '{name}' gets no pictures, because it asks for another {policy} "
            'than this topic offers: let it subscribe with best effort (rclpy: '
            "qos_profile_sensor_data; rviz2: Reliability Policy 'Best Effort'), or start this "
            f'node with -p qos_overrides.{name}.publisher.reliability:=reliable')

    try:
        publisher: Any = node.create_publisher(
            message_type, topic, image_qos(),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=on_incompatible_qos),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())
    except RuntimeError as error:  # how rclpy refuses a policy of a name that it does not know
        raise PermanentError(f'{error}: see the values that `ros2 topic info -v` shows') from error
    return publisher


def create_image_subscription(node: Node, message_type: type, topic: str,
                              on_message: Callable[[Any], None], qos: QoSProfile | None = None
                              ) -> Any:
    """Return a best-effort subscription with `qos_overrides.*`, or one with just that `qos`."""
    return node.create_subscription(
        message_type, topic, on_message, qos or image_qos(),
        qos_overriding_options=None if qos else QoSOverridingOptions.with_default_policies())


def jpeg_message(jpeg: bytes, header: JpegHeader, stamp: Any, frame_id: str) -> CompressedImage:
    """Return the message for a JPEG taken at `stamp` (builtin_interfaces/Time)."""
    message = CompressedImage()
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.format = _FORMATS.get(header.components, 'jpeg')
    # Fast on every rclpy; anything but array.array is checked byte by byte on some.
    message.data = array.array('B', jpeg)
    return message


def stamp_ns(header: Any) -> int:
    """Return the stamp of a std_msgs/Header in ns."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)


class JpegSubscription:
    """
    Receive the JPEGs of a CompressedImage topic as frames.

    `subscribe` and `unsubscribe` belong to the executor's thread, in which `on_frame` is called
    with the frame and the message it came in. What is not a whole JPEG, or too large a
    one, is counted and left out.

    Attributes
    ----------
    received
        The rate of whole pictures, and their bytes.
    corrupt
        How many messages were no whole JPEG, or a larger one than may be.
    corrupt_reason
        What was the matter with the last of them; empty while there was none.

    """

    def __init__(self, node: Node, topic: str,
                 on_frame: Callable[[Frame, CompressedImage], None], adaptive: bool = True,
                 max_pixels: int = MAX_PIXELS) -> None:
        """
        Make it.

        `adaptive` lets the camera know what arrives, so that it sends no more; a picture of more
        than `max_pixels` is left out.
        """
        self._max_pixels = max_pixels
        self._reporter = ReceptionReporter(node, topic) if adaptive else None
        self._node = node
        self._topic = topic
        self._on_frame = on_frame
        self._subscription: Any = None
        self.received = RateMeter()
        self.corrupt = 0
        self.corrupt_reason = ''

    @property
    def topic(self) -> str:
        """Return the topic's full name, remapped."""
        return self._node.resolve_topic_name(self._topic)

    def subscribe(self) -> None:
        """
        Begin to receive.

        Raises
        ------
        rclpy.exceptions.InvalidTopicNameException
            The topic's name is none.

        """
        if self._subscription is None:
            validate_topic_name(self._topic)
            if self._reporter is not None:
                self._reporter.start()
            self._subscription = create_image_subscription(
                self._node, CompressedImage, self._topic, self._on_message)

    def unsubscribe(self) -> None:
        """Receive nothing any more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
            if self._reporter is not None:
                self._reporter.stop()

    def _on_message(self, message: CompressedImage) -> None:
        jpeg = message.data.tobytes()
        if self._reporter is not None:
            self._reporter.add(stamp_ns(message.header), len(jpeg))
        try:
            header = check_jpeg(jpeg, self._max_pixels)
        except PictureRefusedError as error:
            self.corrupt += 1
            self.corrupt_reason = str(error)
            self._node.get_logger().warning(
                f"left out a picture of '{self.topic}': {error}", throttle_duration_sec=10.0)
            return
        self.received.add(len(jpeg))
        self._on_frame(Frame(jpeg, stamp_ns(message.header), self.received.total,
                             header.width, header.height), message)
