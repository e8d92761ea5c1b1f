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

"""Who else publishes `cmd_vel`, and whether they send."""

from collections import Counter
import time
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node

from ...client.entities import create_subscription, destroy, Periodic
from ...client.graph import full_name, publishers
from ...client.image_topic import stamp_ns
from ...client.qos import image_qos
from ...core.driving.contest import Contest, SILENT_S, Word

_LOOK_S = 1.0
_DEPTH = 20  # messages that may wait for a busy executor: a second of ours
_LISTED = 5  # names in a sentence


class OtherPublishers:
    """
    Look at the graph once a second; listen to the topic only while somebody else publishes it.

    The executor's thread looks and listens; any thread may ask.
    """

    def __init__(self, node: Node, publisher: Any, stamped: bool) -> None:
        self._node, self._topic = node, str(publisher.topic_name)
        self._type = TwistStamped if stamped else Twist
        self._type_name = f'geometry_msgs/msg/{self._type.__name__}'
        self._contest = Contest()
        self._subscription: Any = None
        self._told: set[str] = set()
        self.names: list[str] = []  # of the nodes
        Periodic(node, _LOOK_S, self._look)

    def said(self, message: Twist | TwistStamped) -> None:
        """Note what is about to be published."""
        if self._subscription is not None:
            self._contest.said(time.monotonic(), _word(message))

    def send(self) -> bool:
        return bool(self.names) and self._contest.others_send(time.monotonic())

    def move(self) -> bool:
        """Return whether what they send is more than stops."""
        return bool(self.names) and self._contest.others_move(time.monotonic())

    def sentence(self) -> str:
        """Return that they send, in words."""
        what = 'commands of others' if self.move() else \
            'stops of others, such as an emergency stop'
        return (f"'{self._topic}' gets {what}: {self.listed()}; the wheel can be taken when they "
                f'have been silent for {SILENT_S:g} s')

    def listed(self) -> str:
        """Return their names; empty for nobody."""
        more = len(self.names) - _LISTED
        return ', '.join(self.names[:_LISTED]) + (f' and {more} more' if more > 0 else '')

    def _look(self) -> None:
        ends = Counter(full_name(end) for end in publishers(self._node, self._topic)
                       if end.topic_type == self._type_name)
        ends.subtract([self._node.get_fully_qualified_name()])  # one of that name are we
        self.names = sorted(name for name, count in ends.items() if count > 0)
        if self.names and self._subscription is None:
            self._subscription = create_subscription(
                self._node, self._type, self._topic,
                lambda message: self._contest.heard(time.monotonic(), _word(message)),
                image_qos(_DEPTH))
        elif not self.names and self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None
        if not {*self.names} <= self._told:
            self._told = {*self.names}
            self._node.get_logger().info(
                f"'{self._topic}' is published by others, too: {self.listed()}")


def _word(message: Twist | TwistStamped) -> Word:
    twist = message.twist if isinstance(message, TwistStamped) else message
    return Word((twist.linear.x, twist.linear.y, twist.linear.z,
                 twist.angular.x, twist.angular.y, twist.angular.z),
                stamp_ns(message.header) if isinstance(message, TwistStamped) else 0)
