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

"""A video file, played in real time for ever."""

from collections.abc import Callable, Iterator
from pathlib import Path
import time
from typing import Any

import av

from .base import Source, SourceSettings
from .decoded_frame import frame_orientation, to_image
from ..codecs.limits import check_size, libav_options
from ..codecs.mp4 import read_film_orientation
from ..codecs.orientation import UPRIGHT
from ..core.errors import FrameRefusedError, PermanentError
from ..core.frame import Capture
from ..core.pacing import RateLimit

# What has no container tells no times: rpicam-vid, raspivid and picamera2 write such files.
_RAW_FPS = 30.0
_RAW = ('h264', 'hevc', 'vvc', 'm4v', 'mjpeg', 'mpegvideo', 'obu', 'av1')


class VideoFileSource(Source):
    """
    The first video stream of the file `path`, decoded by PyAV, at the rate it was filmed with.

    A lower `fps` leaves pictures out. A machine that cannot decode as fast plays the video slower.
    What has no container, as `film.h264`, is played at `fps`, or 30/s. A film that says how it is
    to be turned is turned.
    """

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._container: Any = None
        self._stream: Any = None
        self._raw = False
        self._orientation = UPRIGHT  # as the file says; its frames may know better
        self._number = 0  # of pictures decoded in this round
        self._frames: Iterator[Any] = iter(())
        self._pending: Any = None  # decoded, and not due yet
        self._start_s = 0.0  # monotonic time of the video's beginning in this round
        self._rate_limit = RateLimit()
        self._last_due_s = 0.0
        self._late = 0
        self._own_fps = 0.0

    @property
    def title(self) -> str:
        return f'video {self.settings.shown_path}'

    @property
    def nominal_fps(self) -> float:
        if self._raw:
            return self.fps or _RAW_FPS
        return min(self.fps or self._own_fps, self._own_fps)

    def check(self) -> None:
        path = self.settings.path
        if not path:
            raise PermanentError("source 'file' needs the parameter 'path': set it to a video or "
                                 'to a folder of pictures')
        if not Path(path).exists():
            raise PermanentError(f"there is no file or folder '{self.settings.shown_path}': set "
                                 "the parameter 'path' to one that exists (a relative path starts "
                                 'where the node was started)')

    def start(self) -> None:
        self.check()
        path = self.settings.path
        try:
            self._open()
            self._pending = self._rewind(at_start=True)
        except (av.error.FFmpegError, IndexError, OSError) as error:
            raise PermanentError(f"'{path}' is not a video that can be played ({error}): set the "
                                 "parameter 'path' to one that `ffplay` plays") from error

    def read(self, timeout_s: float) -> Capture | None:
        deadline_s = time.monotonic() + timeout_s
        while True:
            if self._pending is None:
                self._pending = self._next_frame()
            now_s = time.monotonic()
            due_s = self._due_s(self._pending)
            if due_s > deadline_s:
                time.sleep(max(0.0, deadline_s - now_s))
                return None
            time.sleep(max(0.0, due_s - now_s))
            frame, self._pending, self._last_due_s = self._pending, None, due_s
            self._number += 1
            if now_s - due_s > 1 / self._own_fps:  # this machine decodes too slowly: play slower
                self._late += 1
                self._start_s += now_s - due_s
                self._last_due_s = now_s
            if self._rate_limit.admits(int(due_s * 1e9), self.fps):
                image = to_image(frame, self.settings.size_of,
                                 frame_orientation(frame, self._orientation))
                return Capture(image, int(max(now_s, due_s) * 1e9))

    def stop(self) -> None:
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def counters(self) -> dict[str, int]:
        return {'left out for fps': self._rate_limit.skipped, 'played too late': self._late}

    def _check_size(self, codec: Any) -> None:
        try:
            if codec.width and codec.height:  # else the decoder sees
                check_size(codec.width, codec.height, self.settings.max_pixels)
        except FrameRefusedError as error:
            raise PermanentError(f"'{self.settings.path}' cannot be played: {error}") from error

    def _open(self) -> None:
        self.stop()
        limits = libav_options(self.settings.max_pixels)
        self._container = av.open(self.settings.path, options=limits)
        self._stream = self._container.streams.video[0]
        self._check_size(self._stream.codec_context)
        self._stream.codec_context.options = limits
        self._stream.thread_type = 'AUTO'
        self._raw = self._container.format.name in _RAW
        self._own_fps = float(self._stream.average_rate or 25.0)
        path = Path(self.settings.path)
        if path.is_file():  # of a pipe, it would take the beginning
            with path.open('rb') as file:
                self._orientation = read_film_orientation(file)

    def _due_s(self, frame: Any) -> float:
        """Return when a picture is due, by its own time, or else by the rate."""
        if self._raw:
            return self._last_due_s + 1 / self.nominal_fps if self._number else self._start_s
        if frame.time is None:
            return self._start_s + self._number / self._own_fps
        return self._start_s + float(frame.time)

    def _next_frame(self) -> Any:
        try:
            return next(self._frames)
        except (StopIteration, av.error.FFmpegError):  # the end, or as far as it can be read
            return self._rewind()

    def _rewind(self, at_start: bool = False) -> Any:
        """
        Return the first picture, due one interval after the last one.

        What cannot be sought in, for want of a container or of a whole index, is opened anew.
        """
        first = None
        ways: tuple[Callable[[], None], ...] = (
            (lambda: None) if at_start else self._seek, self._open)
        for begin in ways:
            try:
                begin()
                self._frames = _decoded(self._container, self._stream)
                first = next(self._frames, None)
            except (av.error.FFmpegError, IndexError, OSError):
                continue
            if first is not None:
                break
        if first is None:
            raise PermanentError(f"there is no picture in '{self.settings.path}': set the "
                                 "parameter 'path' to a video that `ffplay` plays")
        interval_s = 1 / (self.nominal_fps if self._raw else self._own_fps)
        begin_s = max(self._last_due_s + interval_s, time.monotonic())
        self._number = 0
        self._start_s = begin_s - (0.0 if self._raw else float(first.time or 0.0))
        return first

    def _seek(self) -> None:
        self._container.seek(0)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the pictures; what of them cannot be decoded is left out."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        yield from frames
