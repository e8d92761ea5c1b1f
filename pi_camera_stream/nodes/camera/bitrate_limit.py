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

"""What receivers of the H.264 ask it to keep to."""

from collections import deque
import math
import threading
import time

from rclpy.node import Node
from std_msgs.msg import UInt32

from ...client.bitrate_requests import bitrate_topic
from ...client.entities import create_subscription
from ...client.qos import image_qos

_HOLDS_S = 1.5  # three times as long as until it is said again
_MOST = 64  # requests that are remembered, each for more than the one before
_LEAST_BPS = 100e3  # below that, one bad link would ruin the picture for all


class BitrateLimit:
    """
    Keep the least bit rate that was asked for lately; a request holds while it is repeated.

    Reports on `image_raw/reception` do not tell that: a bridge receives well, whose viewers are
    behind links of their own.

    Requests are heard in the executor's thread; any thread may ask.

    Attributes
    ----------
    enabled
        Whether requests count.

    """

    def __init__(self, node: Node, topic: str) -> None:
        self.enabled = True
        self._lock = threading.Lock()
        self._requests: deque[tuple[float, float]] = deque()  # when, and bit/s
        create_subscription(node, UInt32, bitrate_topic(topic), self._take, image_qos(8))

    def bps(self) -> float:
        """Return what may be sent; infinite while nobody asks for less."""
        since_s = time.monotonic() - _HOLDS_S
        with self._lock:
            while self._requests and self._requests[0][0] < since_s:
                self._requests.popleft()
            least = self._requests[0][1] if self._requests else math.inf
        return max(least, _LEAST_BPS) if self.enabled else math.inf

    def _take(self, message: UInt32) -> None:
        if not message.data:
            return
        bps = float(message.data)
        with self._lock:
            # One that is older and for no less can never be the least again.
            while self._requests and (self._requests[-1][1] >= bps
                                      or len(self._requests) == _MOST):
                bps = min(bps, self._requests.pop()[1])
            self._requests.append((time.monotonic(), bps))
