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

"""
What a camera does to the picture of a point: the numbers of sensor_msgs/CameraInfo.

A whole number is the middle of a pixel, as in OpenCV: a picture of width W reaches from -0.5 to
W - 0.5. So a mirrored point lies at W - 1 - u, and a scaled one at (u + 0.5) * scale - 0.5, which
is where `cv2.flip` and `cv2.resize` put it. ROS's own arithmetic for binning (image_geometry's
PinholeCameraModel, image_proc's resize) leaves the halves out, and so is up to half a pixel off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
import math
import reprlib
from typing import Any

# How many coefficients each model of sensor_msgs/distortion_models.hpp has, here or in OpenCV.
MODELS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}
# The signs that mirroring left to right changes, and upside down. The order is OpenCV's:
# k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 tilt_x tilt_y; equidistant has k1 to k4 and changes none.
_CHANGED_BY_HFLIP = (3, 8, 9, 13)
_CHANGED_BY_VFLIP = (2, 10, 11, 12)

_LONGEST_SIDE = 65535  # pixels, of a JPEG
_LARGEST = 1e9  # beyond this no number of a camera is real
_ROUNDED = 0.01  # how far a rotation may be from one, since files have few digits
_NO_NAME = 'unknown'  # what camera_calibration_parsers calls a camera without a name


class CalibrationError(ValueError):
    """It is no calibration, or none for these pictures; the message is one sentence."""


@dataclass(frozen=True)
class Calibration:
    """A camera's calibration; CalibrationError where something of it cannot be right."""

    width: int  # pixels, of the pictures that it is for
    height: int
    name: str
    distortion_model: str  # one of `MODELS`
    d: tuple[float, ...]
    k: tuple[float, ...]  # camera matrix, 3x3, row by row: fx 0 cx, 0 fy cy, 0 0 1
    r: tuple[float, ...]  # rectification matrix, 3x3: a rotation
    p: tuple[float, ...]  # projection matrix, 3x4: fx' 0 cx' Tx, 0 fy' cy' Ty, 0 0 1 0

    def __post_init__(self) -> None:
        for what, side in (('image_width', self.width), ('image_height', self.height)):
            if type(side) is not int or not 0 < side <= _LONGEST_SIDE:
                raise CalibrationError(f'{what} must be 1 to {_LONGEST_SIDE} pixels, '
                                       f'not {_brief(side)}')
        if not isinstance(self.name, str):
            raise CalibrationError(f'camera_name must be a text, not {_brief(self.name)}')
        if not isinstance(self.distortion_model, str) or self.distortion_model not in MODELS:
            raise CalibrationError(f'distortion_model must be one of {", ".join(MODELS)}, '
                                   f'not {_brief(self.distortion_model)}')
        for what, name, counts in (
                ('distortion_coefficients', 'd', MODELS[self.distortion_model]),
                ('camera_matrix', 'k', (9,)), ('rectification_matrix', 'r', (9,)),
                ('projection_matrix', 'p', (12,))):
            object.__setattr__(self, name, _numbers(what, getattr(self, name), counts))
        k, p = self.k, self.p
        if k != (k[0], 0, k[2], 0, k[4], k[5], 0, 0, 1) or min(k[0], k[4]) <= 0:
            raise CalibrationError(
                'camera_matrix must be [fx, 0, cx, 0, fy, cy, 0, 0, 1] with fx and fy above 0')
        if p != (p[0], 0, p[2], p[3], 0, p[5], p[6], p[7], 0, 0, 1, 0) or min(p[0], p[5]) <= 0:
            raise CalibrationError('projection_matrix must be [fx, 0, cx, Tx, 0, fy, cy, Ty, '
                                   '0, 0, 1, 0] with fx and fy above 0')
        if not _is_rotation(self.r):
            raise CalibrationError('rectification_matrix must be a rotation, for a single camera '
                                   '[1, 0, 0, 0, 1, 0, 0, 0, 1]')

    @classmethod
    def from_mapping(cls, document: Any) -> 'Calibration':
        """
        Return the calibration of a file in the layout of camera_calibration_parsers.

        Like there, a file without distortion model means plumb_bob. Raises CalibrationError.
        """
        if not isinstance(document, Mapping):
            raise CalibrationError('it has no image_width, camera_matrix and so on')
        for key in ('image_width', 'image_height', 'camera_matrix', 'distortion_coefficients',
                    'rectification_matrix', 'projection_matrix'):
            if key not in document:
                raise CalibrationError(f'{key} is missing')
        name = document.get('camera_name', _NO_NAME)
        return cls(document['image_width'], document['image_height'],
                   name if isinstance(name, str) else _brief(name),  # some are serial numbers
                   document.get('distortion_model', 'plumb_bob'),
                   _matrix(document, 'distortion_coefficients'),
                   _matrix(document, 'camera_matrix', (3, 3)),
                   _matrix(document, 'rectification_matrix', (3, 3)),
                   _matrix(document, 'projection_matrix', (3, 4)))

    def as_mapping(self) -> dict[str, Any]:
        """Return what `from_mapping` takes, in the order in which such files have it."""
        def matrix(rows: int, data: tuple[float, ...]) -> dict[str, Any]:
            return {'rows': rows, 'cols': len(data) // rows, 'data': list(data)}

        return {'image_width': self.width, 'image_height': self.height, 'camera_name': self.name,
                'camera_matrix': matrix(3, self.k), 'distortion_model': self.distortion_model,
                'distortion_coefficients': matrix(1, self.d),
                'rectification_matrix': matrix(3, self.r), 'projection_matrix': matrix(3, self.p)}

    def scaled(self, width: int, height: int) -> 'Calibration':
        """
        Return the calibration of the same pictures at another resolution.

        Raises CalibrationError when their shape differs by more than rounding to whole pixels
        explains.
        """
        if (width, height) == (self.width, self.height):
            return self
        x, y = width / self.width, height / self.height
        # Sides are rounded to whole pixels, or to even ones: each may be off by one.
        if max((width - 1) / self.width, (height - 1) / self.height) > min(
                (width + 1) / self.width, (height + 1) / self.height):
            raise CalibrationError(
                f'a calibration for {self.width}x{self.height} pixels does not fit pictures of '
                f'{width}x{height}, which show another part of the scene: calibrate at this size')
        return self._moved((width, height), (x, x / 2 - 0.5), (y, y / 2 - 0.5))

    def flipped(self, horizontally: bool, vertically: bool) -> 'Calibration':
        """
        Return the calibration of the mirrored pictures; both together turn them by 180 degrees.

        The focal lengths stay positive, as in a calibration from mirrored pictures: the optical
        frame is mirrored with them.
        """
        if not horizontally and not vertically:
            return self
        return self._moved((self.width, self.height),
                           (-1, self.width - 1) if horizontally else (1, 0),
                           (-1, self.height - 1) if vertically else (1, 0))

    def cropped(self, x: int, y: int, width: int, height: int) -> 'Calibration':
        """Return that of the part with the upper left pixel (x, y); CalibrationError beyond it."""
        if min(x, y) < 0 or x + width > self.width or y + height > self.height:
            raise CalibrationError(f'{width}x{height} pixels at ({x}, {y}) reach beyond the '
                                   f'{self.width}x{self.height} of the calibration')
        return self._moved((width, height), (1, -x), (1, -y))

    def _moved(self, size: tuple[int, int], x: tuple[float, float], y: tuple[float, float]
               ) -> 'Calibration':
        """Return the calibration where pixel u is now at x[0] * u + x[1], and v likewise."""
        k, p = self.k, self.p
        sign_x, sign_y = math.copysign(1, x[0]), math.copysign(1, y[0])
        signs = (sign_x, sign_y, 1)
        d = list(self.d)
        if self.distortion_model != 'equidistant':
            for index in range(len(d)):
                if index in _CHANGED_BY_HFLIP:
                    d[index] *= sign_x
                elif index in _CHANGED_BY_VFLIP:
                    d[index] *= sign_y
        return replace(
            self, width=size[0], height=size[1], d=tuple(d),
            k=(abs(x[0]) * k[0], 0, x[0] * k[2] + x[1],
               0, abs(y[0]) * k[4], y[0] * k[5] + y[1], 0, 0, 1),
            r=tuple(self.r[3 * i + j] * signs[i] * signs[j] for i in range(3) for j in range(3)),
            p=(abs(x[0]) * p[0], 0, x[0] * p[2] + x[1], x[0] * p[3],
               0, abs(y[0]) * p[5], y[0] * p[6] + y[1], y[0] * p[7], 0, 0, 1, 0))


def _brief(value: object) -> str:
    shortener = reprlib.Repr()
    shortener.maxlevel = 1  # YAML can say in a line what fills the memory when it is written out
    try:
        return shortener.repr(value)
    except ValueError:  # a whole number of thousands of digits
        return 'that'


def _numbers(what: str, values: Iterable[Any], counts: tuple[int, ...]) -> tuple[float, ...]:
    values = tuple(values)
    if len(values) not in counts:
        wanted = ' or '.join(str(count) for count in counts)
        raise CalibrationError(f'{what} must have {wanted} elements, not {len(values)}')
    return tuple(_number(what, value) for value in values)


def _number(what: str, value: Any) -> float:
    try:
        # A text, since PyYAML takes 1e-05 for one: YAML 1.1 wants a point in it.
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise CalibrationError(f'{what} contains {_brief(value)}, which is not a usable number')
    return number + 0.0  # no negative zero


def _matrix(document: Mapping[str, Any], key: str, shape: tuple[int, int] | None = None
            ) -> tuple[Any, ...]:
    matrix = document[key]
    if not isinstance(matrix, Mapping) or not isinstance(matrix.get('data'), list):
        raise CalibrationError(f'{key} must have rows, cols and a list of data')
    rows, cols, data = matrix.get('rows'), matrix.get('cols'), matrix['data']
    if type(rows) is not int or type(cols) is not int or shape not in (None, (rows, cols)):
        wanted = f'{shape[0]} rows and {shape[1]} cols' if shape else 'rows and cols'
        raise CalibrationError(f'{key} must have {wanted}')
    if rows * cols != len(data):
        raise CalibrationError(f'{key} must have {rows}x{cols} elements as it says, '
                               f'not {_brief(len(data))}')
    return tuple(data)


def _is_rotation(r: tuple[float, ...]) -> bool:
    rows = r[:3], r[3:6], r[6:]
    for one in rows:
        for other in rows:
            product = sum(a * b for a, b in zip(one, other, strict=True))
            if abs(product - (one is other)) > _ROUNDED:
                return False
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0  # no mirror
