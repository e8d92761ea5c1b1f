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
The capture worker of Raspberry Pi cameras: a program of its own, started by `Picamera2Source`.

It runs under whichever Python has picamera2, 3.9 at least, and so imports nothing of this package
but the files beside it, which are found because Python looks first where the program lies, and
the runtime of all workers.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import metadata
from pathlib import Path
import re
import sys
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / 'runtime'))

from picamera2_bitrate import HardwareLimit, QualityLimit
from picamera2_controls import Controls
from worker_pipe import Device, Failure, run, WorkerPipe

_STAMPS = 32  # more than there can be frames under way
# One is being exposed and one waits for it, so that two can be encoded at a time. More would only
# let pictures grow older when the encoder is slow.
_BUFFERS = 4
# The widest and highest that the JPEG hardware takes: MAX_W_CODEC and MAX_H_CODEC in the driver,
# bcm2835-v4l2-codec.c, which cuts off in silence what is more.
_HARDWARE_PIXELS = 1920
_ENCODABLE = ('YUV420', 'RGB888', 'BGR888', 'XRGB8888', 'XBGR8888')  # others kill JpegEncoder
_NOISE = {'off': 'Off', 'fast': 'Fast', 'high_quality': 'HighQuality', 'minimal': 'Minimal'}


class Stamps:
    """What the metadata tell of the frames that are being encoded."""

    def __init__(self) -> None:
        self._frames: dict[int, tuple[int, int, int]] = {}
        self._number = 0
        self._last_ns = self._last_duration_us = 0

    def note(self, request: Any) -> None:
        """Take in a frame, in picamera2's event loop, which would not survive an exception."""
        with suppress(Exception):
            data = request.get_metadata()
            sensor_ns, exposure_us = data['SensorTimestamp'], data.get('ExposureTime', 0)
            self._count(sensor_ns, data.get('FrameDuration', 0))
            # The sensor's stamp is when its first row was read out, the end of its exposure.
            # The encoders' stamps are the same in us, rounded by a division like this one.
            self._frames[int(sensor_ns / 1000)] = (
                sensor_ns - exposure_us * 1000, self._number, exposure_us)
            while len(self._frames) > _STAMPS:
                del self._frames[next(iter(self._frames))]

    def find(self, sensor_us: int) -> tuple[int, int, int]:
        """Return (start of exposure in ns, frame number, exposure time in us)."""
        return self._frames.pop(sensor_us, (sensor_us * 1000, self._number, 0))

    def _count(self, sensor_ns: int, duration_us: int) -> None:
        # libcamera counts requests, not frames: what the sensor took while all buffers were in
        # use shows only in the time that passed.
        longer_us = max(duration_us, self._last_duration_us)
        passed_us = (sensor_ns - self._last_ns) / 1000
        self._number += max(1, round(passed_us / longer_us)) if longer_us and self._last_ns else 1
        self._last_ns, self._last_duration_us = sensor_ns, duration_us


def choose(cameras: list[dict[str, Any]], wanted: str) -> int:
    if not cameras:
        raise Failure('no camera found: switch the power off, push its ribbon cable in again at '
                      'both ends, and see whether `rpicam-hello --list-cameras` finds it')
    found = [index for index, camera in enumerate(cameras) if not wanted or wanted == str(index)
             or wanted.lower() in (str(camera.get('Model')).lower(), camera['Id'].lower())]
    if len(found) != 1 and wanted:
        names = ', '.join(f"{index} ({camera.get('Model')}, {camera['Id']})"
                          for index, camera in enumerate(cameras))
        count = 'no camera' if not found else f'{len(found)} cameras'
        raise Failure(f"there is {count} '{wanted}': set the parameter 'camera' to the number or "
                      f'the id of one of these: {names}', permanent=True)
    return found[0]


