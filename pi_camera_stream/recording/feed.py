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

"""From the stream that viewers watch to the recorder, frame by frame."""

import asyncio
from collections.abc import Callable
import contextlib
import logging

from aiohttp import web

from ..core.frame import Frame, JPEG
from ..web.stream.stream import Stream
from ..web.stream.tiers import H264 as H264_SPEC

_LOOK_S = 1.0  # how often is looked whether there is such a topic, or H.264

_LOG = logging.getLogger(__name__)


class Feed:
    """
    Take the frames of one stream as long as they are wanted. Event loop only.

    For the stream it is as a viewer who takes whatever comes: the camera is on, and what nobody
    has asked for yet is encoded.

    Attributes
    ----------
    fault
        Why nothing comes, or not what was wanted; empty while all is well.

    """

    def __init__(self, find: Callable[[], Stream], codec: str,
                 put: Callable[[Frame], bool]) -> None:
        """
        Make it; nothing is asked for yet.

        `find` returns the stream; `put` takes a frame, and returns whether it wants a key frame.
        """
        self._find, self._codec, self._put = find, codec, put
        self._task: asyncio.Task[None] | None = None
        self.fault = ''

    def want(self, wanted: bool) -> None:
        if wanted and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif not wanted and self._task is not None:
            self._task.cancel()
            self._task, self.fault = None, ''

    async def _run(self) -> None:
        while True:
            try:
                stream = self._find()
                self.fault = ''
                with stream.wanted():
                    await self._read(stream)
            except web.HTTPNotFound as error:
                self.fault = (error.text or '').strip()
            except Exception:
                _LOG.exception('pictures do not reach the recorder')
            await asyncio.sleep(_LOOK_S)

    async def _read(self, stream: Stream) -> None:
        if self._codec == JPEG:
            await self._pictures(stream)
            return
        while True:
            self.fault = stream.video.reason()
            if self.fault:
                self.fault += '; recording JPEG instead'
            reading = asyncio.create_task((self._pictures if self.fault else self._units)(stream))
            try:
                while not reading.done() and bool(stream.video.reason()) == bool(self.fault):
                    await asyncio.wait({reading}, timeout=_LOOK_S)
                if reading.done():
                    reading.result()
            finally:
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reading

    async def _pictures(self, stream: Stream) -> None:
        last = 0

        def take(frame: Frame) -> bool:
            nonlocal last
            last = frame.sequence
            self._put(frame)
            return True

        with stream.use(None) as rendition:
            while True:
                update = await rendition.newer_than(last, take)
                if isinstance(update, Frame):
                    take(update)

    async def _units(self, stream: Stream) -> None:
        rendition = stream.video.enter(H264_SPEC, stream.interval_s)
        reader = rendition.join('')

        def take(frame: Frame) -> bool:
            if self._put(frame):
                rendition.want_key()
            return True

        try:
            while True:
                update = await reader.next(take, lambda: False)
                if isinstance(update, Frame):
                    take(update)
        finally:
            rendition.leave(reader)
            stream.video.leave(rendition)


