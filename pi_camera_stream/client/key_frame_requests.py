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

"""Ask whoever publishes a topic of H.264 for a key frame."""

import time
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from .entities import Client
from .graph import full_name, NAMELESS, publishers
from .video_topic import REQUEST_SERVICE

_PAUSE_S = 0.5  # between two requests: nobody honours more


class KeyFrameRequests:
    """
    Call `~/request_keyframe` of the publisher's node, where it has that.

    `follow` and `close` belong to one thread at a time; any may ask.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = ''
        self._client: Client | None = None
        self._waits_for: Any = None
        self._asked_s = 0.0

    def follow(self, topic: str) -> None:
        """Ask the node that publishes `topic` from now on."""
        ends = publishers(self._node, topic)
        publisher = full_name(ends[0]) if ends else ''
        if publisher in (self._publisher, NAMELESS):
            return
        self.close()
        self._publisher = publisher
        if publisher:
            self._client = Client(self._node, Trigger, f'{publisher}/{REQUEST_SERVICE}')

    def possible(self) -> bool:
        """Return whether somebody can be asked."""
        client = self._client
        return client is not None and client.ready()

    def ask(self) -> None:
        """Ask for a key frame, unless that has just been done."""
        client, now_s = self._client, time.monotonic()
        if client is None or now_s - self._asked_s < _PAUSE_S or not client.ready():
            return
        self._asked_s = now_s
        if self._waits_for is not None:
            client.forget(self._waits_for)
        self._waits_for = client.ask(Trigger.Request())

    def close(self) -> None:
        client, self._client, self._waits_for, self._publisher = self._client, None, None, ''
        if client is not None:
            client.close()
