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

"""The pictures of a topic of H.264, decoded, for one who wants the newest."""

import atexit
import threading
import time
from typing import Any

from rclpy.node import Node

from .h264_subscription import H264Subscription
from .image_subscription import HandedOver, OnFrame
from ..codecs.h264_decoder import H264Decoder, why_missing
from ..codecs.limits import MAX_PIXELS
from ..core.errors import FrameRefusedError
from ..core.frame import Frame, StampedImage
from ..core.group_mailbox import GroupMailbox
from ..core.mailbox import Mailbox
from ..core.reception import Reception

_BACKLOG = 8  # access units; a decoder that is further behind goes on with a key frame
_MOST_BEHIND_S = 1.0  # then it asks for one
_END_S = 1.0  # that decoding one may take


class DecodedVideo:
    """
    Receive and decode, in a thread of its own: every access unit, because each builds on others.

    It is what `ImageSubscription` is for JPEGs. `on_frame` is called in that thread.
    """

    def __init__(self, node: Node, topic: str, on_frame: OnFrame, *, max_pixels: int = MAX_PIXELS
                 ) -> None:
        self._on_frame, self._max_pixels = on_frame, max_pixels
        missing = why_missing()
        self._subscription = H264Subscription(node, topic, self._on_unit, max_pixels=max_pixels,
                                              why_not=lambda: missing)
        self._missing = missing
        # While it is subscribed:
        self._units: GroupMailbox[tuple[Frame, str]] | None = None
        self._thread: threading.Thread | None = None
        self._left_out = 0  # before this mailbox

    @property
    def topic(self) -> str:
        return self._subscription.topic

    @property
    def source(self) -> str:
        return self._subscription.source

    @property
    def reception(self) -> Reception:
        return self._subscription.reception

    @property
    def dropped(self) -> int:
        """Return how many access units were not decoded, until a key frame came."""
        units = self._units
        return self._left_out + self._subscription.left_out + (units.dropped if units else 0)

    def subscribe(self) -> None:
        if self._units is None and not self._missing:
            self._units = GroupMailbox(_BACKLOG, _MOST_BEHIND_S,
                                       self._subscription.request_key_frame)
            self._thread = threading.Thread(target=self._decode_all, args=(self._units,),
                                            name='decoder', daemon=True)
            self._thread.start()
            atexit.register(self.stop)  # Python's end takes no thread apart in the midst of C
        self._subscription.subscribe()

    def unsubscribe(self) -> None:
        self._subscription.unsubscribe()
        self.stop()

    def stop(self) -> None:
        """Decode nothing more; enough where the node has gone."""
        units, self._units = self._units, None
        thread, self._thread = self._thread, None
        if units is not None and thread is not None:
            self._left_out += units.dropped
            units.close()
            thread.join(_END_S)
            atexit.unregister(self.stop)

    def refuse(self, reason: str) -> None:
        self._subscription.refuse(reason)

    def _on_unit(self, unit: Frame, frame_id: str) -> None:
        units = self._units
        if units is not None:
            units.put((unit, frame_id), lambda: unit.key, time.monotonic())

    def _decode_all(self, units: GroupMailbox[tuple[Frame, str]]) -> None:
        decoder = H264Decoder(self._max_pixels)
        while True:
            try:
                unit, frame_id = units.take()
            except Mailbox.Closed:
                return
            try:
                read = decoder.decode(unit.data)
            except FrameRefusedError as error:
                self.refuse(str(error))
                units.jump()
                self._subscription.lose()
                continue
            if read is not None:
                self._on_frame(*_picture(unit, read, frame_id))


def _picture(unit: Frame, read: Any, frame_id: str) -> tuple[StampedImage, HandedOver]:
    return (StampedImage(read, unit.stamp_ns, unit.sequence, unit.width, unit.height),
            HandedOver(unit, frame_id))