def sensor_of(mode: str) -> dict[str, Any]:
    """Return picamera2's words for a sensor mode `WIDTHxHEIGHT` or `WIDTHxHEIGHT:BITS`."""
    match = re.fullmatch(r'(\d+)x(\d+)(?::(\d+))?', mode)
    if match is None:
        raise Failure(f"'{mode}' is no sensor mode: set the parameter 'sensor_mode' to "
                      'WIDTHxHEIGHT or WIDTHxHEIGHT:BITS', permanent=True)
    sensor: dict[str, Any] = {'output_size': (int(match[1]), int(match[2]))}
    if match[3]:
        sensor['bit_depth'] = int(match[3])
    return sensor


def jpeg_takes_yuv() -> bool:
    """Return whether this picamera2's JpegEncoder takes YUV420, as it does since 0.3.27."""
    try:
        numbers = re.findall(r'\d+', metadata.version('picamera2'))
    except metadata.PackageNotFoundError:
        return False
    return [int(number) for number in numbers[:3]] >= [0, 3, 27]


def configure(picam2: Any, settings: dict[str, Any], pixel_format: str) -> dict[str, Any]:
    """Configure the camera as far as it can do what is wanted; return what it will deliver."""
    from libcamera import ColorSpace, controls, Transform

    half_turn = settings.get('rotation', 0) == 180
    transform = Transform(hflip=bool(settings.get('hflip')) != half_turn,
                          vflip=bool(settings.get('vflip')) != half_turn)
    wanted: dict[str, Any] = {'main': {'format': pixel_format}, 'controls': {}}
    if settings.get('width'):
        wanted['main']['size'] = (settings['width'], settings['height'])
    if settings.get('fps') and 'FrameDurationLimits' in picam2.camera_controls:
        duration_us = round(1e6 / settings['fps'])
        wanted['controls']['FrameDurationLimits'] = (duration_us, duration_us)
    if settings.get('noise_reduction'):
        name = _NOISE.get(settings['noise_reduction'])
        if name is None or 'NoiseReductionMode' not in picam2.camera_controls:
            raise Failure(
                f"this camera has no noise reduction '{settings['noise_reduction']}': set the "
                "parameter 'noise_reduction' to auto", permanent=True)
        wanted['controls']['NoiseReductionMode'] = int(
            getattr(controls.draft.NoiseReductionModeEnum, name))
    if settings.get('sensor_mode'):
        wanted['sensor'] = sensor_of(settings['sensor_mode'])
    # sRGB primaries with full range, as a JPEG has it; the default would make white grey.
    picam2.configure(picam2.create_video_configuration(
        raw=None, transform=transform, colour_space=ColorSpace.Sycc(), buffer_count=_BUFFERS,
        queue=False, **wanted))
    got: dict[str, Any] = picam2.camera_configuration()
    check(picam2, got, wanted, transform)
    return got


def check(picam2: Any, got: dict[str, Any], wanted: dict[str, Any], transform: Any) -> None:
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


def crop_to(picam2: Any, crop: list[int]) -> None:
    if len(crop) != 4 or min(crop) < 0 or 0 in crop[2:]:
        raise Failure(f"{crop} is no part of a sensor: set the parameter 'crop' to x, y, width "
                      "and height in the sensor's pixels", permanent=True)
    if 'ScalerCrops' in picam2.camera_controls:  # where both are set, this one is used
        picam2.set_controls({'ScalerCrops': [tuple(crop)]})
    else:
        picam2.set_controls({'ScalerCrop': tuple(crop)})


