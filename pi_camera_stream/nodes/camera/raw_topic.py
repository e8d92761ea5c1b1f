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

"""An Image topic whose publishing holds up no other thread."""

import struct
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image as ImageMessage

from ..serialized import publish_serialized
from ...client.image_topic import create_image_publisher
from ...core.frame import Image, image_size

_LENGTH = struct.Struct('=I')  # of the data, the last thing in an Image, as CDR has it


class RawTopic:
    """
    Publish arrays as sensor_msgs/Image; one thread does so, any may ask whether that is wanted.

    rclpy keeps the GIL while it publishes. For a decoded picture that lasts until the network has
    taken most of its megabytes: over 100 Mbit/s a fifth of a second, in which no thread of the
    node would do anything. So the message is given to rcl without rclpy, and the GIL is free
    meanwhile. It also saves a copy: the pixels are written once, into a buffer that is used again,
    from where DDS takes them.
    """

    def __init__(self, node: Node, topic: str) -> None:
        self.publisher = create_image_publisher(node, ImageMessage, topic, reliable=True)
        self._buffer: Image = np.empty(0, np.uint8)

    def subscribers(self) -> int:
        return int(self.publisher.get_subscription_count())

    def publish(self, image: Image, header: Any) -> None:
        """Publish a picture, H x W x 3 (BGR) or H x W (grey), under a std_msgs/Header."""
        width, height = image_size(image)
        head = serialize_message(ImageMessage(
            header=header, height=height, width=width, is_bigendian=0,
            encoding='mono8' if image.ndim == 2 else 'bgr8', step=image.nbytes // height))
        if self._buffer.nbytes != len(head) + image.nbytes:
            self._buffer = np.empty(len(head) + image.nbytes, np.uint8)
        head = head[:-_LENGTH.size] + _LENGTH.pack(image.nbytes)
        self._buffer[:len(head)] = np.frombuffer(head, np.uint8)
        # NumPy leaves the GIL to others while it copies. Whatever would make an array.array or a
        # list of the pixels goes through them one by one: a tenth of a second.
        np.copyto(self._buffer[len(head):].reshape(image.shape), image)
        publish_serialized(self.publisher, self._buffer)

    def forget(self) -> None:
        """Give the buffer back, until the next picture."""
        self._buffer = np.empty(0, np.uint8)
