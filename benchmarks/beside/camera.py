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

"""The camera of all programs that are compared: a USB camera by `fake_v4l2`, with pictures."""

from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import stat
import subprocess

import cv2
import numpy as np
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
from pi_camera_stream.core import block_code
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.frame import Image

from . import marks
from ..common.command import ROOT
from ..video import scene
from ..video.decoding import luma

WIDTH, HEIGHT, FPS = 1280, 720, 30
ROUNDS = 3  # of the scene, each with other numbers, so that numbers come again after 15 s only
_QUALITY = 80
_CODE = ROOT / 'test' / 'support' / 'fake_v4l2' / 'fake_v4l2.c'
_NULL = os.makedev(1, 3)


@dataclass(frozen=True)
class Camera:
    """
    It gives pictures to each program that opens it, from then on, and notes when.

    Attributes
    ----------
    folder
        With all that it needs.

    """

    folder: Path
    mean_bytes: float

    @property
    def some(self) -> Path:
        """Return a folder with a few of them, for a program that has all of them in memory."""
        return self.folder / 'some'

    @property
    def count(self) -> int:
        """Return how many different pictures it has; their numbers begin with 0."""
        return ROUNDS * scene.COUNT

    @property
    def device(self) -> str:
        return str(self.folder / 'video7')

    @property
    def log(self) -> Path:
        """Return where it notes what it has given: a line with number and ns."""
        return self.folder / 'given'

    def before(self) -> list[str]:
        """Return what to put before a command that is to find it."""
        return ['env', f'LD_PRELOAD={self.folder / "fake_v4l2.so"}',
                f'FAKE_V4L2_PATH={self.folder / "video"}', f'FAKE_V4L2_PICTURES={self.folder}',
                'FAKE_V4L2_FORMATS=MJPG', f'FAKE_V4L2_LOG={self.log}']

    def given(self) -> list[tuple[int, int]]:
        """Return number and time (ns) of all that it has given since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [(int(number), int(at_ns)) for number, at_ns in map(str.split, lines)]

    def jpeg(self, number: int) -> bytes:
        return (self.folder / 'MJPG' / str(number)).read_bytes()

    def luma(self, number: int) -> Image:
        """Return the brightness of one of its pictures."""
        return luma(cv2.imdecode(np.frombuffer(self.jpeg(number), np.uint8), cv2.IMREAD_COLOR))


def make(folder: Path) -> Camera:
    """
    Make it, and its pictures, in an empty folder.

    Raises
    ------
    PermanentError
        There is no C compiler, or no right to make a device.

    """
    if shutil.which('cc') is None:
        raise PermanentError('the fake camera needs a C compiler: sudo apt install gcc libc6-dev')
    subprocess.run(['cc', '-shared', '-fPIC', '-O2', '-o', folder / 'fake_v4l2.so', _CODE, '-ldl',
                    '-pthread'], check=True)
    try:
        os.mknod(folder / 'video7', stat.S_IFCHR | 0o666, _NULL)  # GStreamer wants a device
    except PermissionError:
        raise PermanentError('the fake camera needs root: run it with sudo') from None
    for name in ('MJPG', 'some'):
        (folder / name).mkdir()
    size = 0
    for number, picture in enumerate(scene.pictures(WIDTH, HEIGHT)):
        for turn in range(ROUNDS):
            which = number + turn * scene.COUNT
            block_code.draw(picture, block_code.BlockCode(which, 0))
            jpeg = marks.marked(encode_jpeg(picture, _QUALITY))
            (folder / 'MJPG' / str(which)).write_bytes(jpeg)
            if which < FPS:
                (folder / 'some' / f'{which:03}.jpg').write_bytes(jpeg)
            size += len(jpeg)
    return Camera(folder, size / (ROUNDS * scene.COUNT))
