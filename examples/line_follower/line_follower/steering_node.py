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

"""Publish the steering value that the processor `line_follower` has found."""

import json

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Float64, String

OLDEST_MS = 300.0  # older results say nothing about where the robot is now


class SteeringNode(Node):
    """
    Turn the results of the OpenCV node into std_msgs/Float64 on `steering`.

    While there is no line, nothing is published: what drives the robot must then stop.
    """

    def __init__(self):
        super().__init__('steering', namespace='camera')
        self.publisher = self.create_publisher(Float64, 'steering', 1)
        self.create_subscription(String, 'results', self.on_results, 1)

    def on_results(self, message):
        """Publish the value of one frame."""
        try:
            picture = json.loads(message.data)
            for result in picture['results']:
                if result['processor'] == 'line_follower' and picture['age_ms'] <= OLDEST_MS \
                        and 'steering' in result['values']:
                    self.publisher.publish(Float64(data=float(result['values']['steering'])))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self.get_logger().warning(f'dropped results in an unknown form: {error!r}',
                                      throttle_duration_sec=10.0)


def main():
    """Run the node until Ctrl-C."""
    rclpy.init()
    try:
        rclpy.spin(SteeringNode())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()
