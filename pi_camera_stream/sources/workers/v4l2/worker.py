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

"""Read a V4L2 camera and deliver its newest picture: the worker of `V4l2Source`."""

import os
import threading
import time
from typing import Any

from .arrivals import Arrivals, DAMAGED, EMPTY
from .device import Shot, V4l2Device
from .modes import JPEG, VIDEO
from .raw_picture import to_image
from .search import find_cameras
from ..runtime.frame_writer import FrameWriter
from ..runtime.worker_pipe import Device, Failure, run, WorkerPipe
from ..runtime.worker_status import WorkerStatus
from ...base import SourceSettings
from ...silence import longest_silence_s
from ...v4l2 import device_path, FIRST_PICTURE_S
from ...v4l2_links import lasting_path
from ....core.errors import PermanentError, StreamError, TemporaryError
from ....core.frame import EncodedImage

_RETRY_S = 0.5
_SAME_S = 2.0  # how long the camera that was there is waited for where none was named
_WATCH_S = 0.1
_SILENT_FRAMES = 5
_FEW_PICTURES_S = 2.0  # of silence, while it is not known how often they come
_CONTROLS_S = 5.0  # how long what was set last may hold pictures back
_CODECS = {'H264': 'h264', 'HEVC': 'hevc'}  # as FFmpeg calls them
_TITLES = {**dict.fromkeys(JPEG, 'JPEG'), 'H264': 'H.264', 'HEVC': 'H.265'}


