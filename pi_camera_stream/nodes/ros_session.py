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

"""ROS for a program that is no node of ours: listen to diagnostics, look at the graph."""

from dataclasses import dataclass, field
import time
from types import TracebackType

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String

from ..client.background_node import BackgroundNode
from ..client.clock_service import RemoteClock
from ..client.entities import create_subscription, Periodic
from ..client.graph import (
    full_name,
    IMAGE_TYPES,
    incompatible_policies,
    NAMELESS,
    publishers,
    subscriptions,
    topics,
)
from ..client.qos import reliable_qos
from ..core.clock_offset import Offset

_POLL_S = 0.25


@dataclass(frozen=True)
class ImageTopic:
    name: str
    message_type: str
    publishers: list[str] = field(default_factory=list)  # full node names
    subscribers: list[str] = field(default_factory=list)
    # (subscriber, policies): who gets nothing, and because of what.
    mismatches: list[tuple[str, str]] = field(default_factory=list)


class RosSession:
    """
    A guest in the ROS graph, with a context and a thread of its own: a context manager.

    It leaves the process's signal handlers alone.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._values: dict[str, dict[str, str]] = {}
        self._clocks: dict[str, RemoteClock] = {}

    def __enter__(self) -> 'RosSession':
        self._own = BackgroundNode(self._name)
        self._node = self._own.node
        create_subscription(self._node, DiagnosticArray, '/diagnostics', self._on_diagnostics,
                            reliable_qos(10))
        self._own.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._own.stop()

    def diagnostics(self, name: str) -> dict[str, str]:
        """Return the newest values of the status whose name ends with `name`; may be empty."""
        return next((values for key, values in self._values.copy().items() if key.endswith(name)),
                    {})

    def image_topics(self) -> list[ImageTopic]:
        """Return the picture topics that are known at present, sorted by name."""
        return [self._image_topic(name, message_type)
                for name, types in topics(self._node).items()
                for message_type in types if message_type in IMAGE_TYPES]

    def read_results(self, topic: str) -> None:
        """Subscribe to a consumer's results, without which it does nothing."""
        create_subscription(self._node, String, topic, lambda _: None, reliable_qos(1))

    def watch_clocks(self) -> None:
        """Begin to ask for the clocks of those who publish pictures."""
        Periodic(self._node, _POLL_S, self._poll_clocks)

    def clock_offsets(self) -> dict[str, Offset]:
        """Return how far the clocks are ahead of ours, by node, as far as they have told."""
        offsets = {node: clock.offset() for node, clock in self._clocks.copy().items()}
        return {node: offset for node, offset in offsets.items() if offset is not None}

    def _poll_clocks(self) -> None:
        nodes = {node for topic in self.image_topics() for node in topic.publishers
                 if node != NAMELESS}
        for node in nodes - self._clocks.keys():
            self._clocks[node] = RemoteClock(self._node, node)

    def _image_topic(self, name: str, message_type: str) -> ImageTopic:
        sources, readers = publishers(self._node, name), subscriptions(self._node, name)
        topic = ImageTopic(name, message_type, [full_name(end) for end in sources],
                           [full_name(end) for end in readers])
        for source in sources:
            for reader in readers:
                policies = incompatible_policies(source.qos_profile, reader.qos_profile)
                if policies:
                    topic.mismatches.append((full_name(reader), policies))
        return topic

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._values[status.name] = {pair.key: pair.value for pair in status.values}


def discover(seconds: float) -> tuple[list[ImageTopic], dict[str, Offset]]:
    """
    Join the graph for `seconds`.

    Returns the picture topics found, and how far the clocks of those nodes of this package that
    publish them are ahead of ours.
    """
    with RosSession('pi_camera_stream_doctor') as session:
        session.watch_clocks()
        time.sleep(seconds)
        return session.image_topics(), session.clock_offsets()
