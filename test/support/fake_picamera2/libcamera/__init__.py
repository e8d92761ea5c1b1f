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
A stand-in for libcamera's Python module: what of it picamera2 and our worker use.

Like the real one it converts values strictly: what has the wrong type raises, and where that
happens is the caller's misfortune.
"""

from enum import Enum, IntEnum

ControlType = Enum('ControlType', 'Bool Integer32 Integer64 Float Rectangle')


class Transform:
    def __init__(self, rotation=0, hflip=False, vflip=False, transpose=False):
        assert rotation in (0, 180)
        self.hflip = bool(hflip) != (rotation == 180)
        self.vflip = bool(vflip) != (rotation == 180)
        self.transpose = bool(transpose)


class Rectangle:
    def __init__(self, x, y, width, height):
        self.x, self.y, self.width, self.height = x, y, width, height

    def to_tuple(self):
        return (self.x, self.y, self.width, self.height)


class ColorSpace:
    def __init__(self, name):
        self.name = name

    @staticmethod
    def Sycc():  # noqa: N802
        return ColorSpace('sYCC')

    @staticmethod
    def Rec709():  # noqa: N802
        return ColorSpace('Rec709')


class ControlId:
    """Name and type of a control; it also converts, as C++ does behind the real one."""

    def __init__(self, name, kind):
        self.name, self.type = name, kind

    def convert(self, value):
        if isinstance(value, (list, tuple)) and self.type != ControlType.Bool:
            return tuple(self._one(item) for item in value)
        return self._one(value)

    def _one(self, value):
        accepted = {ControlType.Bool: bool, ControlType.Integer32: int,
                    ControlType.Integer64: int, ControlType.Float: (int, float),
                    ControlType.Rectangle: Rectangle}[self.type]
        fits = isinstance(value, accepted) and (
            self.type != ControlType.Integer32 or -2**31 <= int(value) < 2**31)
        if not fits:
            raise RuntimeError(f'Unable to cast Python instance of type {type(value)} to C++ type')
        return value


class controls:  # noqa: N801
    ExposureTime = ControlId('ExposureTime', ControlType.Integer32)
    AnalogueGain = ControlId('AnalogueGain', ControlType.Float)
    AeEnable = ControlId('AeEnable', ControlType.Bool)
    AwbMode = ControlId('AwbMode', ControlType.Integer32)
    ColourGains = ControlId('ColourGains', ControlType.Float)
    Brightness = ControlId('Brightness', ControlType.Float)
    FrameDurationLimits = ControlId('FrameDurationLimits', ControlType.Integer64)
    ScalerCrop = ControlId('ScalerCrop', ControlType.Rectangle)
    AfMode = ControlId('AfMode', ControlType.Integer32)
    AfWindows = ControlId('AfWindows', ControlType.Rectangle)
    LensPosition = ControlId('LensPosition', ControlType.Float)
    AwbEnable = ControlId('AwbEnable', ControlType.Bool)
    Lux = ControlId('Lux', ControlType.Float)
    ColourTemperature = ControlId('ColourTemperature', ControlType.Integer32)
    SensorTemperature = ControlId('SensorTemperature', ControlType.Float)
    SensorTimestamp = ControlId('SensorTimestamp', ControlType.Integer64)
    FrameDuration = ControlId('FrameDuration', ControlType.Integer64)

    AfModeEnum = IntEnum('AfModeEnum', 'Manual Auto Continuous', start=0)
    AwbModeEnum = IntEnum('AwbModeEnum', 'Auto Incandescent Tungsten Fluorescent Indoor Daylight '
                          'Cloudy Custom', start=0)

    class draft:  # noqa: N801
        NoiseReductionMode = ControlId('NoiseReductionMode', ControlType.Integer32)
        NoiseReductionModeEnum = IntEnum('NoiseReductionModeEnum',
                                         'Off Fast HighQuality Minimal ZSL', start=0)

    class rpi:  # noqa: N801
        ScalerCrops = ControlId('ScalerCrops', ControlType.Rectangle)
