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


"""What a subscription tells the camera about its reception."""

from typing import Any
import uuid

from rclpy.node import Node
from std_msgs.msg import String

from .clock import now_function
from .entities import create_publisher, destroy, Periodic
from .graph import is_name
from .qos import image_qos
from ..core.machine import network_name
from ..core.receiver_report import ReportBuilder

_PERIOD_S = 0.2


def reception_topic(topic: str) -> str:
    """Return where the receivers of a picture topic report, as core.reception.ReceiverReport."""
    return f'{topic.removesuffix("/compressed")}/reception'


class ReportPublisher:
    """
    Tell a topic's publisher five times a second what has arrived of it. Executor's thread.

    Start it before the subscription, so that the camera hears of a receiver before it sends it
    much.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self._node = node
        self._topic = topic
        self._now_ns = now_function(node)
        self._log = ReportBuilder(f'{node.get_fully_qualified_name()}#{uuid.uuid4().hex[:8]}',
                                  network_name())
        self._publisher: Any = None
        self._reporting: Periodic | None = None

    def start(self) -> None:
        topic = reception_topic(self._node.resolve_topic_name(self._topic))
        if self._reporting is None and is_name(topic):  # it may be too long
            self._publisher = create_publisher(self._node, String, topic, image_qos())
            self._reporting = Periodic(self._node, _PERIOD_S, self._report)

    def stop(self) -> None:
        if self._reporting is not None:
            self._reporting.stop()
            self._reporting = None
            destroy(self._node, self._publisher)

    def add(self, stamp_ns: int, size_bytes: int) -> None:
        self._log.add(stamp_ns, self._now_ns(), size_bytes)

    def _report(self) -> None:
        report = self._log.report()
        if self._publisher.get_subscription_count() > 0:
            self._publisher.publish(String(data=report.to_json()))
