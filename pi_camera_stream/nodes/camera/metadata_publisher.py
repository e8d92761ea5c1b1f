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

"""How the camera took its pictures: on a topic of its own, and in the diagnostics."""

from collections.abc import Mapping
import json
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from ...client.entities import create_publisher
from ...client.qos import reliable_qos
from ...core.frame import Capture

_DEPTH = 10
# Names of the diagnostics, of libcamera, and how many decimals are of interest.
_SHOWN = (('exposure [us]', 'ExposureTime', 0), ('analogue gain', 'AnalogueGain', 2),
          ('digital gain', 'DigitalGain', 2), ('light [lux]', 'Lux', 1),
          ('colour temperature [K]', 'ColourTemperature', 0),
          ('lens position [1/m]', 'LensPosition', 2), ('sharpness measured', 'FocusFoM', 0),
          ('sensor temperature [degC]', 'SensorTemperature', 1))
_FOCUS = 'AfState', ('idle', 'scanning', 'focused', 'failed')


class MetadataPublisher:
    """
    Publish JSON of each picture of which the camera tells on `~/metadata`.

    It is asked to tell of each one only while somebody subscribes. Any thread may publish.
    """

    def __init__(self, node: Node) -> None:
        self._publisher = create_publisher(node, String, '~/metadata', reliable_qos(_DEPTH))

    def wanted(self) -> bool:
        return bool(self._publisher.get_subscription_count() > 0)

    def publish(self, capture: Capture, stamp_ns: int) -> None:
        if capture.metadata is not None and self.wanted():
            seconds, rest_ns = divmod(stamp_ns, 10**9)
            self._publisher.publish(String(data=json.dumps({
                'stamp': {'sec': seconds, 'nanosec': rest_ns}, **capture.metadata})))


def metadata_values(metadata: Mapping[str, Any]) -> dict[str, object]:
    """Return what of a picture's metadata is of interest to people, by name."""
    shown: dict[str, object] = {}
    for name, key, decimals in _SHOWN:
        value = metadata.get(key)
        if isinstance(value, int | float):
            shown[name] = f'{value:.{decimals}f}'
    state, names = metadata.get(_FOCUS[0]), _FOCUS[1]
    if isinstance(state, int) and 0 <= state < len(names):
        shown['focus'] = names[state]
    return shown


def field_of_view(metadata: Mapping[str, Any], sensor: Mapping[str, Any]) -> str:
    """Return which part of the sensor is seen, for people; empty when that is not known."""
    crop = _numbers(metadata.get('ScalerCrop') or sensor.get('crop'))
    area = _numbers(sensor.get('area'))
    if len(crop) != 4 or len(area) != 2 or min(area) <= 0:
        return ''
    width, height = (round(100 * crop[index + 2] / area[index]) for index in (0, 1))
    return f'{width} % of the width and {height} % of the height of the sensor'


def _numbers(value: Any) -> list[float]:
    return [number for number in value if isinstance(number, int | float)] \
        if isinstance(value, list | tuple) else []
