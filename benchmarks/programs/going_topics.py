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

"""Topics of small pictures that come and go until the standard input is closed."""

import array
import os
import random
import sys
import threading
import time
from typing import Any

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from support import pictures

NAMES = [f'/going_{number}/compressed' for number in range(30)]
_CHANGING, _CHANGE_S, _RATE = 5, 2.0, 5


def main() -> None:
    """Let topics come and go until the standard input is closed."""
    rclpy.init()
    node = rclpy.create_node('come_and_go')
    message = CompressedImage(format='jpeg', data=array.array('B', pictures.jpeg(64, 48)))
    publishers: dict[str, Any] = {}

    def change(name: str) -> None:
        if name in publishers:
            node.destroy_publisher(publishers.pop(name))
        else:
            publishers[name] = node.create_publisher(
                CompressedImage, name, QoSProfile(
                    depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))

    for name in NAMES:
        change(name)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    changed_s = time.monotonic()
    while True:
        if time.monotonic() - changed_s > _CHANGE_S:
            changed_s = time.monotonic()
            for name in random.sample(NAMES, _CHANGING):
                change(name)
        message.header.stamp = node.get_clock().now().to_msg()
        for publisher in publishers.values():
            publisher.publish(message)
        time.sleep(1 / _RATE)


if __name__ == '__main__':
    main()
