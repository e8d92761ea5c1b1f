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


"""Whether this node may drive, and what."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from .twists import TwistMessage
from .vehicle import Battery, TwistPublisher
from .vehicle_buttons import create_buttons
from ...core.driving.driven_vehicle import DrivenVehicle
from ...core.driving.safety_chain import SafetyChain
from ...parameters.driving_settings import check_access, read_limits


def create_vehicle(node: Node, value: Callable[[str], Any],
                   on_others: Callable[[TwistMessage], None]) -> DrivenVehicle | None:
    """
    Return what may be driven from a page; None when driving is not enabled.

    `on_others` hears what other nodes drive with, in the executor's thread. Raises
    PermanentError as `check_access`.
    """
    if not value('teleop.enabled'):
        return None

    def log(sentence: str) -> None:
        if node.context.ok():
            node.get_logger().warning(sentence)

    if warning := check_access(value, "'teleop.enabled'"):
        log(warning)
    return DrivenVehicle(
        SafetyChain(*read_limits(value)), TwistPublisher(
            node, value('teleop.stamped'), value('teleop.exclusive'), on_others), log,
        create_buttons(node, value('teleop.buttons')),
        Battery(node, value('teleop.battery_topic')).state,
        node.get_clock().now().nanoseconds / 1e9)
