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
from dataclasses import fields
from typing import Any

from rclpy.node import Node

from .vehicle import RosVehicle
from .vehicle_buttons import create_buttons
from ...core.driving.limits import Limits
from ...core.driving.safety_chain import SafetyChain
from ...core.errors import PermanentError

_LIMITS = tuple(row.name for row in fields(Limits))


def create_vehicle(node: Node, value: Callable[[str], Any]) -> RosVehicle | None:
    """
    Return what may be driven from a page; None when driving is not enabled.

    Raises PermanentError when everyone could drive, or read along what is needed for it.
    """
    if not value('teleop.enabled'):
        return None
    missing = [what for there, what in (
        (value('access_token') or value('driver_token'),
         "an access token (parameter 'access_token')"),
        (value('certfile'), "HTTPS (parameters 'certfile' and 'keyfile')")) if not there]
    if missing and not value('teleop.insecure'):
        raise PermanentError(
            f"'teleop.enabled' needs {' and '.join(missing)}, or whoever is in the network could "
            "drive: set that (`python3 -m pi_camera_stream secure` makes it), or, on a closed "
            "workbench, 'teleop.insecure'")
    if missing:
        node.get_logger().warning(
            f'driving is enabled without {" and ".join(missing)}: whoever is in the network can '
            'drive')

    def log(sentence: str) -> None:
        node.get_logger().warning(sentence)

    return RosVehicle(node, SafetyChain(*read_limits(value)), value('teleop.stamped'),
                      create_buttons(node, value('teleop.buttons')),
                      value('teleop.battery_topic'), log)


def read_limits(value: Callable[[str], Any]) -> tuple[Limits, float]:
    """Return what the vehicle may do, and how old the driver's picture may be, in s."""
    return (Limits(**{name: value(f'teleop.{name}') for name in _LIMITS}),
            value('teleop.max_video_age'))
