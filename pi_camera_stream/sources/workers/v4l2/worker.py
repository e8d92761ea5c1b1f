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

from collections.abc import Callable
import threading
import time
from typing import Any, cast

from .device import V4l2Device
from .modes import COMPRESSED
from ..runtime.frame_writer import FrameWriter
from ..runtime.worker_pipe import Device, Failure, run, WorkerPipe
from ...base import SourceSettings
from ...v4l2 import device_path
from ....core.errors import PermanentError, StreamError, TemporaryError
from ....core.frame import EncodedImage, Image

_RETRY_S = 0.5


class V4l2Worker(Device):
    def __init__(self, body: dict[str, Any], pipe: WorkerPipe) -> None:
        try:
            settings = SourceSettings(**body['settings'])
        except (StreamError, TypeError, KeyError) as error:
            raise Failure(str(error), permanent=True) from error
        self._device: V4l2Device | None = None
        threading.Thread(target=self._run, args=(settings, float(body['give_up_s']), pipe),
                         name='reader', daemon=True).start()

    def set(self, values: dict[str, Any]) -> str:
        try:
            return self._device.controls.set(values) if self._device is not None else ''
        except OSError:  # it has been unplugged, which the thread that reads says
            return ''

    def describe_controls(self) -> dict[str, Any]:
        return self._device.controls.described if self._device is not None else {}

    def _run(self, settings: SourceSettings, give_up_s: float, pipe: WorkerPipe) -> None:
        try:
            self._read(settings, give_up_s, pipe)
        except StreamError as error:
            pipe.fail(str(error), permanent=isinstance(error, PermanentError))
        except Exception as error:  # whatever a driver throws is told, too
            pipe.fail(f'{device_path(settings.path)} cannot be read ({error!r})')

    def _read(self, settings: SourceSettings, give_up_s: float, pipe: WorkerPipe) -> None:
        writer = FrameWriter(pipe, settings)
        device = _open(settings, writer.decoded_size, time.monotonic() + give_up_s)
        self._device = device
        code, (width, height) = device.mode.code, device.size
        writer.about = {
            'camera': device.card, 'fps': device.fps, 'controls': device.controls.described,
            'detail': f'{"JPEG" if code in COMPRESSED else code} {width}x{height}'
                      + (f' at {device.fps:g}/s' if device.fps else '')}
        while True:
            shot = device.read()
            content = EncodedImage(shot.data) if code in COMPRESSED else _conversion(
                shot.data, code, device.size, device.bytes_per_line)
            writer.put(content, shot.monotonic_ns, shot.number)


def _open(settings: SourceSettings, size: tuple[int, int] | None, until_s: float) -> V4l2Device:
    while True:
        try:
            return V4l2Device(device_path(settings.path), size, settings.fps)
        except TemporaryError:
            if time.monotonic() + _RETRY_S > until_s:
                raise
        time.sleep(_RETRY_S)


def _conversion(data: bytes, code: str, size: tuple[int, int], bytes_per_line: int
                ) -> Callable[[], Image]:
    """Return what makes an image of a raw picture, when it is needed."""
    def convert() -> Image:
        import cv2
        import numpy as np
        width, height = size
        rows, bytes_per_pixel = {'YUYV': (height, 2), 'UYVY': (height, 2), 'BGR3': (height, 3),
                                 'RGB3': (height, 3), 'GREY': (height, 1)
                                 }.get(code, (height * 3 // 2, 1))
        line = width * bytes_per_pixel
        stride = max(line, bytes_per_line)
        raw: Any = np.frombuffer(data, np.uint8, rows * stride).reshape(rows, stride)[:, :line]
        if bytes_per_pixel > 1:
            raw = raw.reshape(rows, width, bytes_per_pixel)
        how = {'YUYV': cv2.COLOR_YUV2BGR_YUYV, 'UYVY': cv2.COLOR_YUV2BGR_UYVY,
               'NV12': cv2.COLOR_YUV2BGR_NV12, 'YU12': cv2.COLOR_YUV2BGR_I420,
               'RGB3': cv2.COLOR_RGB2BGR}.get(code)
        image: Any = raw if how is None else cv2.cvtColor(np.ascontiguousarray(raw), how)
        return cast(Image, image)
    return convert


if __name__ == '__main__':
    run(V4l2Worker)
