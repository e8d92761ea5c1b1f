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

from collections.abc import Iterator
from pathlib import Path
import time
from typing import Any

import av

from .base import Source, SourceSettings
from ..codecs.limits import check_size, libav_options
from ..core.errors import FrameRefusedError, PermanentError
from ..core.frame import Capture, Image
from ..core.pacing import RateLimit


class VideoFileSource(Source):
    """
    The first video stream of the file `path`, decoded by PyAV, at the rate it was filmed with.

    A lower `fps` leaves pictures out. A machine that cannot decode as fast plays the video slower.
    """

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._pending: Any = None  # decoded, and not due yet
        self._start_s = 0.0  # monotonic time of the video's beginning in this round
        self._rate_limit = RateLimit()
        self._last_due_s = 0.0
        self._late = 0
        self._own_fps = 0.0

    @property
    def title(self) -> str:
        return f'video {self.settings.path}'

    @property
    def nominal_fps(self) -> float:
        return min(self.fps or self._own_fps, self._own_fps)

    def start(self) -> None:
        path = self.settings.path
        if not path:
            raise PermanentError("source 'file' needs the parameter 'path': set it to a video or "
                                 'to a folder of pictures')
        if not Path(path).exists():
            raise PermanentError(f"there is no file or folder '{path}': set the parameter 'path' "
                                 'to one that exists (a relative path starts where the node was '
                                 'started)')
        try:
            limits = libav_options(self.settings.max_pixels)
            self._container = av.open(path, options=limits)
            stream = self._container.streams.video[0]
            self._check_size(stream.codec_context)
            stream.codec_context.options = limits
            stream.thread_type = 'AUTO'
            rate = stream.average_rate
            self._own_fps = float(rate) if rate else 25.0
            self._pending = self._rewind()
        except (av.error.FFmpegError, IndexError, OSError) as error:
            raise PermanentError(f"'{path}' is not a video that can be played ({error}): set the "
                                 "parameter 'path' to one that `ffplay` plays") from error

    def read(self, timeout_s: float) -> Capture | None:
        deadline_s = time.monotonic() + timeout_s
        while True:
            if self._pending is None:
                self._pending = self._next_frame()
            now_s = time.monotonic()
            due_s = self._start_s + (self._pending.time or 0.0)
            if due_s > deadline_s:
                time.sleep(max(0.0, deadline_s - now_s))
                return None
            time.sleep(max(0.0, due_s - now_s))
            frame, self._pending, self._last_due_s = self._pending, None, due_s
            if now_s - due_s > 1 / self._own_fps:  # this machine decodes too slowly: play slower
                self._late += 1
                self._start_s += now_s - due_s
            if self._rate_limit.admits(int(due_s * 1e9), self.fps):
                return Capture(self._image(frame), int(max(now_s, due_s) * 1e9))

    def stop(self) -> None:
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

    def _next_frame(self) -> Any:
        try:
            return next(self._frames)
        except (StopIteration, av.error.FFmpegError):  # the end, or as far as it can be read
            return self._rewind()

    def _rewind(self) -> Any:
        """Return the first picture, due one interval after the last one."""
        self._container.seek(0)
        self._frames = self._container.decode(video=0)
        first = next(self._frames, None)
        if first is None:
            raise PermanentError(f"there is no picture in '{self.settings.path}': set the "
                                 "parameter 'path' to a video that `ffplay` plays")
        begin_s = max(self._last_due_s + 1 / self._own_fps, time.monotonic())
        self._start_s = begin_s - (first.time or 0.0)
        return first

    def _image(self, frame: Any) -> Image:
        width, height = self.settings.size or (frame.width, frame.height)
        image: Image = frame.to_ndarray(format='bgr24', width=width, height=height)
        return image
