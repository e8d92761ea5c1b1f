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

"""JPEGs back to back on standard input, a named pipe or in a file, passed on byte for byte."""

from collections.abc import Mapping
from contextlib import suppress
import errno
from fcntl import F_GETPIPE_SZ, F_SETPIPE_SZ, fcntl
import os
import select
import stat
import time
from typing import NoReturn

from .base import Source, SourceSettings
from .jpeg_stream import JpegStream
from ..codecs.jpeg_splitter import Piece
from ..core.errors import EndOfStream, PermanentError
from ..core.frame import Capture, EncodedImage
from ..core.pacing import Pacer

_CHUNK_BYTES = 2**18  # read at once, and held by the pipe: a picture comes in one piece, mostly
_FILE_FPS = 30.0  # for a regular file, when `fps` is 0
_HINT = 'for example `rpicam-vid -t 0 -n --codec mjpeg -o - | …`'


class MjpegPipeSource(Source):
    """
    What `rpicam-vid --codec mjpeg -o -` or `ffmpeg -f mjpeg -` write.

    The pipe is always drained, so its writer never waits, and only the newest picture is used. A
    regular file is played at `fps` instead. At its end the source ends; on a named pipe it waits
    for the next writer.
    """

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._fd = -1
        self._is_fifo = False
        self._pacer: Pacer | None = None  # for a regular file
        self._waiting: list[Piece] = []  # of a regular file only: pictures of the last chunk
        origin = (settings.shown_path or 'standard input').replace('{', '{{').replace('}', '}}')
        self._stream = JpegStream(f'{{what}} came from {origin}, and no JPEG among them: '
                                  f'have the writer send JPEGs, {_HINT}')

    @property
    def title(self) -> str:
        return f'JPEGs from {self.settings.shown_path or "standard input"}'

    def check(self) -> None:
        if self.settings.sized:
            raise PermanentError(
                "source 'stdin' passes pictures on as they are: set the parameters 'width' and "
                "'height' to 0, and the size where the pictures are made (`rpicam-vid --width … "
                '--height …`)')
        path = self.settings.path
        if path and not os.path.exists(path):
            raise self._unreadable(os.strerror(errno.ENOENT))

    def start(self) -> None:
        self.check()
        path = self.settings.path
        if path:
            self._open_path(path)
        else:
            self._open_standard_input()
        if os.isatty(self._fd):
            self.stop()
            raise PermanentError("source 'stdin' reads JPEGs, but standard input is a terminal: "
                                 f'pipe them in, {_HINT}')
        mode = os.fstat(self._fd).st_mode
        self._is_fifo = bool(path) and stat.S_ISFIFO(mode)
        if stat.S_ISFIFO(mode):
            with suppress(OSError):  # more than a user may have
                if fcntl(self._fd, F_GETPIPE_SZ) < _CHUNK_BYTES:
                    fcntl(self._fd, F_SETPIPE_SZ, _CHUNK_BYTES)
        self._pacer = Pacer() if stat.S_ISREG(mode) else None

    def read(self, timeout_s: float) -> Capture | None:
        if self._pacer is not None:
            return self._read_file(timeout_s, self._pacer)
        deadline_s = time.monotonic() + timeout_s
        while (remaining_s := deadline_s - time.monotonic()) >= 0:
            newest = self._stream.newest(self._receive(remaining_s), self.fps)
            if newest is not None:
                return newest
        return None

    def stop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def counters(self) -> Mapping[str, int]:
        return self._stream.counters()

    def _open_standard_input(self) -> None:
        try:
            self._fd = os.dup(0)
        except OSError as error:
            raise PermanentError("source 'stdin' has no standard input here: pipe JPEGs into the "
                                 "node, or name a pipe with the parameter 'path'") from error

    def _open_path(self, path: str) -> None:
        try:
            # Not blocking: opening a named pipe would otherwise wait for its writer.
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._unreadable(error.strerror) from error
        if stat.S_ISDIR(os.fstat(self._fd).st_mode):
            self.stop()
            raise PermanentError(f"'{path}' is a folder: use source 'file' for a folder of "
                                 'pictures')

    def _unreadable(self, reason: str | None) -> PermanentError:
        path = self.settings.shown_path
        return PermanentError(f"cannot read '{path}' ({reason}): set the parameter 'path' to a "
                              f'file or named pipe with JPEGs (`mkfifo {path}` makes a pipe)')

    def _receive(self, timeout_s: float) -> bytes:
        """Return the next bytes on the pipe; none when there are none in time."""
        # poll, not select: its descriptor may be over 1023.
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        if not poller.poll(timeout_s * 1000):
            return b''
        try:
            chunk = os.read(self._fd, _CHUNK_BYTES)
        except BlockingIOError:
            return b''
        if not chunk:
            self._writer_has_gone()
        return chunk

    def _writer_has_gone(self) -> None:
        if not self._is_fifo:
            self._end()
        # A descriptor that had a writer reports its end for ever, a new one waits; it is opened
        # before the old one is closed, so that a writer always finds a reader.
        self._stream.end()
        ended = self._fd
        self._open_path(self.settings.path)
        os.close(ended)

    def _end(self) -> NoReturn:
        self._stream.end()
        self._stream.check()
        raise EndOfStream

    def _read_file(self, timeout_s: float, pacer: Pacer) -> Capture | None:
        while not self._waiting:
            chunk = os.read(self._fd, _CHUNK_BYTES)
            if not chunk:
                self._end()
            self._waiting = self._stream.split(chunk)
        if not pacer.wait(1.0 / (self.fps or _FILE_FPS), timeout_s):
            return None
        return Capture(EncodedImage(self._waiting.pop(0).jpeg), time.monotonic_ns())
