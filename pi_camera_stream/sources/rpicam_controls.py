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

"""The controls that rpicam-vid takes on its command line, by libcamera's names."""

from collections.abc import Callable, Mapping
from typing import Any

_METERING = {0: ('CentreWeighted', 'centre'), 1: ('Spot', 'spot'), 2: ('Matrix', 'average'),
             3: ('Custom', 'custom')}
_EXPOSURE = {0: ('Normal', 'normal'), 1: ('Short', 'sport'), 2: ('Long', 'long'),
             3: ('Custom', 'custom')}
_WHITE = {number: (name, name.lower()) for number, name in enumerate((
    'Auto', 'Incandescent', 'Tungsten', 'Fluorescent', 'Indoor', 'Daylight', 'Cloudy', 'Custom'))}
_FOCUS = {0: ('Manual', 'manual'), 1: ('Auto', 'auto'), 2: ('Continuous', 'continuous')}
_FOCUS_RANGE = {0: ('Normal', 'normal'), 1: ('Macro', 'macro'), 2: ('Full', 'full')}
_FOCUS_SPEED = {0: ('Normal', 'normal'), 1: ('Fast', 'fast')}
# What the program calls sensor HDR is that several exposures are merged in the sensor.
_HDR = {0: ('Off', 'off'), 2: ('MultiExposure', 'sensor'), 3: ('SingleExposure', 'single-exp')}


def _number(kind: str, least: float, most: float, value: float | None) -> dict[str, Any]:
    return {'kind': kind, 'minimum': least, 'maximum': most, 'value': value}


def _choice(names: Mapping[int, tuple[str, str]], value: int = 0) -> dict[str, Any]:
    return {**_number('int', min(names), max(names), value),
            'choices': {str(number): name for number, (name, _) in names.items()}}


_SWITCH = {'kind': 'bool', 'minimum': False, 'maximum': True, 'value': True}
# The ranges are the program's and libcamera's widest: those of the camera are not told. `value` is
# what the program does by itself: 0 of ExposureTime, AnalogueGain and AeFlickerPeriod leaves it to
# the camera.
CONTROLS: dict[str, dict[str, Any]] = {
    'AeEnable': _SWITCH,
    'ExposureTime': _number('int', 0, 670_000_000, 0),  # us; the longest is that of an imx477
    'AnalogueGain': _number('float', 0.0, 64.0, 0.0),
    'ExposureValue': _number('float', -8.0, 8.0, 0.0),
    'AeMeteringMode': _choice(_METERING),
    'AeExposureMode': _choice(_EXPOSURE),
    'AeFlickerPeriod': _number('int', 0, 1_000_000, 0),  # us
    'AwbEnable': _SWITCH,
    'AwbMode': _choice(_WHITE),
    'ColourGains': {**_number('float[]', 0.0, 32.0, None), 'length': 2},
    'Brightness': _number('float', -1.0, 1.0, 0.0),
    'Contrast': _number('float', 0.0, 15.99, 1.0),
    'Saturation': _number('float', 0.0, 15.99, 1.0),
    'Sharpness': _number('float', 0.0, 15.99, 1.0),
    'AfMode': _choice(_FOCUS, 2),
    'AfRange': _choice(_FOCUS_RANGE),
    'AfSpeed': _choice(_FOCUS_SPEED),
    'LensPosition': _number('float', 0.0, 32.0, None),  # dioptres
    'HdrMode': _choice(_HDR),
}
_OPTIONS: dict[str, tuple[str, Callable[[Any], str]]] = {
    'ExposureTime': ('--shutter', str), 'AnalogueGain': ('--gain', lambda gain: f'{gain:g}'),
    'ExposureValue': ('--ev', lambda ev: f'{ev:g}'),
    'AeMeteringMode': ('--metering', lambda mode: _METERING[mode][1]),
    'AeExposureMode': ('--exposure', lambda mode: _EXPOSURE[mode][1]),
    'AeFlickerPeriod': ('--flicker-period', lambda period_us: f'{period_us}us'),
    'AwbMode': ('--awb', lambda mode: _WHITE[mode][1]),
    'ColourGains': ('--awbgains', lambda gains: ','.join(f'{gain:g}' for gain in gains)),
    'Brightness': ('--brightness', lambda value: f'{value:g}'),
    'Contrast': ('--contrast', lambda value: f'{value:g}'),
    'Saturation': ('--saturation', lambda value: f'{value:g}'),
    'Sharpness': ('--sharpness', lambda value: f'{value:g}'),
    'AfMode': ('--autofocus-mode', lambda mode: _FOCUS[mode][1]),
    'AfRange': ('--autofocus-range', lambda mode: _FOCUS_RANGE[mode][1]),
    'AfSpeed': ('--autofocus-speed', lambda mode: _FOCUS_SPEED[mode][1]),
    'LensPosition': ('--lens-position', lambda position: f'{position:g}'),
    'HdrMode': ('--hdr', lambda mode: _HDR[mode][1]),
}


def words(values: Mapping[str, Any]) -> list[list[str]]:
    """Return the options for controls, each with its value; none for what is so by itself."""
    return [[option, text(values[name])] for name, (option, text) in _OPTIONS.items()
            if name in values and values[name] != CONTROLS[name]['value']]


def refused(values: Mapping[str, Any]) -> str:
    """Return which of the controls the program cannot do, and what to do instead, or nothing."""
    sentences = []
    if values.get('AeEnable') is False and not (
            values.get('ExposureTime') and values.get('AnalogueGain')):
        sentences.append('AeEnable: rpicam-vid cannot hold the exposure that it has found: set '
                         'ExposureTime and AnalogueGain')
    if values.get('AwbEnable') is False and not values.get('ColourGains'):
        sentences.append('AwbEnable: rpicam-vid cannot hold the white balance that it has found: '
                         'set ColourGains')
    if values.get('HdrMode') == 1:
        sentences.append('HdrMode: rpicam-vid has no MultiExposureUnmerged: set it to '
                         '0, 2 or 3')
    return '; '.join(sentences)
