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

"""Any message on any topic, again and again, as the programs of a robot publish."""

import array

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from .guest import best_effort
from .repeating import Repeating

_RELIABLE = ReliabilityPolicy.RELIABLE
QOS = {  # as ROS programs publish pictures
    'best effort': best_effort(1),
    'reliable': QoSProfile(depth=10, reliability=_RELIABLE),
    'transient local': QoSProfile(depth=1, reliability=_RELIABLE,
                                  durability=DurabilityPolicy.TRANSIENT_LOCAL),
}


class Repeater(Repeating):
    """
    Publish a message on a topic until it is closed; a context manager.

    It may be replaced by another one while it runs, in the attribute `message`.
    """

    def __init__(self, guest, topic, message, qos='best effort'):
        self.message = message
        self._node = guest.node
        self._publisher = guest.node.create_publisher(type(message), topic, QOS[qos])

    def do(self):
        message = self.message
        if hasattr(message, 'header'):
            message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def close(self):
        self._node.destroy_publisher(self._publisher)


def compressed(data):
    """Return the CompressedImage of a file's bytes."""
    return CompressedImage(format='jpeg', data=array.array('B', data))


def raw(data, encoding, width, height, big_endian=False):
    """Return the Image of these rows, without a gap between them."""
    return Image(encoding=encoding, width=width, height=height, step=len(data) // height,
                 is_bigendian=big_endian, data=array.array('B', data))
