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

"""The CameraInfo of a picture topic, received when somebody asks for it."""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web
from sensor_msgs.msg import CameraInfo

from ..base_node import BaseNode
from ...client.calibration_subscription import info_topic
from ...client.entities import destroy
from ...client.image_topic import create_image_subscription
from ...core.camera_info import SentInfo

_TIMEOUT_S = 3.0


class CameraInfos:
    """Subscribe for as long as it takes, once for all who ask; `newest` is the event loop's."""

    def __init__(self, node: BaseNode) -> None:
        self._node = node
        self._waiting: dict[str, _Waiting] = {}

    async def newest(self, image_topic: str) -> SentInfo:
        """Return what the camera tells now; HTTPServiceUnavailable says why it does not."""
        topic = info_topic(image_topic)
        waiting = self._waiting.get(topic)
        if waiting is None:
            waiting = self._waiting[topic] = _Waiting(self._node, topic)
            self._node.run_soon(waiting.subscribe)
        waiting.users += 1
        try:
            return await asyncio.wait_for(asyncio.shield(waiting.info), _TIMEOUT_S)
        except asyncio.TimeoutError:
            raise web.HTTPServiceUnavailable(headers={'Retry-After': '5'}, text=(
                f"nothing on '{topic}' within {_TIMEOUT_S:.0f} s: see that the camera runs, and "
                'that its driver publishes its CameraInfo there\n')) from None
        finally:
            waiting.users -= 1
            if not waiting.users:
                del self._waiting[topic]
                self._node.run_soon(waiting.unsubscribe)


class _Waiting:
    """Those who wait for one topic. All but the constructor and `users` is the executor's."""

    def __init__(self, node: BaseNode, topic: str) -> None:
        self.users = 0
        self._node, self._topic = node, topic
        self._subscription: Any = None
        self._loop = asyncio.get_running_loop()
        self.info: asyncio.Future[SentInfo] = self._loop.create_future()

    def subscribe(self) -> None:
        self._subscription = create_image_subscription(self._node, CameraInfo, self._topic,
                                                       self._on_info)

    def unsubscribe(self) -> None:
        if self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None

    def _on_info(self, message: Any) -> None:
        info = SentInfo.of_message(message)
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._take, info)

    def _take(self, info: SentInfo) -> None:
        if not self.info.done():
            self.info.set_result(info)
