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

"""The H.264 of a topic, whoever publishes it, as access units that can be decoded."""

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from .entities import create_subscription
from .graph import image_type, publishers, why_missing
from .key_frame_requests import KeyFrameRequests
from .qos import image_qos, reliable_qos
from .topic_subscription import Choice, TopicSubscription
from .video_topic import (
    base_name,
    COMPRESSED,
    COMPRESSED_VIDEO,
    DEPTH,
    FFMPEG_PACKET,
    MESSAGES,
    VideoMessage,
)
from ..codecs.h264_arrivals import H264Arrivals
from ..codecs.limits import MAX_PIXELS
from ..core.errors import FrameRefusedError
from ..core.frame import Frame, H264

_KINDS = [message.type_name for message in MESSAGES]

OnUnit = Callable[[Frame, str], None]
"""Called with an access unit and its TF frame."""


class H264Subscription(TopicSubscription):
    """
    Receive the H.264 beside a topic of pictures, and ask for key frames where some are needed.

    That is `image_raw/foxglove`, or `image_raw/ffmpeg`, whichever of the names of `image_raw` was
    asked for, or a topic of another name that has such messages. What a node of this process
    offers is handed over without ROS. `on_unit` is called in the executor's thread, or in that of
    who hands over; any may call the rest.
    """

    def __init__(self, node: Node, topic: str, on_unit: OnUnit, *, max_pixels: int = MAX_PIXELS,
                 why_not: Callable[[], str] = lambda: '') -> None:
        """Make it; nothing is received yet, nor while `why_not` has a reason."""
        super().__init__(node, topic)
        self._on_unit, self._why_not = on_unit, why_not
        self._requests = KeyFrameRequests(node)
        self._arrivals = H264Arrivals(max_pixels, self.request_key_frame)

    @property
    def topic(self) -> str:
        """Return the full name of the topic that is received at first."""
        asked_for = self._node.resolve_topic_name(self._name)
        if asked_for.endswith(tuple(message.suffix for message in MESSAGES)):
            return asked_for
        return self._node.resolve_topic_name(f'{base_name(self._name)}{COMPRESSED_VIDEO.suffix}')

    @property
    def left_out(self) -> int:
        """Return how many access units could not be decoded without a key frame."""
        return self._arrivals.left_out

    def is_published(self) -> bool:
        """Look whether somebody publishes what can be received here."""
        try:
            return self._exchange.has(self.topic) or self._find() is not None
        except Exception:  # rclpy's own ones: the name is none, or too long with what is behind it
            return False

    def lose(self) -> None:
        """Go on with a key frame, because what came last could not be used; ask for one."""
        self._arrivals.lose()
        self.request_key_frame()

    def request_key_frame(self) -> None:
        self._requests.ask()

    def _start(self) -> None:
        self._arrivals.restart()

    def _follow(self, topic: str) -> None:
        self._requests.follow(topic)

    def _stop(self) -> None:
        self._requests.close()
        self._made_for = None

    def _choose(self) -> Choice | None:
        """Return topic, message (None for what is handed over) and reliability, if known."""
        if self._why_not():
            return None
        if self._exchange.has(self.topic):
            return self.topic, None, ReliabilityPolicy.RELIABLE
        if (found := self._find()) is not None:
            return *found, self._reliability(found[0])
        if self._made_for is not None:
            return self._made_for
        if self.topic.endswith(COMPRESSED_VIDEO.suffix) and COMPRESSED_VIDEO.find() is not None:
            return self.topic, COMPRESSED_VIDEO, ReliabilityPolicy.RELIABLE
        return None

    def _find(self) -> tuple[str, VideoMessage] | None:
        """Return the first topic that is published and can be received, and its message."""
        for topic in self._candidates():
            kind = image_type(self._node, topic, _KINDS)
            message = next((known for known in MESSAGES if known.type_name == kind), None)
            if message is not None and message.find() is not None:
                return topic, message
        return None

    def _candidates(self) -> Sequence[str]:
        base = base_name(self._name)
        others = [self._node.resolve_topic_name(f'{base}{message.suffix}') for message in MESSAGES]
        return list(dict.fromkeys(
            [self._node.resolve_topic_name(self._name), self.topic, *others]))

    def _reliability(self, topic: str) -> ReliabilityPolicy:
        """Return the one by which least is lost, and that all publishers offer."""
        offered = {end.qos_profile.reliability for end in publishers(self._node, topic)}
        return ReliabilityPolicy.BEST_EFFORT if ReliabilityPolicy.BEST_EFFORT in offered \
            else ReliabilityPolicy.RELIABLE

    def _begin(self, wanted: Choice) -> None:
        topic, message, reliability = wanted
        self._arrivals.restart()
        if message is None:
            self._take_over(topic)
            return
        qos = reliable_qos(DEPTH) if reliability == ReliabilityPolicy.RELIABLE \
            else image_qos(DEPTH)
        try:
            self._subscription = create_subscription(
                self._node, message.find(), topic,
                self._on_packet if message is FFMPEG_PACKET else self._on_video, qos)
        except Exception as error:
            self._complain(topic, error)

    def _why_missing(self) -> str:
        if why_not := self._why_not():
            return why_not
        for topic in self._candidates():
            kind = image_type(self._node, topic, _KINDS)
            for message in MESSAGES:
                if message.type_name == kind and message.find() is None:
                    return message.why_missing()
        if COMPRESSED_VIDEO.find() is None and not self._taken:
            return COMPRESSED_VIDEO.why_missing()
        missing = why_missing(self._node, self.source, self._subscription, _KINDS)
        jpegs = self._node.resolve_topic_name(f'{base_name(self._name)}{COMPRESSED}')
        if publishers(self._node, jpegs) and not publishers(self._node, self.source):
            missing += (f"; '{jpegs}' has one, which has no foxglove_msgs, or is not one of "
                        'pi_camera_stream')
        return missing

    def _on_video(self, message: Any) -> None:
        stamp_ns = message.timestamp.sec * 10**9 + message.timestamp.nanosec
        self._take(message.data.tobytes(), message.format.lower(), stamp_ns, message.frame_id)

    def _on_packet(self, message: Any) -> None:
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        # The first word is that of the codec, or of an encoder: h264, libx264, h264_nvenc.
        name = message.encoding.partition(';')[0].lower()
        codec = H264 if 'h264' in name or 'x264' in name else name
        self._take(message.data.tobytes(), codec, stamp_ns, message.header.frame_id)

    def _on_handed_over(self, frame: Frame, frame_id: str) -> None:
        self._take(frame.data, frame.codec, frame.stamp_ns, frame_id)

    def _take(self, data: bytes, codec: str, stamp_ns: int, frame_id: str) -> None:
        try:
            unit = self._arrivals.open(data, codec, stamp_ns, self.reception.received.total + 1,
                                       self._requests.possible())
        except FrameRefusedError as error:
            self.refuse(str(error))
            return
        if unit is not None:
            self.reception.accept(len(data))
            self._on_unit(unit, frame_id)
