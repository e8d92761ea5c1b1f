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
When which node had done what with a picture, for whoever measures.

Each node tells on its topic `~/trace` (std_msgs/String), only while somebody subscribes, one line
of JSON for each picture: `topic` of the picture, its `stamp`, and moments of the node's clock, all
in ns since the epoch. The camera tells `published`; whoever receives, `received`, `decoded` and
`processed`, and for pages `painted`, with the `uncertainty` of that.
"""

import json

from rclpy.node import Node
from std_msgs.msg import String

from .clock import now_function
from .entities import create_publisher
from .qos import reliable_qos

DEPTH = 100  # some seconds of pictures


class TracePublisher:
    """Publish a node's moments; any thread may."""

    def __init__(self, node: Node) -> None:
        self.now_ns, self._context = now_function(node), node.context
        self._publisher = create_publisher(node, String, '~/trace', reliable_qos(DEPTH))

    def wanted(self) -> bool:
        return bool(self._publisher.get_subscription_count() > 0)

    def publish(self, topic: str, stamp_ns: int, **moments_ns: int) -> None:
        """Tell when what was done with the picture of `stamp_ns`, if somebody measures."""
        try:
            if self.wanted():
                self._publisher.publish(String(data=json.dumps(
                    {'topic': topic, 'stamp': stamp_ns, **moments_ns})))
        except Exception:  # rclpy's private ones, when the context has gone
            if self._context.ok():
                raise
