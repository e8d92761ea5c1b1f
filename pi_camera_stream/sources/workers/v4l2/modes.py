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

"""What a V4L2 camera can deliver, and what of it to take."""

from collections.abc import Iterator
from dataclasses import dataclass
import errno
from typing import Any

from . import api
from .raw_picture import ENCODINGS
from ....core.errors import PermanentError

JPEG = ('MJPG', 'JPEG')
VIDEO = ('H264', 'HEVC')
# What we take, the best first. JPEGs are passed on; video costs most, and may hold pictures back.
_KINDS = (JPEG, tuple(ENCODINGS), VIDEO)
_MOST_PIXELS = (1280 * 720, 640 * 480, 1280 * 720)  # of each kind, when no size is asked for
_MOST = 100  # of each kind; a broken driver never ends


@dataclass(frozen=True)
class Mode:
    """A format at a size, or at sizes within a range."""

    code: str  # the format's four letters
    least: tuple[int, int]  # (width, height); the same as `most` for a single size
    most: tuple[int, int]
    step: tuple[int, int] = (1, 1)
    # Between frames, as fractions of seconds; none when the driver does not say.
    intervals: tuple[tuple[int, int], ...] = ()

    @property
    def rates(self) -> list[float]:
        """Return the frames a second, the highest first."""
        return sorted((below / above for above, below in self.intervals if above), reverse=True)

    def has(self, size: tuple[int, int]) -> bool:
        return all(low <= wanted <= high and (wanted - low) % step == 0 for wanted, low, high, step
                   in zip(size, self.least, self.most, self.step, strict=True))

    def fit(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Return a size it has, with the width and the height in `size`; 0 leaves one to it."""
        width, height = size
        if not width and not height:
            return self.most
        if not height:
            height = self._near(1, width * self.most[1] / self.most[0])
        elif not width:
            width = self._near(0, height * self.most[0] / self.most[1])
        return (width, height) if self.has((width, height)) else None

    def _near(self, axis: int, length: float) -> int:
        """Return the nearest width (axis 0) or height (1) that it has."""
        least, most, step = self.least[axis], self.most[axis], self.step[axis]
        if not self.least[1 - axis] < self.most[1 - axis]:  # there is one shape
            return most
        return min(most, max(least, least + step * round((length - least) / step)))

    def __str__(self) -> str:
        size = '{}x{}'.format(*self.most)
        if self.least != self.most:
            size = '{}x{} to '.format(*self.least) + size
        rates = ', '.join(f'{rate:g}' for rate in self.rates)
        return f'{self.code} {size}' + (f' at {rates}/s' if rates else '')


def read_modes(fd: int) -> list[Mode]:
    modes = []
    for description in _each(fd, api.ENUM_FMT, api.FormatDescription, type=api.CAPTURE):
        code = description.pixelformat.to_bytes(4, 'little').decode('latin-1').strip('\0 ')
        for size in _each(fd, api.ENUM_FRAMESIZES, api.FrameSize,
                          pixel_format=description.pixelformat):
            numbers = tuple(size.numbers)
            if size.type == api.DISCRETE:
                least, most, step = numbers[:2], numbers[:2], (1, 1)
            else:
                least, most = (numbers[0], numbers[3]), (numbers[1], numbers[4])
                step = (max(1, numbers[2]), max(1, numbers[5]))
            intervals = tuple(
                (interval.numbers[0], interval.numbers[1]) for interval in _each(
                    fd, api.ENUM_FRAMEINTERVALS, api.FrameInterval,
                    pixel_format=description.pixelformat, width=most[0], height=most[1])
                if interval.numbers[0] and interval.numbers[1])
            modes.append(Mode(code, (least[0], least[1]), (most[0], most[1]), step, intervals))
    return modes


def choose(modes: list[Mode], size: tuple[int, int] | None, fps: float
           ) -> tuple[Mode, tuple[int, int], tuple[int, int] | None]:
    """
    Return mode, size and interval for what is wanted; JPEG where it can be had, video last.

    A width or a height of 0 follows from the other one. Without a size, the largest up to 1280x720
    is taken, 640x480 where pictures are not compressed; of the rates the lowest that is not below
    `fps`, or the highest. Raises PermanentError with those there are.
    """
    size = size or (0, 0)
    able = [mode for mode in modes if can_read(mode)]
    fitting = [mode for mode in able if mode.fit(size)]
    if not fitting:
        asked = 'no {}x{}'.format(*(length or '…' for length in size)) if any(size) and able else \
            'no format that can be decoded here'
        remedy = "set the parameters 'width' and 'height' to a size of " if able else (
            'use a camera that has MJPG or YUYV; this one has ')
        raise PermanentError(f'it has {asked}: {remedy}{_listed(able or modes)}')
    fast = [mode for mode in fitting
            if not fps or not mode.rates or mode.rates[0] >= fps * 0.99]
    if not fast:
        raise PermanentError(f"it has no {fps:g} frames a second there: set the parameter 'fps' "
                             f'to a rate of {_listed(fitting)}')
    mode = min(fast, key=_preference)
    intervals = sorted(mode.intervals, key=lambda interval: interval[0] / interval[1])
    enough = [interval for interval in intervals if interval[1] / interval[0] >= fps * 0.99]
    interval = (enough[-1] if fps else intervals[0]) if intervals else None
    return mode, mode.fit(size) or mode.most, interval


def can_read(mode: Mode) -> bool:
    return any(mode.code in codes for codes in _KINDS)


def _preference(mode: Mode) -> tuple[int, bool, int, int]:
    kind = next(index for index, codes in enumerate(_KINDS) if mode.code in codes)
    pixels = mode.most[0] * mode.most[1]
    too_large = pixels > _MOST_PIXELS[kind]
    return kind, too_large, pixels if too_large else -pixels, _KINDS[kind].index(mode.code)


def _listed(modes: list[Mode]) -> str:
    return '; '.join(map(str, modes)) or 'none at all'


def _each(fd: int, request: int, kind: Any, **fields: int) -> Iterator[Any]:
    """Yield the answers of an enumeration; the last one of a range."""
    for index in range(_MOST):
        answer = kind(index=index, **fields)
        try:
            api.call(fd, request, answer)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):  # that was the last one
                return
            raise
        yield answer
