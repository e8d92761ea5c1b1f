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

"""The topic of the camera's H.264."""

import array
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.serialization import serialize_message
from rclpy.time import Time

from ..serialized import publish_serialized
from ...client.entities import create_publisher
from ...client.qos import reliable_qos
from ...client.topic_subscription import exchange_of
from ...client.video_topic import COMPRESSED_VIDEO, DEPTH
from ...core.errors import PermanentError
from ...core.frame import Frame


class VideoTopic:
    """
    Publish access units as foxglove_msgs/CompressedVideo, where that is installed.

    One thread publishes, any may ask the rest. Who is in the same process gets the frame as it is.
    """

    def __init__(self, node: Node) -> None:
        topic = f'image_raw{COMPRESSED_VIDEO.suffix}'
        self._message = COMPRESSED_VIDEO.find()
        self.publisher: Any = None
        if self._message is not None:
            try:
                self.publisher = create_publisher(node, self._message, topic, reliable_qos(DEPTH),
                                                  overridable=True)
            except RuntimeError as error:  # how rclpy refuses a policy that it does not know
                raise PermanentError(
                    f'{error}: see the values that `ros2 topic info -v` shows') from error
        self.name = node.resolve_topic_name(topic)
        self._exchange = exchange_of(node)
        self._exchange.announce(self.name)

    def why_missing(self) -> str:
        """Return why ROS has no such topic here, and what helps; empty where it has."""
        return '' if self._message is not None else COMPRESSED_VIDEO.why_missing()

    def subscribers(self) -> int:
        """Return how many there are, those of this process included."""
        others = self.publisher.get_subscription_count() if self.publisher is not None else 0
        return int(others) + self._exchange.takers(self.name)

    def publish(self, frame: Frame, frame_id: str) -> None:
        self._exchange.offer(self.name, frame, frame_id)
        if self.publisher is None or not self.publisher.get_subscription_count():
            return
        message = self._message(
            timestamp=Time(nanoseconds=frame.stamp_ns).to_msg(), frame_id=frame_id,
            data=array.array('B', frame.data), format=frame.codec)
        # It may wait for receivers, who are reliable, and no other thread is to wait with it.
        publish_serialized(self.publisher, np.frombuffer(serialize_message(message), np.uint8))
