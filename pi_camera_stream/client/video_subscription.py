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

"""A camera's H.264 from its topic, for whoever hands it on as it is."""

from collections.abc import Callable

from rclpy.node import Node

from .bitrate_requests import BitrateRequests
from .entities import Periodic, run_soon
from .h264_subscription import H264Subscription
from ..codecs.limits import MAX_PIXELS
from ..core.frame import Frame
from ..core.reception import Reception

_LOOK_S = 1.0  # between two looks at the graph


class VideoSubscription:
    """
    The access units beside a topic of pictures, while they are wanted: a `VideoSource`.

    `offer` is called in the executor's thread; what it gets begins with a key frame, and nothing
    in it builds on what is missing. Any thread may call any method, and none waits.
    """

    def __init__(self, node: Node, topic: str, offer: Callable[[Frame], None], *,
                 max_pixels: int = MAX_PIXELS) -> None:
        self._node = node
        self._wanted = self._received = False
        self._looking: Periodic | None = None
        self._bitrate = BitrateRequests(node)
        self._subscription = H264Subscription(node, topic, lambda unit, _: offer(unit),
                                              max_pixels=max_pixels)
        self._published: bool | None = None  # None before the first look

    @property
    def topic(self) -> str:
        """Return the full name of the topic that they come from."""
        return self._subscription.source

    @property
    def reception(self) -> Reception:
        return self._subscription.reception

    @property
    def available(self) -> bool:
        """Whether somebody publishes them, as of the last look; the first is that of who asks."""
        if self._published is None:
            self._published = self._subscription.is_published()
        return self._published

    def look(self, watched: bool) -> None:
        """Look every second as long as the pictures are watched. Executor's thread."""
        if watched and self._looking is None:
            self._looking = Periodic(self._node, _LOOK_S, self._look)
            self._look()
        elif not watched and self._looking is not None:
            self._looking.stop()
            self._looking, self._published = None, None

    def want(self, wanted: bool) -> None:
        self._wanted = wanted
        if not run_soon(self._node, self._follow):
            self._follow()  # nobody serves the node yet, or any more

    def request_key_frame(self) -> None:
        self._subscription.request_key_frame()

    def limit_bitrate(self, bps: float) -> bool:
        """Ask for no more bit/s; False where whoever publishes it does not hear of that."""
        return self._bitrate.limit(bps)

    def _look(self) -> None:
        self._published = self._subscription.is_published()
        self._follow()

    def _follow(self) -> None:
        """Receive it while it is wanted, as soon as somebody publishes it. Executor's thread."""
        receives = self._wanted and (self._received or self.available)
        if receives == self._received:
            return
        self._received = receives
        if receives:
            self._subscription.subscribe()
            self._bitrate.follow(self._subscription.source)
        else:
            self._subscription.unsubscribe()
            self._bitrate.close()
