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

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from std_msgs.msg import Header

from .entities import create_publisher, create_subscription
from .qos import image_qos, reliable_qos
from ..core.errors import PermanentError

# What image_transport calls the formats; rviz2 and rqt take the colour order from them.
_FORMATS = {1: 'mono8; jpeg compressed ', 3: 'bgr8; jpeg compressed bgr8'}


def create_image_publisher(node: Node, message_type: type, topic: str,
                           reliable: bool = False) -> Any:
    """
    Return a publisher of the newest picture, or of what belongs to it.

    It offers best effort or `reliable`, unless `qos_overrides.*` parameters say otherwise.
    """
    qos = reliable_qos(1) if reliable else image_qos()
    try:
        return create_publisher(node, message_type, topic, qos, overridable=True)
    except RuntimeError as error:  # how rclpy refuses a policy of a name that it does not know
        raise PermanentError(f'{error}: see the values that `ros2 topic info -v` shows') from error


def create_image_subscription(node: Node, message_type: type, topic: str,
                              on_message: Callable[[Any], None], qos: QoSProfile | None = None
                              ) -> Any:
    """Return a best-effort subscription with `qos_overrides.*`, or one with just that `qos`."""
    return create_subscription(node, message_type, topic, on_message, qos or image_qos(),
                               overridable=qos is None)


def jpeg_format(components: int) -> str:
    """Return what CompressedImage.format says of a JPEG with so many colour components."""
    return _FORMATS.get(components, 'jpeg')


def header_of(stamp_ns: int, frame_id: str) -> Header:
    return Header(stamp=Time(nanoseconds=stamp_ns).to_msg(), frame_id=frame_id)


def stamp_ns(header: Any) -> int:
    """Return the stamp of a std_msgs/Header in ns."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)
