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

"""The fake USB camera (`fake_v4l2`) for the processes that a test starts."""

from pathlib import Path
import shutil
import subprocess

import cv2
import numpy as np
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.v4l2 import V4l2Source

from . import pictures

_CODE = Path(__file__).with_name('fake_v4l2') / 'fake_v4l2.c'
JPEGS = [pictures.jpeg(640, 480, seed) for seed in range(4)]
BARS = cv2.GaussianBlur(pictures.image(640, 480, 7), (0, 0), 5)


class UsbCamera:
    """A USB camera; `state` makes it change, `and_back` undoes that."""

    def __init__(self, folder, number=7):
        self.path = folder / f'video{number}'
        self.plug_in()

    def source(self, **settings):
        return V4l2Source(SourceSettings('v4l2', str(self.path), **settings))

    def state(self, name):
        Path(f'{self.path}.{name}').touch()

    def and_back(self, name):
        Path(f'{self.path}.{name}').unlink()

    def plug_in(self, number=None):
        if number is not None:
            self.path = self.path.with_name(f'video{number}')
        self.path.touch()

    def unplug(self):
        self.path.unlink()

    def values(self):
        """Return what its controls were last set to, by their names in the driver."""
        path = Path(f'{self.path}.set')
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: int(value) for name, _, value in (line.partition('=') for line in lines)}


def plug_in(folder, monkeypatch, missing):
    """Return a camera that processes which are started from now on find in the folder."""
    if shutil.which('cc') is None:
        missing('the fake camera needs a C compiler, the Debian package gcc')
    library = folder / 'fake_v4l2.so'
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', library,
                    _CODE, '-ldl', '-pthread'], check=True)
    for number, jpeg in enumerate(JPEGS):
        deliver(folder, 'MJPG', jpeg, number)
    deliver(folder, 'YUYV', packed(BARS, 'YUYV'))
    monkeypatch.setenv('LD_PRELOAD', str(library))
    monkeypatch.setenv('FAKE_V4L2_PATH', str(folder / 'video'))
    monkeypatch.setenv('FAKE_V4L2_PICTURES', str(folder))
    return UsbCamera(folder)


def deliver(folder, code, data, number=0):
    """Let the cameras in the folder deliver that as one of their pictures in a format."""
    (folder / code).mkdir(exist_ok=True)
    (folder / code / str(number)).write_bytes(data)


def packed(image, code):
    """Return the bytes that a camera sends for an image in one of V4L2's formats."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if code in ('BGR3', 'RGB3', 'GREY', 'Y16'):
        return {'BGR3': image, 'RGB3': image[:, :, ::-1], 'GREY': grey,
                'Y16': grey.astype('<u2') << 4}[code].tobytes()
    yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    luma = yuv[:height]
    u, v = (plane.reshape(height // 2, width // 2)
            for plane in np.split(yuv[height:].reshape(-1), 2))
    if code in ('YU12', 'YV12'):
        return b''.join(plane.tobytes() for plane in ([luma, u, v] if code == 'YU12'
                                                      else [luma, v, u]))
    if code in ('NV12', 'NV21'):
        pair = (u, v) if code == 'NV12' else (v, u)
        return luma.tobytes() + np.dstack(pair).tobytes()
    result = np.empty((height, width, 2), np.uint8)
    first, second = code.index('Y') % 2, 1 - code.index('Y') % 2
    result[:, :, first] = luma
    order = (u, v) if code.index('U') < code.index('V') else (v, u)
    for begin, plane in enumerate(order):
        result[:, begin::2, second] = plane.repeat(2, axis=0)
    return result.tobytes()
