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

"""Subscribers that get nothing, because they ask for more than a topic offers."""

from collections.abc import Sequence
from typing import Any

from rclpy.node import Node

from ..client.entities import Periodic
from ..client.graph import full_name, incompatible_policies, publishers, subscriptions
from ..core.qos_remedy import remedy

_PERIOD_S = 1.0


class QosWatch:
    """
    Look for such subscribers of some publishers, and log each once. Executor's thread only.

    The events that DDS has for it would need handlers (see `entities`).
    """

    def __init__(self, node: Node, publishers: Sequence[Any]) -> None:
        self._node, self._publishers = node, publishers
        self._told: set[bytes] = set()  # by the identifiers of the subscriptions
        # Nodes that get nothing at present, by topic; any thread may read it.
        self.refused: dict[str, list[str]] = {}
        Periodic(node, _PERIOD_S, self._poll)

    def _poll(self) -> None:
        refused: dict[str, list[str]] = {}
        seen: set[bytes] = set()
        for publisher in self._publishers:
            topic = publisher.topic_name
            if self._node.count_subscribers(topic) == publisher.get_subscription_count():
                continue  # all are served; what follows costs more than all else of a second
            offered = next((end.qos_profile for end in publishers(self._node, topic)
                            if full_name(end) == self._node.get_fully_qualified_name()),
                           publisher.qos_profile)  # which says less than the graph
            for end in subscriptions(self._node, topic):
                policies = incompatible_policies(offered, end.qos_profile)
                if policies:
                    identifier = bytes(end.endpoint_gid)
                    seen.add(identifier)
                    refused.setdefault(topic, []).append(full_name(end))
                    if identifier not in self._told:
                        self._log(topic, full_name(end), policies)
        self._told, self.refused = seen, refused

    def _log(self, topic: str, subscriber: str, policies: str) -> None:
        self._node.get_logger().error(
            f"{subscriber} gets no pictures from '{topic}', because it requests another "
            f'{policies} than this topic offers: {remedy(policies)}'
            + (f'; or start this node with -p qos_overrides.{topic}.publisher.reliability:='
               'reliable' if policies == 'reliability' else ''))
