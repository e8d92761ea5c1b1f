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

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from .delivery import deliver, Transport
from .link import Link
from .mjpeg import EndlessResponse
from .rendition import Moved, Status
from .stream import Stream
from .timestamp import places
from .viewer import Viewer
from ...codecs.h264 import NEXT_BEGINS
from ...core.frame import Frame

_HEADERS = {'Content-Type': 'video/h264', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'}


class H264Transport(Transport):
    """Access units one after the other (ITU-T H.264, annex B), from a key frame on."""

    name = 'h264'

    def __init__(self, transport: asyncio.Transport, writer: AbstractStreamWriter) -> None:
        super().__init__(Link(transport))
        self._transport, self._writer = transport, writer

    async def write(self, frame: Frame, tier: int) -> None:
        self.write_now(frame, tier)
        if self._transport.get_write_buffer_size():
            await self._writer.drain()

    def ready(self) -> bool:
        return not (self._transport.is_closing() or self._transport.get_write_buffer_size())

    def write_now(self, frame: Frame, _tier: int) -> None:
        if self._transport.is_closing():  # what TLS does then depends on how it came to that
            raise ConnectionResetError('the viewer has gone')
        self._transport.write(frame.data + NEXT_BEGINS)

    async def write_status(self, _status: Status) -> None:
        """Let go who has left: there is no place for a status in such a stream."""
        if self.link.left():
            self.link.abort()


async def stream_h264(request: web.Request, stream: Stream, viewer: Viewer) -> web.StreamResponse:
    """Answer without end; HTTPServiceUnavailable says why there is none."""
    headers = {**_HEADERS, **places(stream.name)}
    if reason := stream.video.reason():
        raise web.HTTPServiceUnavailable(headers={'Retry-After': '60'}, text=reason + '\n')
    if request.method == 'HEAD':
        return web.Response(headers=headers)
    response = EndlessResponse(headers)
    with stream.watch(viewer):
        writer = await response.prepare(request)
        if request.transport is None or writer is None:
            return response
        # Nothing more is expected of this viewer; what it sends nevertheless stays in the kernel.
        request.transport.pause_reading()
        transport = H264Transport(request.transport, writer)
        viewer.link = transport.link

        def end(reason: str) -> None:
            if reason:
                transport.link.abort()
                if viewer.reader is not None:
                    viewer.reader.wake(Moved())  # no frame will

        viewer.on_video = end
        try:
            await deliver(stream, viewer, transport)
        except ConnectionError:
            pass
    return response
