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

"""What a camera tells of itself beside its pictures, in the fields of sensor_msgs/CameraInfo."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import math
from typing import Any

from .calibration import Calibration
from .json_object import name, natural, number

HEADER = 'X-Camera-Info'
"""In the head of an answer with pictures: where, from there, this is asked for."""
PLACE = 'camera_info'
_IDENTITY = (1, 0, 0, 0, 1, 0, 0, 0, 1)
_MOST_COEFFICIENTS = 32
_LONGEST_SIDE = 1 << 20


@dataclass(frozen=True)
class Region:
    """The part of the sensor's picture that was read: sensor_msgs/RegionOfInterest."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0  # 0 for the whole picture
    width: int = 0
    do_rectify: bool = False


@dataclass(frozen=True)
class SentInfo:
    """One CameraInfo as JSON carries it; its matrices are zero for an uncalibrated camera."""

    frame_id: str = ''
    height: int = 0  # pixels, of the pictures that it is for; 0 where that is not known
    width: int = 0
    distortion_model: str = ''
    d: tuple[float, ...] = ()
    k: tuple[float, ...] = (0.0,) * 9
    r: tuple[float, ...] = (0.0,) * 9
    p: tuple[float, ...] = (0.0,) * 12
    binning_x: int = 0
    binning_y: int = 0
    roi: Region = field(default=Region())

    @classmethod
    def of(cls, frame_id: str, width: int, height: int, calibration: Calibration | None
           ) -> 'SentInfo':
        if calibration is None:
            return cls(frame_id, height, width)
        return cls(frame_id, height, width, calibration.distortion_model, calibration.d,
                   calibration.k, calibration.r, calibration.p)

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> 'SentInfo':
        """Return what a JSON object says; ValueError when it is none of these."""
        header, roi = _mapping(fields, 'header'), _mapping(fields, 'roi')
        return cls(
            name(header.get('frame_id', '')), _side(fields.get('height', 0)),
            _side(fields.get('width', 0)), name(fields.get('distortion_model', '')),
            _numbers(fields, 'd'), _numbers(fields, 'k', 9), _numbers(fields, 'r', 9),
            _numbers(fields, 'p', 12), _side(fields.get('binning_x', 0)),
            _side(fields.get('binning_y', 0)), Region(
                _side(roi.get('x_offset', 0)), _side(roi.get('y_offset', 0)),
                _side(roi.get('height', 0)), _side(roi.get('width', 0))))

    @classmethod
    def of_message(cls, message: Any) -> 'SentInfo':
        """Return what a CameraInfo says; nothing of a calibration that has no numbers in it."""
        d, k, r, p = (tuple(map(float, numbers))
                      for numbers in (message.d, message.k, message.r, message.p))
        if not all(map(math.isfinite, (*d, *k, *r, *p))):
            return cls(message.header.frame_id, message.height, message.width)
        roi = message.roi
        return cls(message.header.frame_id, message.height, message.width,
                   message.distortion_model, d, k, r, p, message.binning_x, message.binning_y,
                   Region(roi.x_offset, roi.y_offset, roi.height, roi.width, roi.do_rectify))

    def fields(self) -> dict[str, Any]:
        """Return the JSON object, as ROS names its fields."""
        fields = asdict(self)
        return {'header': {'frame_id': fields.pop('frame_id')}, **fields,
                **{numbers: list(fields[numbers]) for numbers in 'dkrp'}}


def calibration_of(info: Any) -> Calibration | None:
    """
    Return what a CameraInfo, or a `SentInfo`, says; None for an uncalibrated camera.

    Raises CalibrationError when it cannot be right.
    """
    k = tuple(info.k)
    if not k[0]:
        return None
    model = info.distortion_model or 'plumb_bob'
    # Simulators leave out what changes nothing.
    d = tuple(info.d) or (0.0,) * (4 if model == 'equidistant' else 5)
    r = tuple(info.r) if any(info.r) else _IDENTITY
    p = tuple(info.p) if info.p[0] else (*k[:3], 0, *k[3:6], 0, *k[6:], 0)
    calibration = Calibration(info.width, info.height, 'camera', model, d, k, r, p)
    if info.roi.width and info.roi.height:
        return calibration.cropped(info.roi.x_offset, info.roi.y_offset, info.roi.width,
                                   info.roi.height)
    return calibration


def _mapping(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f'{key} is not an object')
    return value


def _side(value: Any) -> int:
    if natural(value) > _LONGEST_SIDE:
        raise ValueError(f'{value} pixels are too many')
    return int(value)


def _numbers(fields: Mapping[str, Any], key: str, count: int = 0) -> tuple[float, ...]:
    values = fields.get(key, [0.0] * count)
    if not isinstance(values, list) or len(values) > _MOST_COEFFICIENTS or (
            count and len(values) != count):
        raise ValueError(f'{key} is not a list of {count or "a few"} numbers')
    return tuple(float(number(value)) for value in values)
