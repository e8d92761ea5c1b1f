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

"""The video as a byte stream: `ffplay http://robot:8080/stream.h264`."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from .byte_transport import ByteTransport
from .endless import answer_endlessly
from .reading import Reading
from .rendition import Moved, Status
from .stream import Stream
from .viewer import Viewer
from ...codecs.h264 import NEXT_BEGINS
from ...core.frame import Frame


class H264Transport(ByteTransport):
    """Access units one after the other (ITU-T H.264, annex B), from a key frame on."""

    name = 'h264'

    def __init__(self, transport: asyncio.Transport, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(transport, drain)
        self.reading = Reading(transport.get_extra_info('socket'), self._write_zero)

    def _pack(self, frame: Frame) -> bytes:
        return frame.data + NEXT_BEGINS

    def _write_zero(self) -> bool:
        """Write what may be between NAL units (trailing_zero_8bits, annex B.1)."""
        self._write(b'\0')
        return True

    async def write_status(self, _status: Status) -> None:
        """Let go who has left: there is no place for a status in such a stream."""
        if self.link.left():
            self.link.abort()


async def stream_h264(request: web.Request, stream: Stream, viewer: Viewer) -> web.StreamResponse:
    """Answer without end; HTTPServiceUnavailable says why there is none."""
    if reason := stream.video.reason():
        raise web.HTTPServiceUnavailable(headers={'Retry-After': '60'}, text=reason + '\n')

    def create(transport: asyncio.Transport, drain: Callable[[], Awaitable[None]]
               ) -> H264Transport:
        way = H264Transport(transport, drain)

        def end(reason: str) -> None:
            if reason:
                way.link.abort()
                if viewer.reader is not None:
                    viewer.reader.wake(Moved())  # no frame will

        viewer.on_video = end
        return way

    return await answer_endlessly(request, stream, viewer, 'video/h264', create)
