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

"""
Report a node's health on `/diagnostics` once a second (REP 107).

`diagnostic_updater` would do it too, but exists only where a whole ROS is installed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import math
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ..client.entities import create_publisher, failures_of, Periodic
from ..client.qos import reliable_qos

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
_PERIOD_S = 1.0
_REMEMBERED_S = 10.0


@dataclass(frozen=True)
class Health:
    """Level (OK, WARN or ERROR), one sentence, and values by name."""

    level: bytes
    message: str
    values: Mapping[str, object] = field(default_factory=dict)


class Diagnostics:
    """Ask a node for its health once a second and publish the answer."""

    def __init__(self, node: Node, name: str, ask: Callable[[], Health]) -> None:
        self._node = node
        self._name = f'{node.get_fully_qualified_name()}: {name}'
        self._ask = ask
        self._failures = failures_of(node)
        self._failed_before, self._failed_s = 0, -math.inf  # how many, and when the last one was
        self._publisher = create_publisher(node, DiagnosticArray, '/diagnostics',
                                           reliable_qos(10))
        Periodic(node, _PERIOD_S, self._publish)

    def _publish(self) -> None:
        health = self._with_failures(self._ask())
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status.append(DiagnosticStatus(
            level=health.level, name=self._name, message=health.message,
            hardware_id=self._node.get_fully_qualified_name(),
            values=[KeyValue(key=k, value=_text(v)) for k, v in health.values.items()]))
        self._publisher.publish(message)


    def _with_failures(self, health: Health) -> Health:
        """Add what callbacks of the node have raised, which is a warning for a while."""
        failures, now_s = self._failures, time.monotonic()
        if failures.count != self._failed_before:
            self._failed_before, self._failed_s = failures.count, now_s
        values = {**health.values, 'failed callbacks': failures.count}
        missing_clock = getattr(self._node, 'missing_clock', '')
        if health.level == OK and missing_clock:
            return Health(WARN, missing_clock, values)
        if health.level == OK and now_s - self._failed_s < _REMEMBERED_S:
            return Health(WARN, f'a callback failed: {failures.last}', values)
        return Health(health.level, health.message, values)


def _text(value: object) -> str:
    return f'{value:.2f}' if isinstance(value, float) else str(value)
