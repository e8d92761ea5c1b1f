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
"""Pictures of a bag as Matroska files: as they are, at the times when they were taken."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
import errno
import os
from pathlib import Path

from .bag import Picture
from ...codecs.h264_arrivals import H264Arrivals
from ...codecs.limits import MAX_PIXELS, whole_jpeg
from ...core.errors import FrameRefusedError
from ...core.frame import Frame
from ...recording.matroska import MatroskaWriter, TICKS_PER_S, Title
from ...recording.output_file import OutputFile

_PART = '.part'  # behind the names of files that are not whole
_TICK_NS = 10**9 // TICKS_PER_S
_BACK_NS = 100_000_000  # so far may a stamp be before the last one; more is another beginning


@dataclass
class Film:
    """One file that was written."""

    path: Path
    began_ns: int  # the stamp of its first picture
    seconds: float = 0.0
    count: int = 0


class FilmWriter:
    """
    Write pictures into one file, or several, where their size or the clock is another one.

    A context manager: the files get their names at its end, and do not stay where it ends by an
    error, or by Ctrl-C. All methods raise OSError.
    """

    def __init__(self, path: Path, topic: str) -> None:
        self.films: list[Film] = []
        self.left_out = 0
        self.reason = ''  # why the last of these was
        self._path, self._topic = path, topic
        self._arrivals = H264Arrivals(MAX_PIXELS, lambda: None)
        self._file: OutputFile | None = None
        self._writer: MatroskaWriter | None = None
        self._size = 0, 0
        self._tick = self._stamp_ns = 0

    def write(self, pictures: Iterable[Picture]) -> None:
        for number, picture in enumerate(pictures):
            try:
                frame = self._frame(picture, number)
                if frame is None:
                    raise FrameRefusedError('it builds on a key frame that is not there')
                self._add(frame)
            except (FrameRefusedError, ValueError) as error:
                self.left_out, self.reason = self.left_out + 1, str(error)

    def __enter__(self) -> 'FilmWriter':
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None:
                self._finish()
                for film in self.films:
                    _part(film.path).rename(film.path)
        finally:
            if self._file is not None:
                self._file.close()
            for film in self.films:
                with suppress(OSError):
                    _part(film.path).unlink()  # which is no more where it has its name

    def _finish(self) -> None:
        """End the file that is written."""
        if self._writer is not None:
            self._writer.finish()
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None

    def _frame(self, picture: Picture, number: int) -> Frame | None:
        if picture.codec:
            return self._arrivals.open(picture.data, picture.codec, picture.stamp_ns, number,
                                       askable=False)
        jpeg, header = whole_jpeg(picture.data)
        return Frame(jpeg, picture.stamp_ns, number, header.width, header.height)

    def _add(self, frame: Frame) -> None:
        size = frame.width, frame.height
        if self._writer is None or size != self._size \
                or frame.stamp_ns < self._stamp_ns - _BACK_NS:
            if not frame.key:
                raise FrameRefusedError('it builds on a key frame that is not there')
            self._finish()
            self._begin(frame)
        film = self.films[-1]
        self._stamp_ns = frame.stamp_ns
        self._tick = max(self._tick + 1, (frame.stamp_ns - film.began_ns) // _TICK_NS)
        if self._writer is not None:
            self._writer.add(frame, self._tick)
        film.count, film.seconds = film.count + 1, self._tick / TICKS_PER_S

    def _begin(self, first: Frame) -> None:
        number = len(self.films) + 1
        path = self._path if number == 1 else \
            self._path.with_name(f'{self._path.stem}_{number}{self._path.suffix}')
        if path.exists() or path.is_symlink():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        self._file = OutputFile(_part(path))
        self.films.append(Film(path, first.stamp_ns))
        try:
            self._writer = MatroskaWriter(self._file, first, Title(
                self._topic, first.stamp_ns / 1e9, first.stamp_ns))
        except ValueError:
            self._finish()
            _part(self.films.pop().path).unlink()
            raise
        self._size, self._tick = (first.width, first.height), -1


def _part(path: Path) -> Path:
    return path.with_name(path.name + _PART)
