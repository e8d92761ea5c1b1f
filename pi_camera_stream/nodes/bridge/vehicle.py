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

"""The vehicle among ROS nodes: it listens to `cmd_vel`, and tells of its battery."""

from collections.abc import Callable
import math
import time
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from .other_publishers import OtherPublishers
from .twists import TwistMessage
from ...client.entities import create_publisher, create_subscription
from ...client.qos import image_qos, reliable_qos
from ...core.driving.actuator import Actuator

_FAREWELL_S = 0.5  # at most, until all who hear have acknowledged the last word
_BATTERY_STALE_S = 10.0  # so old may the battery's message be


class TwistPublisher(Actuator):
    """
    Publish velocities on `cmd_vel`; nothing once the node's context has ended.

    While others send there, and it is `exclusive`, nobody may have the wheel: two who send by
    turns would shake the vehicle, and undo each other's stops.
    """

    def __init__(self, node: Node, stamped: bool, exclusive: bool,
                 on_others: Callable[[TwistMessage], None]) -> None:
        """Make it; `on_others` hears what others send, in the executor's thread."""
        self._node, self._stamped, self._exclusive = node, stamped, exclusive
        kind = TwistStamped if stamped else Twist
        self._publisher = create_publisher(node, kind, 'cmd_vel', reliable_qos(1))
        self._others = OtherPublishers(node, self._publisher, kind, on_others)

    def drive(self, linear: float, angular: float) -> None:
        twist = TwistStamped() if self._stamped else Twist()
        velocity = twist.twist if self._stamped else twist
        velocity.linear.x, velocity.angular.z = linear, angular
        try:
            if self._stamped:
                twist.header.stamp = self._node.get_clock().now().to_msg()
                twist.header.frame_id = 'base_link'
            if self._node.context.ok():
                self._others.said(twist)
                self._publisher.publish(twist)
        except Exception:
            if self._node.context.ok():  # or it has ended in the meantime
                raise

    def stop(self) -> None:
        self.drive(0.0, 0.0)

    def refusal(self) -> str:
        return self._others.sentence() if self._exclusive and self._others.send() else ''

    def state(self) -> dict[str, Any]:
        return {'others': self._others.listed(), 'others_send': self._others.send(),
                'others_move': self._others.move()}

    def close(self, used: bool) -> None:
        """Let zero be the last word; nothing where nobody drove, as others may be driving."""
        if used and self._node.context.ok():
            self.stop()
            self._publisher.wait_for_all_acked(Duration(seconds=_FAREWELL_S))


class Battery:
    """What a sensor_msgs/BatteryState says, as long as it is fresh."""

    def __init__(self, node: Node, topic: str) -> None:
        self._newest: tuple[float, BatteryState] | None = None
        if topic:
            create_subscription(node, BatteryState, topic, self._on_message, image_qos())

    def state(self) -> dict[str, float | None] | None:
        """Return share and V; None for what is not measured, which the message has as NaN."""
        if self._newest is None or time.monotonic() - self._newest[0] >= _BATTERY_STALE_S:
            return None
        message = self._newest[1]
        return {'percentage': message.percentage if math.isfinite(message.percentage) else None,
                'voltage': round(message.voltage, 2) if math.isfinite(message.voltage) else None}

    def _on_message(self, message: Any) -> None:
        self._newest = time.monotonic(), message
