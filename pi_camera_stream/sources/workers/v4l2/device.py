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

"""A V4L2 camera: opened, set up, and read from its driver's buffers."""

import ctypes
from dataclasses import dataclass
import errno
from glob import glob
import mmap
import os
from pathlib import Path
import select
import time
from typing import NoReturn

from . import api
from .controls import V4l2Controls
from .modes import choose, Mode, read_modes
from .permission import refusal
from .search import capabilities, PARTS, text
from ....core.errors import PermanentError, TemporaryError

_BUFFERS = 4
_SANE_NS = 10 * 10**9  # a capture time farther back is of another clock


@dataclass(frozen=True)
class Shot:
    """One buffer of the camera, in its format, with its time and its number from 1."""

    data: bytes  # empty when it is damaged
    monotonic_ns: int
    number: int
    damaged: bool = False


class V4l2Device:
    def __init__(self, path: str, size: tuple[int, int] | None, fps: float) -> None:
        """
        Open the camera and let it deliver.

        Raises TemporaryError when it is not there, or busy; PermanentError when it may not be
        used, is no camera, or does not have what is asked for.
        """
        self.path, self._driver = path, ''
        self._maps: list[mmap.mmap] = []
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._explain(error)
        try:
            self.card = self._check()  # its name for people
            self.controls = V4l2Controls(self._fd)
            try:
                self.mode, self.size, interval = choose(read_modes(self._fd), size, fps)
            except PermanentError as error:
                raise PermanentError(f'{path} ({self.card}): {error}') from None
            self.bytes_per_line = self._set_format(self.mode)
            self.fps = self._set_interval(interval) if interval else 0.0  # 0 unknown
            self._begin()
        except OSError as error:
            self.close()
            self._explain(error)
        except (TemporaryError, PermanentError):
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def read(self) -> list[Shot]:
        """Wait for what comes next; TemporaryError when the camera has been unplugged."""
        shots: list[Shot] = []
        while not shots:
            self._poll.poll()
            try:
                while (shot := self._dequeue()) is not None:
                    shots.append(shot)
            except OSError as error:
                self._explain(error)
        return shots

    def close(self) -> None:
        for buffer in self._maps:
            buffer.close()
        os.close(self._fd)

    def _check(self) -> str:
        try:
            capability, can = capabilities(self._fd)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise
            raise PermanentError(f'{self.path} is not a camera{_others()}') from None
        self._driver = text(capability.driver)
        card = text(capability.card).partition(':')[0]
        if not can & api.CAN_CAPTURE or not can & api.CAN_STREAM:
            raise PermanentError(
                f"{self.path} ({card}) delivers no pictures; set the parameter 'path' to another "
                f"one, or 'source' to picamera2 for a Raspberry Pi camera{_others()}")
        return card

    def _set_format(self, mode: Mode) -> int:
        wanted = api.Format(type=api.CAPTURE)
        pix = wanted.fmt.pix
        pix.width, pix.height = self.size
        pix.pixelformat = code = int.from_bytes(mode.code.ljust(4).encode('latin-1'), 'little')
        pix.field = 1  # whole frames
        api.call(self._fd, api.S_FMT, wanted)
        if (pix.width, pix.height, pix.pixelformat) != (*self.size, code):
            raise PermanentError(f'{self.path} ({self.card}) does not do what it offers, {mode}: '
                                 "set the parameters 'width' and 'height' to another size")
        return int(pix.bytesperline)

    def _set_interval(self, interval: tuple[int, int]) -> float:
        wanted = api.StreamParameters(
            type=api.CAPTURE, numerator=interval[0], denominator=interval[1])
        try:
            api.call(self._fd, api.S_PARM, wanted)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise
            return 0.0  # it has but one
        return wanted.denominator / wanted.numerator if wanted.numerator else 0.0

    def _begin(self) -> None:
        wanted = api.RequestBuffers(count=_BUFFERS, type=api.CAPTURE, memory=api.MMAP)
        api.call(self._fd, api.REQBUFS, wanted)
        for index in range(wanted.count):
            buffer = api.Buffer(index=index, type=api.CAPTURE, memory=api.MMAP)
            api.call(self._fd, api.QUERYBUF, buffer)
            self._maps.append(mmap.mmap(self._fd, buffer.length, mmap.MAP_SHARED,
                                        mmap.PROT_READ | mmap.PROT_WRITE, offset=buffer.m.offset))
            api.call(self._fd, api.QBUF, buffer)
        api.call(self._fd, api.STREAMON, ctypes.c_int(api.CAPTURE))

    def _dequeue(self) -> Shot | None:
        """Return what came; None when nothing did."""
        buffer = api.Buffer(type=api.CAPTURE, memory=api.MMAP)
        try:
            api.call(self._fd, api.DQBUF, buffer)
        except BlockingIOError:
            return None
        damaged = bool(buffer.flags & api.FLAG_ERROR)
        data = b'' if damaged else self._maps[buffer.index][:buffer.bytesused]
        shot = Shot(data, _capture_ns(buffer), buffer.sequence + 1, damaged)
        api.call(self._fd, api.QBUF, buffer)
        return shot

    def _explain(self, error: OSError) -> NoReturn:
        if error.errno in (errno.ENOENT, errno.ENXIO):
            raise TemporaryError(f'there is no {self.path}: plug the camera in, or set the '
                                 f"parameter 'path' to one that is there{_others()}") from None
        if error.errno in (errno.ENODEV, errno.EIO, errno.EPROTO):
            raise TemporaryError(f'the camera {self.path} was unplugged or has lost power: check '
                                 'its cable') from None
        if error.errno == errno.EBUSY:
            raise TemporaryError(f'another program uses {self.path}: find it with `fuser -v '
                                 f'{self.path}`, and end it') from None
        if error.errno == errno.ENOSPC:
            raise TemporaryError(
                f'the USB bus of {self.path} has no room left for it: use another port, at '
                "another controller, or set the parameters 'width', 'height' and 'fps' to less, "
                'here or for the cameras beside it') from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise refusal(self.path) from None
        if self._driver.startswith(PARTS):
            raise PermanentError(
                f'{self.path} is a part of the Raspberry Pi, {self._driver}, which cannot be read '
                f"by itself ({error.strerror}): set the parameter 'source' to picamera2 for a "
                "camera on a ribbon cable, or 'path' to another device") from None
        raise TemporaryError(f'{self.path} has failed ({error.strerror}): plug it in again, or '
                             'ask for a smaller size or rate') from None


def _capture_ns(buffer: api.Buffer) -> int:
    now_ns = time.monotonic_ns()
    taken_ns = int(buffer.seconds) * 10**9 + int(buffer.microseconds) * 1000
    monotonic = buffer.flags & api.STAMP_MASK == api.STAMP_MONOTONIC
    return taken_ns if monotonic and 0 <= now_ns - taken_ns < _SANE_NS else now_ns


def _others() -> str:
    names = []
    for path in sorted(glob('/dev/video*')):
        label = Path('/sys/class/video4linux', Path(path).name, 'name')
        try:
            names.append(f'{path} ({label.read_text().strip()})')
        except OSError:
            names.append(path)
    return ' (there is ' + (', '.join(names) or 'no /dev/video* at all') + ')'
