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
_MOST_NODES, _MOST_TASKS = 100, 10
_STREAM = 'stream'  # the task of our camera node that tells of its pictures
_MOST_CHARACTERS = 300


class PublisherHealth:
    """Listen to `/diagnostics` between `start` and `stop`; one thread at a time calls them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._subscription: Any = None
        # By node and task: when, level, message.
        self._said: dict[str, dict[str, tuple[float, int, str]]] = {}

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
        """
        Return what the node of that full name said lately; empty for nothing.

        Of several of its tasks, the one that is worst off counts, and of equal ones its stream.
        """
        now_s = time.monotonic()
        said = [(level, task == _STREAM, message)
                for task, (said_s, level, message) in self._said.get(node_name, {}).items()
                if now_s - said_s < _FRESH_S]
        return max(said, default=(0, False, ''))[2]

    def _receive(self, array: DiagnosticArray) -> None:
        for status in array.status:
            self._note(status, time.monotonic())

    def _note(self, status: DiagnosticStatus, now_s: float) -> None:
        # diagnostic_updater has it without the first slash.
        node, _, task = status.name.partition(':')
        name = '/' + node.strip().lstrip('/')
        message = ' '.join(status.message.split())[:_MOST_CHARACTERS]
        level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
        tasks = self._said.get(name)
        if tasks is None and len(self._said) < _MOST_NODES:
            tasks = self._said[name] = {}
        if tasks is not None and (task.strip() in tasks or len(tasks) < _MOST_TASKS):
            tasks[task.strip()] = now_s, level, message
