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

"""What a Raspberry Pi camera is asked for, before it runs and while it does."""

from __future__ import annotations

import re
from typing import Any

from worker_pipe import Failure

# One is being exposed and one waits for it, so that two can be encoded at a time. More would only
# let pictures grow older when the encoder is slow. The hardware is not, and may have a second one
# at work on the same pictures.
BUFFERS, BUFFERS_OF_HARDWARE = 4, 6
_ENCODABLE = ('YUV420', 'RGB888', 'BGR888', 'XRGB8888', 'XBGR8888')  # others kill JpegEncoder
_NOISE = {'off': 'Off', 'fast': 'Fast', 'high_quality': 'HighQuality', 'minimal': 'Minimal'}
_OWN_FPS = 30.0  # what picamera2 takes where nobody asks for a rate


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse what no camera can do."""
    if settings.get('rotation', 0) not in (0, 180):
        raise Failure('the sensor cannot rotate pictures by 90 degrees: set the parameter '
                      "'rotation' to 0 or 180", permanent=True)
    crop = settings.get('crop')
    if crop and (len(crop) != 4 or min(crop) < 0 or 0 in crop[2:]):
        raise Failure(f"{crop} is not an area of the sensor: set the parameter 'crop' to x, y, "
                      "width and height in the sensor's pixels", permanent=True)


def configure(picam2: Any, settings: dict[str, Any], pixel_format: str,
              buffers: int = BUFFERS) -> dict[str, Any]:
    """Configure the camera as far as it can do what is wanted; return what it will deliver."""
    from libcamera import ColorSpace, Transform

    half_turn = settings.get('rotation', 0) == 180
    transform = Transform(hflip=bool(settings.get('hflip')) != half_turn,
                          vflip=bool(settings.get('vflip')) != half_turn)
    wanted: dict[str, Any] = {'main': {'format': pixel_format},
                              'controls': _controls(picam2, settings)}
    if settings.get('width'):
        wanted['main']['size'] = (settings['width'], settings['height'])
    if settings.get('sensor_mode'):
        wanted['sensor'] = _sensor(settings['sensor_mode'])
    # sRGB primaries with full range, as a JPEG has it; the default would make white grey.
    picam2.configure(picam2.create_video_configuration(
        raw=None, transform=transform, colour_space=ColorSpace.Sycc(), buffer_count=buffers,
        queue=False, **wanted))
    got: dict[str, Any] = picam2.camera_configuration()
    _check(picam2, got, wanted, transform)
    if settings.get('crop'):
        picam2.set_controls(_crop(picam2, settings['crop']))
    return got


def changed_controls(picam2: Any, settings: dict[str, Any], changed: frozenset[str]
                     ) -> dict[str, Any]:
    """Return the controls by which a camera that runs takes changed settings in."""
    values: dict[str, Any] = {}
    if 'crop' in changed:
        values.update(_crop(picam2, settings['crop']))
    controls = _controls(picam2, settings, always=True)
    if 'fps' in changed and 'FrameDurationLimits' in controls:
        values['FrameDurationLimits'] = controls['FrameDurationLimits']
    if 'noise_reduction' in changed and 'NoiseReductionMode' in controls:
        values['NoiseReductionMode'] = controls['NoiseReductionMode']
    return values


def describe_sensor(picam2: Any) -> dict[str, Any]:
    """Return the sensor's mode, its size, and what of it is read out, as far as they are told."""
    about: dict[str, Any] = {}
    sensor = picam2.camera_configuration().get('sensor') or {}
    if sensor.get('output_size'):
        about['mode'] = '{}x{}'.format(*sensor['output_size'])
        if sensor.get('bit_depth'):
            about['mode'] += f":{sensor['bit_depth']}"
    properties = picam2.camera_properties
    areas = properties.get('PixelArrayActiveAreas')
    if areas:
        about['area'] = list(areas[0][2:] if isinstance(areas[0], (list, tuple)) else areas[2:])
    elif properties.get('PixelArraySize'):
        about['area'] = list(properties['PixelArraySize'])
    if properties.get('ScalerCropMaximum'):
        about['crop'] = list(properties['ScalerCropMaximum'])
    return about


def _controls(picam2: Any, settings: dict[str, Any], always: bool = False) -> dict[str, Any]:
    """Return frame rate and noise reduction as controls, `always` those of the default, too."""
    from libcamera import controls

    values: dict[str, Any] = {}
    if (settings.get('fps') or always) and 'FrameDurationLimits' in picam2.camera_controls:
        duration_us = round(1e6 / (settings.get('fps') or _OWN_FPS))
        values['FrameDurationLimits'] = (duration_us, duration_us)
    wanted = settings.get('noise_reduction')
    if wanted or (always and 'NoiseReductionMode' in picam2.camera_controls):
        name = _NOISE.get(wanted or 'fast')
        if name is None or 'NoiseReductionMode' not in picam2.camera_controls:
            raise Failure(f"this camera has no noise reduction '{wanted}': set the parameter "
                          "'noise_reduction' to auto", permanent=True)
        values['NoiseReductionMode'] = int(getattr(controls.draft.NoiseReductionModeEnum, name))
    return values


def _crop(picam2: Any, crop: list[int]) -> dict[str, Any]:
    limits = picam2.camera_controls
    if 'ScalerCrops' in limits:  # where both are set, this one is used
        # The first of its three is what libcamera would use for the first stream.
        return {'ScalerCrops': [tuple(crop or limits['ScalerCrops'][0])]}
    if 'ScalerCrop' in limits:
        return {'ScalerCrop': tuple(crop or limits['ScalerCrop'][2])}
    if crop:
        raise Failure("this camera cannot use a part of its sensor: set the parameter 'crop' to "
                      "''", permanent=True)
    return {}


def _sensor(mode: str) -> dict[str, Any]:
    """Return picamera2's words for a sensor mode `WIDTHxHEIGHT` or `WIDTHxHEIGHT:BITS`."""
    match = re.fullmatch(r'(\d+)x(\d+)(?::(\d+))?', mode)
    if match is None:
        raise Failure(f"'{mode}' is not a sensor mode: set the parameter 'sensor_mode' to "
                      'WIDTHxHEIGHT or WIDTHxHEIGHT:BITS', permanent=True)
    sensor: dict[str, Any] = {'output_size': (int(match[1]), int(match[2]))}
    if match[3]:
        sensor['bit_depth'] = int(match[3])
    return sensor


def _check(picam2: Any, got: dict[str, Any], wanted: dict[str, Any], transform: Any) -> None:
    """Refuse what was adjusted in silence, and is not what the user meant."""
    if got['main']['format'] not in _ENCODABLE:
        raise Failure(f"this camera delivers only {got['main']['format']}: set the parameter "
                      "'source' to v4l2", permanent=True)
    flips = got['transform']
    if (bool(flips.hflip), bool(flips.vflip)) != (bool(transform.hflip), bool(transform.vflip)):
        raise Failure("this camera cannot flip its pictures: set the parameters 'hflip' and "
                      "'vflip' to false, and 'rotation' to 0", permanent=True)
    sensor = got.get('sensor') or {}
    if any(sensor.get(key) != value for key, value in wanted.get('sensor', {}).items()):
        modes = sorted({'{}x{}:{}'.format(*mode['size'], mode['bit_depth'])
                        for mode in picam2.sensor_modes if 'size' in mode})
        raise Failure("this camera has no such sensor mode: set the parameter 'sensor_mode' to "
                      f"'' or to one of {', '.join(modes)}", permanent=True)
