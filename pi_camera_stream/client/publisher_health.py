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

"""What the nodes that publish a topic say of themselves on `/diagnostics` (REP 107)."""

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from .entities import create_subscription, destroy
from .qos import reliable_qos

_FRESH_S = 5.0  # REP 107: drivers say it once a second
_MOST_NODES = 100
_MOST_CHARACTERS = 300


class PublisherHealth:
    """Listen to `/diagnostics` between `start` and `stop`; one thread at a time calls them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._subscription: Any = None
        self._said: dict[str, tuple[float, int, str]] = {}  # by node: when, level, message

    def start(self) -> None:
        if self._subscription is None:
            self._subscription = create_subscription(
                self._node, DiagnosticArray, '/diagnostics', self._receive, reliable_qos(10))

    def stop(self) -> None:
        if self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None
            self._said.clear()

    def said_by(self, node_name: str) -> str:
        """Return the last message of the node of that full name; empty for none lately."""
        said_s, _, message = self._said.get(node_name, (0.0, 0, ''))
        return message if time.monotonic() - said_s < _FRESH_S else ''

    def _receive(self, array: DiagnosticArray) -> None:
        for status in array.status:
            self._note(status, time.monotonic())

    def _note(self, status: DiagnosticStatus, now_s: float) -> None:
        # diagnostic_updater has it without the first slash, and other nodes' tasks behind it.
        name = '/' + status.name.partition(':')[0].strip().lstrip('/')
        message = ' '.join(status.message.split())[:_MOST_CHARACTERS]
        level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
        before_s, before, _ = self._said.get(name, (0.0, 0, ''))
        if now_s - before_s < 1.0 and level < before:
            return  # of several tasks of a node, the one that is worst off
        if name in self._said or len(self._said) < _MOST_NODES:
            self._said[name] = now_s, level, message
