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
from collections.abc import Callable, Sequence
import time
from typing import Any

from rclpy.node import Node

from .twists import DEPTH, TwistMessage, TYPES, word_of
from ...client.entities import create_subscription, destroy, Periodic
from ...client.graph import full_name, publishers
from ...client.qos import image_qos
from ...core.driving.contest import Contest, SILENT_S

_LOOK_S = 1.0
_LISTED = 5  # names in a sentence


class OtherPublishers:
    """
    Look at the graph once a second; listen to the topic only while somebody else publishes it.

    The executor's thread looks and listens; any thread may ask. `on_others` gets each message that
    is not ours.
    """

    def __init__(self, node: Node, publisher: Any, message_type: type[TwistMessage],
                 on_others: Callable[[TwistMessage], None]) -> None:
        self._node, self._topic = node, str(publisher.topic_name)
        self._type = message_type
        self._on_others = on_others
        self._contest = Contest()
        self._subscription: Any = None
        self._told: set[str] = set()
        self._mistyped: set[str] = set()  # nodes of which it has been said
        self.names: list[str] = []  # of the nodes
        Periodic(node, _LOOK_S, self._look)

    def said(self, message: TwistMessage) -> None:
        """Note what is about to be published."""
        if self._subscription is not None:
            self._contest.said(time.monotonic(), word_of(message))

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
        found = publishers(self._node, self._topic)
        ends = Counter(full_name(end) for end in found
                       if TYPES.get(end.topic_type) is self._type)
        self._name_mistyped(sorted({full_name(end) for end in found if TYPES.get(
            end.topic_type, self._type) is not self._type}))
        ends.subtract([self._node.get_fully_qualified_name()])  # one of that name are we
        self.names = sorted(name for name, count in ends.items() if count > 0)
        if self.names and self._subscription is None:
            self._subscription = create_subscription(
                self._node, self._type, self._topic, self._on_message, image_qos(DEPTH))
        elif not self.names and self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None
        if not {*self.names} <= self._told:
            self._told = {*self.names}
            self._node.get_logger().info(
                f"'{self._topic}' is published by others, too: {self.listed()}")

    def _on_message(self, message: TwistMessage) -> None:
        if self._contest.heard(time.monotonic(), word_of(message)):
            self._on_others(message)

    def _name_mistyped(self, names: Sequence[str]) -> None:
        """Say who publishes the other type, which cannot be heard beside ours."""
        if not self._mistyped.issuperset(names):
            self._mistyped.update(names)
            other = next(kind for kind in TYPES.values() if kind is not self._type)
            self._node.get_logger().warning(
                f"'{self._topic}' is published as {other.__name__} by {', '.join(names)}, and as "
                f"{self._type.__name__} here, so that neither hears the other: set "
                "'teleop.stamped' to what the vehicle takes")
