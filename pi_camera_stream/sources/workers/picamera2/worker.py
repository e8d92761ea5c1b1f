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

from pathlib import Path
import sys
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / 'runtime'))

from picamera2_configuration import changed_controls, check_settings, describe_sensor
from picamera2_controls import Controls
from picamera2_encoding import Encoding
from picamera2_stamps import Stamps
from picamera2_video import Video
from worker_pipe import Device, Failure, run, WorkerPipe

_AT_ONCE = {'crop', 'fps', 'noise_reduction', 'quality'}  # the camera need not stop for these


def choose(cameras: list[dict[str, Any]], wanted: str) -> int:
    if not cameras:
        raise Failure('no camera found: switch the power off, push its ribbon cable in again at '
                      'both ends, and see whether `rpicam-hello --list-cameras` finds it',
                      no_camera=True)
    found = [index for index, camera in enumerate(cameras) if not wanted or wanted == str(index)
             or wanted.lower() in (str(camera.get('Model')).lower(), camera['Id'].lower())]
    if len(found) != 1 and wanted:
        names = ', '.join(f"{index} ({camera.get('Model')}, {camera['Id']})"
                          for index, camera in enumerate(cameras))
        count = 'no camera' if not found else f'{len(found)} cameras'
        raise Failure(f"there is {count} '{wanted}': set the parameter 'camera' to the number or "
                      f'the id of one of these: {names}', permanent=True)
    return found[0]


def open_camera(settings: dict[str, Any]) -> tuple[Any, str]:
    """Return picamera2's camera, and its name for people."""
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise Failure(f'{sys.executable} cannot import picamera2 ({error}): install it with `sudo '
                      'apt install python3-picamera2`', permanent=True) from error
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
    return (Picamera2(number, tuning=tuning),
            str(cameras[number].get('Model', cameras[number]['Id'])))


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
            return Failure(f'another program uses the camera ({text}): stop it; `sudo fuser -v '
                           '/dev/media* /dev/video*` tells which one it is')
    return Failure(f"the camera could not be started ({': '.join(texts)}): see whether "
                   '`rpicam-hello` can, and what stands above')


class Camera(Device):  # type: ignore[misc]
    """One camera. The main thread opens it, and one thread gives it all that comes later."""

    def __init__(self, settings: dict[str, Any], pipe: WorkerPipe) -> None:
        self._pipe = pipe
        self._settings = settings
        self._number = 0  # of the settings, as the node counts
        self._stamps = Stamps()
        try:
            check_settings(settings)
            self.picam2, self._name = open_camera(settings)
            self._encoding = Encoding(self.picam2, pipe, self._stamps)
            self._video = Video(self.picam2, pipe, self._stamps)
            self.picam2.post_callback = self._stamps.note
            self._start()
        except Exception as error:
            raise explain(error) from error

    def take(self, settings: dict[str, Any], number: int) -> None:
        """Go on with other settings, without a stop where that is possible."""
        changed = frozenset(
            name for name in settings if settings[name] != self._settings.get(name))
        self._settings, self._number = settings, number
        try:
            check_settings(settings)
            if changed - {'controls'} <= _AT_ONCE and self._take_at_once(changed):
                self._hello()
            else:
                self.picam2.stop()
                self._start()
        except Exception as error:
            raise explain(error) from error

    def set(self, values: dict[str, Any]) -> str:
        return str(self.controls.set(values))

    def limit_bitrate(self, bitrate_bps: float | None) -> None:
        self._encoding.limit_bitrate(bitrate_bps)

    def want_video(self, wanted: bool) -> None:
        self._video.want(wanted)

    def request_key_frame(self) -> None:
        self._video.request_key_frame()

    def limit_video_bitrate(self, bitrate_bps: float) -> None:
        self._video.limit_bitrate(bitrate_bps)

    def want_metadata(self, each: bool) -> None:
        self._stamps.each = each

    def stop(self) -> None:
        self.picam2.stop()

    def _start(self) -> None:
        self._video.stop()  # before the buffers that it reads are given back
        self._encoding.start(self._settings)
        self.controls = Controls(self.picam2)
        refused = self.controls.set(self._settings.get('controls') or {})
        self._pipe.forget_frame()
        self.picam2.start()
        self._hello()
        if refused:
            self._pipe.send(b'A', {'error': refused})

    def _take_at_once(self, changed: frozenset[str]) -> bool:
        if 'quality' in changed and not self._encoding.set_quality(
                self._settings.get('quality') or 80):
            return False
        values = changed_controls(self.picam2, self._settings, changed)
        if values:
            with self.picam2.request_lock:  # as `Controls.set` does
                self.picam2.set_controls(values)
        return True

    def _hello(self) -> None:
        width, height = self.picam2.camera_configuration()['main']['size']
        fps = self.controls.fps(self._settings.get('fps') or 30.0)
        self._pipe.send(b'H', {
            'camera': self._name, 'width': width, 'height': height, 'number': self._number,
            'fps': fps, 'detail': self._encoding.detail, 'adapts': self._encoding.adapts,
            'sensor': describe_sensor(self.picam2), 'controls': self.controls.described})
        self._video.follow(self._encoding.hardware_size, fps)


if __name__ == '__main__':
    run(Camera)
