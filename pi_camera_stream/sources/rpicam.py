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

from collections.abc import Collection, Mapping
from dataclasses import replace
import re
import shutil
import threading
import time
from typing import Any

from . import advice, rpicam_controls
from .base import check_sensor, SENSOR, Source, SourceSettings
from .complaints import Complaints
from .jpeg_stream import JpegStream
from .rpicam_metadata import capture_ns, RpicamMetadata
from ..core.child import Child
from ..core.errors import PermanentError, TemporaryError
from ..core.frame import Capture

_PROGRAMS = ('rpicam-vid', 'libcamera-vid')  # libcamera-vid up to Raspberry Pi OS 11
_DENOISE = {'off': 'off', 'fast': 'cdn_fast', 'high_quality': 'cdn_hq'}
_LIST_S = 10.0
_OWN_SIZE = (1920, 1080)  # libcamera's, of pictures of a video
# Controls that are set within this time are taken by one restart of the program.
_GATHER_S = 0.1
# `0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a)`
_CAMERA = re.compile(r'^(\d+) : (\S+) \[(\d+)x(\d+)[^]]*\] \((\S+)\)', re.MULTILINE)
_UNKNOWN = re.compile(r"unrecognised option '(--[\w-]+)")
_DETAIL = 'JPEG quality {}, encoded by the CPU'  # rpicam-vid never uses JPEG hardware


class RpicamSource(Source):
    """
    What `rpicam-vid --codec mjpeg` writes, passed on byte for byte.

    Capture times are from the metadata that the program writes to a second pipe. Controls are
    words of its command line: other ones take a restart.
    """

    starts_with = frozenset({'fps', 'jpeg_quality'})
    options = SENSOR
    first_picture_s = 10.0

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.starting = False
        self._child: Child | None = None
        self._metadata: RpicamMetadata | None = None
        self._stream = self._new_stream()
        self._complaints = Complaints()
        self._unknown: set[str] = set()  # options that this program has not
        self._each = False
        self._lock = threading.Lock()  # guards the next two
        self._controls: dict[str, Any] = {}
        self._changed_s = 0.0  # when the program was last told less than that; 0 when it knows all

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

    @property
    def focuses(self) -> bool:
        return 'LensPosition' in self.metadata

    def start(self) -> None:
        self.check()
        program = find_program()
        with self._lock:
            self._changed_s = 0.0
        self._complaints.forget()
        self._metadata = RpicamMetadata()
        try:
            self._child = Child(
                self.command(program, f'/dev/fd/{self._metadata.writing_fd}'),
                hear=self._complaints.hear, inherited=(self._metadata.writing_fd,))
        finally:
            self._metadata.close_writing()

    def read(self, timeout_s: float) -> Capture | None:
        if self._child is None or self._metadata is None:
            raise TemporaryError(f'{self.title} has not been started')
        deadline_s = time.monotonic() + timeout_s
        while (remaining_s := deadline_s - time.monotonic()) >= 0:
            if self._is_due():
                self.stop()
                self.starting = True
                self.start()
                return None
            told_of = self._metadata.read()
            chunk = self._read_child(self._child, 0.0)
            if not chunk:
                self._metadata.expect(told_of)
                chunk = self._read_child(self._child, min(remaining_s, _GATHER_S))
            before = self._stream.pictures
            newest = self._stream.newest(chunk, self.fps)
            self._metadata.count(self._stream.pictures - before)
            if newest is not None:
                self.starting = False
                return self._with_metadata(newest, self._metadata)
        return None

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
            self._stream.end()
        if self._metadata is not None:
            self._metadata.close()
            self._metadata = None
        self.starting = False

    def controls(self) -> Mapping[str, Mapping[str, Any]]:
        return rpicam_controls.CONTROLS

    def set_controls(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            before = rpicam_controls.words(self._controls)
            self._controls.update(values)
            self._note_change(before)

    def keep_controls(self, names: Collection[str]) -> None:
        with self._lock:
            before = rpicam_controls.words(self._controls)
            self._controls = {name: value for name, value in self._controls.items()
                              if name in names}
            self._note_change(before)

    def want_metadata(self, each: bool) -> None:
        self._each = each

    def encoder(self) -> str:
        return _DETAIL.format(self.settings.quality)

    def explained(self, sentence: str) -> str:
        return self._complaints.added_to(sentence)

    def _note_change(self, before: list[list[str]]) -> None:
        self.refused = rpicam_controls.refused(self._controls)
        if self._child is not None and rpicam_controls.words(self._controls) != before:
            self._changed_s = time.monotonic()

    def _is_due(self) -> bool:
        with self._lock:
            return bool(self._changed_s) and time.monotonic() - self._changed_s >= _GATHER_S

    def _with_metadata(self, picture: Capture, source: RpicamMetadata) -> Capture:
        metadata = source.newest(self._each)
        if metadata is None:
            return picture
        self.metadata = metadata
        return replace(picture, monotonic_ns=capture_ns(metadata, picture.monotonic_ns),
                       metadata=dict(metadata) if self._each else None)

    def _read_child(self, child: Child, timeout_s: float) -> bytes:
        try:
            return child.read(timeout_s)
        except TemporaryError as error:
            said = self.explained(str(error))
            if unknown := _UNKNOWN.findall(said):
                self._unknown.update(unknown)
                self.refused = f'this rpicam-vid does not know {", ".join(sorted(self._unknown))}'
            if 'no cameras available' in said:
                said = advice.no_camera()
            elif said == str(error):
                said += ': see whether `rpicam-hello --list-cameras` finds the camera'
            raise TemporaryError(said) from error

    def counters(self) -> Mapping[str, int]:
        return self._stream.counters()

    def command(self, program: str, metadata: str) -> list[str]:
        """
        Return the command line; `metadata` is the file that it writes them to.

        Raises PermanentError when the program lacks what is asked for, TemporaryError when the
        camera is not there.
        """
        settings = self.settings
        # Without --flush, the end of each picture waits in the program for the next one. Without
        # --verbose 0, it tells something of each picture on standard error; errors stay.
        words = [program, '-t', '0', '-n', '--codec', 'mjpeg', '-o', '-', '--flush',
                 '--verbose', '0', '--quality', str(settings.quality)]
        words += self._known([['--metadata', metadata], *self._control_words()])
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

    def _control_words(self) -> list[list[str]]:
        with self._lock:
            return rpicam_controls.words(self._controls)

    def _known(self, options: list[list[str]]) -> list[str]:
        return [word for option in options if option[0] not in self._unknown for word in option]

    @staticmethod
    def _new_stream() -> JpegStream:
        return JpegStream('{what} came from rpicam-vid, and no JPEG among them: update it, '
                          "or set the parameter 'source' to picamera2")


def find_program() -> str:
    """Return the path of the program; PermanentError when it is not installed."""
    for name in _PROGRAMS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise PermanentError(f"neither {' nor '.join(_PROGRAMS)} is installed: "
                         f"{advice.how_to_get('rpicam-apps')}")


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
        raise TemporaryError(advice.no_camera())
    found = [(number, int(width), int(height)) for number, model, width, height, name in cameras
             if camera.lower() in ('', number, model.lower(), name.lower())]
    if len(found) != 1 and camera:
        count = 'no camera' if not found else f'{len(found)} cameras'
        names = ', '.join(f'{number} ({model}, {name})' for number, model, _, _, name in cameras)
        raise PermanentError(f"there is {count} '{camera}': set the parameter 'camera' to the "
                             f'number or the id of one of these: {names}')
    return found[0]
