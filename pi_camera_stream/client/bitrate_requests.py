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

"""Tell whoever publishes H.264 what bit rate its receivers can take."""

import threading
from typing import Any

from rclpy.node import Node
from std_msgs.msg import UInt32

from .entities import create_publisher, destroy, Periodic
from .graph import is_name
from .qos import image_qos

_PERIOD_S = 0.5
_MOST_BPS = 2**32 - 1


def bitrate_topic(topic: str) -> str:
    """Return where the publisher of a topic of H.264 is told what to keep to, in bit/s."""
    return f'{topic}/bitrate'


class BitrateRequests:
    """
    Publish a limit on `image_raw/foxglove/bitrate`, again and again while it is to hold.

    `follow` and `close` belong to one thread at a time; any may call `limit`.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()  # guards all that follows
        self._topic = ''
        self._publisher: Any = None
        self._repeating: Periodic | None = None
        self._bps = 0  # 0 for any

    def follow(self, topic: str) -> None:
        """Tell the publishers of `topic` from now on."""
        with self._lock:
            if topic == self._topic:
                return
            self._end()
            if is_name(bitrate_topic(topic)):  # it may be too long
                self._topic = topic
                self._publisher = create_publisher(self._node, UInt32, bitrate_topic(topic),
                                                   image_qos())
                self._repeating = Periodic(self._node, _PERIOD_S, self._tell)

    def limit(self, bps: float) -> bool:
        """Let the topic have no more bit/s than that; False where nobody hears of it."""
        with self._lock:
            self._bps = min(round(bps), _MOST_BPS)
            # Not the publisher's own count: it has only just been made.
            heard = self._publisher is not None and self._node.count_subscribers(
                bitrate_topic(self._topic)) > 0
        self._tell()
        return heard

    def close(self) -> None:
        with self._lock:
            self._end()

    def _tell(self) -> None:
        with self._lock:
            if self._publisher is not None and self._bps:
                self._publisher.publish(UInt32(data=self._bps))

    def _end(self) -> None:
        if self._repeating is not None:
            self._repeating.stop()
            destroy(self._node, self._publisher)
        self._publisher, self._repeating, self._topic, self._bps = None, None, '', 0