def start_encoder(picam2: Any, settings: dict[str, Any], pipe: WorkerPipe, stamps: Stamps
                  ) -> tuple[str, HardwareLimit | QualityLimit]:
    """Configure the camera for the best encoder that works, start that, and say which it is."""
    from picamera2.encoders import JpegEncoder, MJPEGEncoder
    from picamera2.outputs import Output

    class Newest(Output):  # type: ignore[misc]
        def outputframe(self, frame: Any, keyframe: bool = True,  # noqa: ARG002
                        timestamp: int | None = None, packet: Any = None,  # noqa: ARG002
                        audio: bool = False) -> None:  # noqa: ARG002
            with suppress(Exception):  # it would end the encoder's thread in silence
                jpeg, sensor_us = bytes(frame), encoder.firsttimestamp + timestamp
                pipe.send_frame(jpeg, *stamps.find(sensor_us))
                limit.note(jpeg, sensor_us)

    quality = settings.get('quality') or 80
    # On a Pi 5 the name stands for libav in software, which holds a frame back.
    if MJPEGEncoder.__name__ == 'MJPEGEncoder':
        width, height = configure(picam2, settings, 'YUV420')['main']['size']
        if max(width, height) <= _HARDWARE_PIXELS:
            # picamera2's own table of qualities is such a straight line, and assumes 30 frames/s.
            encoder = MJPEGEncoder(bitrate=width * height * 30 * quality // 100)
            try:
                picam2.start_encoder(encoder, Newest())
                limit = HardwareLimit(encoder, pipe)
                return f'JPEG hardware, {limit.own_bps / 1e6:.1f} Mbit/s at 30 frames/s', limit
            except OSError as error:
                print(f'The JPEG hardware cannot be used ({error}); the CPU encodes instead.')
                with suppress(Exception):
                    encoder.stop()
    configure(picam2, settings, 'YUV420' if jpeg_takes_yuv() else 'RGB888')
    encoder = JpegEncoder(q=quality)
    limit = QualityLimit(encoder)
    picam2.start_encoder(encoder, Newest())
    return f'JPEG quality {quality}, encoded by the CPU', limit


def open_camera(settings: dict[str, Any], pipe: WorkerPipe
                ) -> tuple[Any, Controls, HardwareLimit | QualityLimit]:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise Failure(f'{sys.executable} cannot import picamera2 ({error}): install it with `sudo '
                      'apt install python3-picamera2`', permanent=True) from error
    if settings.get('rotation', 0) not in (0, 180):
        raise Failure("the sensor cannot turn pictures by a quarter: set the parameter 'rotation' "
                      'to 0 or 180', permanent=True)
    cameras = Picamera2.global_camera_info()  # first, because a Picamera2 that fails leaks
    number = choose(cameras, settings.get('camera', ''))
    tuning = None
    if settings.get('tuning_file'):
        try:
            tuning = Picamera2.load_tuning_file(settings['tuning_file'])
        except (RuntimeError, OSError, ValueError) as error:
            raise Failure(
                f"cannot read the tuning file '{settings['tuning_file']}' ({error}): set the "
                "parameter 'tuning_file' to '' or to the path of one of libcamera's",
                permanent=True) from error
    picam2 = Picamera2(number, tuning=tuning)
    stamps = Stamps()
    detail, limit = start_encoder(picam2, settings, pipe, stamps)
    if settings.get('crop'):
        crop_to(picam2, settings['crop'])
    picam2.post_callback = stamps.note
    picam2.start()
    controls = Controls(picam2)
    width, height = picam2.camera_configuration()['main']['size']
    pipe.send(b'H', {
        'camera': str(cameras[number].get('Model', cameras[number]['Id'])), 'width': width,
        'height': height, 'fps': controls.fps(settings.get('fps') or 30.0), 'detail': detail,
        'adapts': limit.works, 'controls': controls.described})
    return picam2, controls, limit


def explain(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause) or repr(cause))
        cause = cause.__cause__
    for text in texts:
        if 'busy' in text.lower():
            return Failure(f'another program uses the camera ({text}): end it; `sudo fuser -v '
                           '/dev/media* /dev/video*` tells which one it is')
    return Failure(f"the camera could not be started ({': '.join(texts)}): see whether "
                   '`rpicam-hello` can, and what stands above')


class Camera(Device):  # type: ignore[misc]
    def __init__(self, settings: dict[str, Any], pipe: WorkerPipe) -> None:
        try:
            self.picam2, self.controls, self._limit = open_camera(settings, pipe)
        except Exception as error:
            raise explain(error) from error

    def set(self, values: dict[str, Any]) -> str:
        return str(self.controls.set(values))

    def limit_bitrate(self, bitrate_bps: float | None) -> None:
        self._limit.set(bitrate_bps)

    def stop(self) -> None:
        self.picam2.stop()


if __name__ == '__main__':
    run(Camera)
