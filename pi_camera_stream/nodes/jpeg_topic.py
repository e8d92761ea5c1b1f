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

"""A CompressedImage topic on which little is done for each picture."""

import struct

import numpy as np
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage

from .serialized import publish_serialized
from ..client.image_topic import create_image_publisher, jpeg_format
from ..client.topic_subscription import exchange_of
from ..core.frame import Frame, Image

_STAMP, _STAMP_AT = struct.Struct('=iI'), 4  # seconds and ns, behind the four bytes that CDR adds
_LENGTH = struct.Struct('=I')  # of the data, the last thing in a CompressedImage
_ROOM = 1.25  # times as large a buffer as is needed now


class JpegTopic:
    """
    Publish JPEGs as sensor_msgs/CompressedImage; one thread does so.

    From one picture to the next, only stamp and data change. So they are written into a message
    that is serialized already: the bytes are copied once before DDS copies them, not three times,
    and the GIL is free meanwhile. Who is in the same process gets the frame as it is.
    """

    def __init__(self, node: Node, topic: str, reliable: bool) -> None:
        self.publisher = create_image_publisher(node, CompressedImage, topic, reliable)
        self.name = str(self.publisher.topic_name)
        self._exchange = exchange_of(node)
        self._exchange.announce(self.name)
        self._for = '', 0  # frame_id and number of components, to which the head belongs
        self._head_bytes = 0  # before the length of the data
        self._buffer: Image = np.empty(0, np.uint8)

    def subscribers(self) -> int:
        """Return how many there are, those of this process included; any thread may ask."""
        return int(self.publisher.get_subscription_count()) + self._exchange.takers(self.name)

    def publish(self, frame: Frame, components: int, frame_id: str) -> None:
        """Publish a JPEG of so many colour components."""
        self._exchange.offer(self.name, frame, frame_id)
        if not self.publisher.get_subscription_count():
            return
        start = self._prepare(len(frame.data), frame_id, components)
        end = start + len(frame.data)
        message = self._buffer.data
        seconds, rest_ns = divmod(frame.stamp_ns, 10**9)
        _STAMP.pack_into(message, _STAMP_AT, seconds, rest_ns)
        _LENGTH.pack_into(message, start - _LENGTH.size, len(frame.data))
        message[start:end] = frame.data
        publish_serialized(self.publisher, self._buffer[:end])

    def _prepare(self, data_bytes: int, frame_id: str, components: int) -> int:
        """Have a buffer with a head, and room for so much behind it; return where that begins."""
        if self._for != (frame_id, components) or \
                self._head_bytes + data_bytes > self._buffer.nbytes:
            message = CompressedImage(format=jpeg_format(components))
            message.header.frame_id = frame_id
            head = serialize_message(message)
            self._buffer = np.empty(len(head) + int(_ROOM * data_bytes), np.uint8)
            self._buffer[:len(head)] = np.frombuffer(head, np.uint8)
            self._for, self._head_bytes = (frame_id, components), len(head)
        return self._head_bytes