class V4l2Worker(Device):
    """Reads in a thread, and watches in another how long no picture can be made."""

    def __init__(self, body: dict[str, Any], pipe: WorkerPipe) -> None:
        try:
            self._settings = SourceSettings(**body['settings'])
        except (StreamError, TypeError, KeyError) as error:
            raise Failure(str(error), permanent=True) from error
        self._pipe, self._give_up_s = pipe, float(body['give_up_s'])
        self._again = str(body.get('again', ''))
        self._device: V4l2Device | None = None
        # Monotonic times; `_seen_s` is of the last delivery that `_watch` has seen.
        self._opened_s = self._set_s = self._seen_s = 0.0
        self._arrivals = Arrivals()
        self._status = WorkerStatus('')
        self._writer = FrameWriter(pipe, self._settings)
        self._writer.on_broken = lambda reason: self._arrivals.fault(
            'cannot be decoded', f'the last one: {reason}')
        threading.Thread(target=self._run, name='reader', daemon=True).start()
        threading.Thread(target=self._watch, name='watch', daemon=True).start()

    def set(self, values: dict[str, Any]) -> str:
        if self._device is None:
            return ''
        self._set_s = time.monotonic()
        try:
            return self._device.controls.set(values)
        except OSError:  # it has been unplugged, which the thread that reads says
            return ''

    def describe_controls(self) -> dict[str, Any]:
        return self._device.controls.described if self._device is not None else {}

    def want_video(self, wanted: bool) -> None:
        self._writer.video.wanted = wanted

    def _run(self) -> None:
        try:
            self._read()
        except StreamError as error:
            self._pipe.fail(str(error), permanent=isinstance(error, PermanentError))
        except Exception as error:  # whatever a driver throws is told, too
            self._pipe.fail(f'{device_path(self._settings.path)} cannot be read ({error!r})')

    def _read(self) -> None:
        size = self._settings.width, self._settings.height
        if self._settings.rotation in (90, 270):  # which is that of the picture once it is turned
            size = size[::-1]
        device = _open(self._settings, self._again, size, time.monotonic() + self._give_up_s)
        code, (width, height) = device.mode.code, device.size
        self._writer.about = {
            'camera': device.card, 'fps': device.fps, 'controls': device.controls.described,
            'device': os.path.realpath(device.path), 'again': lasting_path(device.path),
            'detail': f'{_TITLES.get(code, code)} {width}x{height}'
                      + (f' at {device.fps:g}/s' if device.fps else '')}
        self._device, self._opened_s = device, time.monotonic()
        if code in VIDEO:
            self._read_video(device, _CODECS[code])
        while True:
            if shot := self._newest(device.read()):
                self._put(device, shot)

    def _newest(self, shots: list[Shot]) -> Shot | None:
        self._arrivals.add(len(shots))
        for shot in shots:
            if not shot.data:
                self._arrivals.fault(DAMAGED if shot.damaged else EMPTY)
        return next((shot for shot in reversed(shots) if shot.data), None)

    def _put(self, device: V4l2Device, shot: Shot) -> None:
        code = device.mode.code
        self._writer.put(EncodedImage(shot.data) if code in JPEG else lambda: to_image(
            shot.data, code, device.size, device.bytes_per_line), shot.monotonic_ns, shot.number)

    def _read_video(self, device: V4l2Device, codec: str) -> None:
        camera, title = f'{device.path} ({device.card})', _TITLES[device.mode.code]
        try:
            import av

            from ..runtime.decoder import Decoder
        except ModuleNotFoundError as error:
            raise PermanentError(
                f'{camera} offers only {title} there, which needs the Python module '
                f"'{error.name}': install it with `sudo apt install python3-av`") from error
        av.logging.set_level(av.logging.PANIC)
        decoder = Decoder.of(codec, self._writer, self._status)
        self._status.sentence = (
            f'{title} comes from the camera {camera}, and it cannot be decoded: it sends no key '
            "frame, or not often enough; plug it in again, or set the parameters 'width' and "
            "'height' to a size that it has as MJPG or YUYV")
        last = 0
        while True:
            shots = device.read()
            self._newest(shots)
            for shot in shots:
                if not shot.data or (last and shot.number > last + 1):
                    decoder.jump()  # others build on what is lost
                    self._writer.leave_out(max(0, shot.number - last - 1) + (not shot.data))
                last = shot.number
                if shot.data:
                    packet = av.Packet(shot.data)
                    packet.pts = shot.number
                    decoder.put(packet, shot.monotonic_ns)

    def _watch(self) -> None:
        while (silent_s := self._silent_s()) < self._longest_silence_s():
            time.sleep(_WATCH_S)
        device = self._device
        camera = f'{device.path} ({device.card})' if device is not None else ''
        self._pipe.fail(self._arrivals.reason(camera, silent_s) or self._status.sentence or (
            f'pictures come from the camera {camera}, but are not encoded: this computer is '
            "overloaded; set the parameters 'width', 'height' and 'fps' to less"))

    def _silent_s(self) -> float:
        """Return the seconds since the last picture, or since the camera was opened."""
        if not self._opened_s:
            return 0.0
        last_s = self._writer.last_s
        if last_s != self._seen_s:
            self._seen_s = last_s
            self._arrivals.reset()
        return time.monotonic() - max(self._opened_s, last_s)

    def _longest_silence_s(self) -> float:
        fps = self._device.fps if self._device is not None else 0.0
        some_s = _SILENT_FRAMES / fps if fps else 0.0
        if not self._writer.last_s:
            return max(FIRST_PICTURE_S, some_s)
        longest_s = longest_silence_s(self._writer.intervals_s, max(_FEW_PICTURES_S, some_s))
        if time.monotonic() - self._set_s < 2 * _CONTROLS_S:  # such as a longer exposure
            longest_s = max(longest_s, _CONTROLS_S)
        return longest_s


def _open(settings: SourceSettings, again: str, size: tuple[int, int], until_s: float
          ) -> V4l2Device:
    """
    Open the camera that is meant, or that was there before, `again`.

    Where none was named, another one is taken when that does not return soon.
    """
    begin_s = time.monotonic()
    named = device_path(settings.path)
    anyone = os.path.isdir(named)
    while True:
        try:
            if again and not (anyone and time.monotonic() - begin_s > _SAME_S):
                return V4l2Device(again, size, settings.fps)
            if not anyone:
                return V4l2Device(named, size, settings.fps)
            return _first(find_cameras(named), size, settings.fps)
        except TemporaryError:
            if time.monotonic() + _RETRY_S > until_s:
                raise
        time.sleep(_RETRY_S)


def _first(paths: list[str], size: tuple[int, int] | None, fps: float) -> V4l2Device:
    """Open the first that works; of several, one may be another program's."""
    errors: list[StreamError] = []
    for path in paths:
        try:
            return V4l2Device(path, size, fps)
        except StreamError as error:
            errors.append(error)
    raise errors[0]


if __name__ == '__main__':
    run(V4l2Worker)
