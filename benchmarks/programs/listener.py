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

"""Subscribes to pictures or to `cmd_vel` for ever: what keeps other programs at work."""

import sys

from geometry_msgs.msg import Twist
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage


def listen(topic: str) -> None:
    """Subscribe for ever; print how fast a vehicle is to go."""
    rclpy.init()
    node = rclpy.create_node('listener', namespace='camera')
    if topic == 'cmd_vel':
        node.create_subscription(Twist, topic, lambda message: print(message.linear.x), 10)
    else:
        node.create_subscription(CompressedImage, topic, lambda _: None, qos_profile_sensor_data)
    rclpy.spin(node)


if __name__ == '__main__':
    listen(sys.argv[1])
