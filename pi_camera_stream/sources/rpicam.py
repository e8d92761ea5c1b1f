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

"""Raspberry Pi cameras through the program rpicam-vid; needs no picamera2."""

from collections.abc import Mapping
import re
import shutil
import time

from .base import check_sensor, SENSOR, Source, SourceSettings
from .child import Child
from .jpeg_stream import JpegStream
from ..core.errors import PermanentError, TemporaryError
from ..core.frame import Capture

_PROGRAMS = ('rpicam-vid', 'libcamera-vid')  # libcamera-vid up to Raspberry Pi OS 11
_DENOISE = {'off': 'off', 'fast': 'cdn_fast', 'high_quality': 'cdn_hq'}
_LIST_S = 10.0
_OWN_SIZE = (1920, 1080)  # libcamera's, of pictures of a video
# `0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a)`
_CAMERA = re.compile(r'^(\d+) : (\S+) \[(\d+)x(\d+)[^]]*\] \((\S+)\)', re.MULTILINE)


class RpicamSource(Source):
    """
    What `rpicam-vid --codec mjpeg` writes, passed on byte for byte.

    Capture times are those of arrival: the program does not tell better ones in this format.
    """

    starts_with = frozenset({'fps', 'jpeg_quality'})
    options = SENSOR
    first_picture_s = 10.0

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._child: Child | None = None
        self._stream = self._new_stream()

    def check(self) -> None:
        check_sensor(self.settings)
        if self.settings.noise_reduction:
            _denoise(self.settings.noise_reduction)

    @property
    def title(self) -> str:
        return 'Raspberry Pi camera, rpicam-vid'

    @property
    def opened_fps(self) -> float:
        return self.settings.fps or 30.0

    @property
    def nominal_fps(self) -> float:
        return self.fps or 30.0

    def start(self) -> None:
        self.check()
        self._child = Child(self.command(find_program()))

    def read(self, timeout_s: float) -> Capture | None:
        if self._child is None:
            raise TemporaryError(f'{self.title} has not been started')
        deadline_s = time.monotonic() + timeout_s
        while (remaining_s := deadline_s - time.monotonic()) >= 0:
            try:
                chunk = self._child.read(remaining_s)
            except TemporaryError as error:
                raise TemporaryError(f'{error}: see what it says above, and whether `rpicam-hello '
                                     '--list-cameras` finds the camera') from error
            newest = self._stream.newest(chunk, self.fps)
            if newest is not None:
                return newest
        return None

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
            self._stream.end()

    def counters(self) -> Mapping[str, int]:
        return self._stream.counters()

    def command(self, program: str) -> list[str]:
        """
        Return the command line.

        Raises PermanentError when the program lacks what is asked for, TemporaryError when the
        camera is not there.
        """
        settings = self.settings
        # Without --flush, the end of each picture waits in the program for the next one. Without
        # --verbose 0, it tells something of each picture on standard error; errors stay.
        words = [program, '-t', '0', '-n', '--codec', 'mjpeg', '-o', '-', '--flush',
                 '--verbose', '0', '--quality', str(settings.quality)]
        if settings.sized:
            width, height = settings.size_of(*_OWN_SIZE)
            words += ['--width', str(width), '--height', str(height)]
        if self.fps:
            words += ['--framerate', f'{self.fps:g}']
        words += ['--hflip'] * settings.hflip + ['--vflip'] * settings.vflip
        if settings.rotation:
            words += ['--rotation', str(settings.rotation)]
        if settings.tuning_file:
            words += ['--tuning-file', settings.tuning_file]
        if settings.noise_reduction:
            words += ['--denoise', _denoise(settings.noise_reduction)]
        if settings.sensor_mode:
            words += ['--mode', settings.sensor_mode.replace('x', ':')]
        return words + self._camera_words(program)

    def _camera_words(self, program: str) -> list[str]:
        """Return which camera and which part of it; its list of cameras is asked for if needed."""
        camera, crop = self.settings.camera, self.settings.crop
        if not crop and (not camera or camera.isdecimal()):
            return ['--camera', camera] if camera else []
        number, width, height = _find_camera(program, camera)
        words = ['--camera', number]
        if crop:
            parts = [length / (width, height)[index % 2] for index, length in enumerate(crop)]
            words += ['--roi', ','.join(f'{part:.6f}' for part in parts)]
        return words

    @staticmethod
    def _new_stream() -> JpegStream:
        return JpegStream('{what} came from rpicam-vid, and no JPEG among them: update it '
                          "with `sudo apt install rpicam-apps`, or set the parameter 'source' to "
                          'picamera2')


def find_program() -> str:
    """Return the path of the program; PermanentError when it is not installed."""
    for name in _PROGRAMS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise PermanentError(f"neither {' nor '.join(_PROGRAMS)} is installed: install it with `sudo "
                         "apt install rpicam-apps`, or set the parameter 'source' to picamera2")


def _denoise(noise_reduction: str) -> str:
    if noise_reduction not in _DENOISE:
        raise PermanentError(f"rpicam-vid has no noise reduction '{noise_reduction}': set the "
                             "parameter 'noise_reduction' to auto or to one of "
                             + ', '.join(_DENOISE))
    return _DENOISE[noise_reduction]


def _find_camera(program: str, camera: str) -> tuple[str, int, int]:
    child = Child([program, '--list-cameras'])
    answer, deadline_s = b'', time.monotonic() + _LIST_S
    try:
        while (remaining_s := deadline_s - time.monotonic()) > 0:
            answer += child.read(remaining_s)
    except TemporaryError:  # it has said all
        pass
    finally:
        child.stop()
    cameras = _CAMERA.findall(answer.decode(errors='replace'))
    if not cameras:
        raise TemporaryError('no camera found: switch the power off, push its ribbon cable in '
                             'again at both ends, and see whether `rpicam-hello --list-cameras` '
                             'finds it')
    found = [(number, int(width), int(height)) for number, model, width, height, name in cameras
             if camera.lower() in ('', number, model.lower(), name.lower())]
    if len(found) != 1 and camera:
        count = 'no camera' if not found else f'{len(found)} cameras'
        names = ', '.join(f'{number} ({model}, {name})' for number, model, _, _, name in cameras)
        raise PermanentError(f"there is {count} '{camera}': set the parameter 'camera' to the "
                             f'number or the id of one of these: {names}')
    return found[0]
