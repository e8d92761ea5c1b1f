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

"""Receive a robot's frames as OpenCV arrays, on any machine in the same ROS domain."""

import os

os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'] = '64000000'  # a few bytes can claim to be gigabytes

import cv2
import numpy as np
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage


def on_frame(message):
    try:
        image = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # too large, or empty
        image = None
    if image is not None:  # otherwise it was damaged
        print(image.shape, image.mean(), flush=True)


rclpy.init()
node = rclpy.create_node('my_program')
node.create_subscription(CompressedImage, '/camera/image_raw/compressed', on_frame,
                         qos_profile_sensor_data)  # best effort: a reliable subscriber gets none
rclpy.spin(node)
