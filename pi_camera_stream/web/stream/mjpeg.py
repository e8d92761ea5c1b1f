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

"""The endless picture: `multipart/x-mixed-replace`, as `<img>` and most programs read it."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from .delivery import deliver, Transport
from .link import Link
from .rendition import Status
from .stream import Stream
from .timestamp import places, SIGNAL, TIMESTAMP, timestamp
from .viewer import Viewer
from ...core.frame import Frame

_BOUNDARY = 'frame'
_HEADERS = {
    'Content-Type': f'multipart/x-mixed-replace; boundary={_BOUNDARY}',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',  # nginx would collect frames otherwise
}


class EndlessResponse(web.StreamResponse):
    """A response without a length, not in chunks: simple clients read the body as it comes."""

    _length_check = False  # as aiohttp's own WebSocketResponse does it

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self.force_close()


class MjpegTransport(Transport):
    """
    Parts of a multipart body.

    Chrome shows a picture only when the head of the next part has come: always one frame late. So
    browsers get that head at once, which then cannot tell a length or a time yet. Programs want to
    know the length, and do not wait.
    """

    name = 'mjpeg'

    def __init__(self, transport: asyncio.Transport, writer: AbstractStreamWriter,
                 early_head: bool) -> None:
        super().__init__(Link(transport))
        self._transport = transport
        self._writer = writer
        self._early_head = early_head
        if early_head:
            transport.write(_head())

    async def write(self, frame: Frame, _tier: int) -> None:
        await self._write(_part(frame, self._early_head))

    def ready(self) -> bool:
        return not (self._transport.is_closing() or self._transport.get_write_buffer_size())

    def write_now(self, frame: Frame, _tier: int) -> None:
        self._transport.write(_part(frame, self._early_head))

    async def write_status(self, status: Status) -> None:
        if status.picture is not None:
            await self._write(_part(status.picture, self._early_head, status.signal.state))

    async def _write(self, part: bytes) -> None:
        if self._transport.is_closing():  # what TLS does then depends on how it came to that
            raise ConnectionResetError('the viewer has gone')
        # One write, so that a picture and its head leave together.
        self._transport.write(part)
        if self._transport.get_write_buffer_size():
            await self._writer.drain()


async def stream_mjpeg(request: web.Request, stream: Stream, viewer: Viewer
                       ) -> web.StreamResponse:
    headers = {**_HEADERS, **places(stream.name)}
    if request.method == 'HEAD':
        return web.Response(headers=headers)
    response = EndlessResponse(headers)
    with stream.watch(viewer):
        writer = await response.prepare(request)
        if request.transport is None or writer is None:
            return response
        # Nothing more is expected of this viewer; what it sends nevertheless stays in the kernel.
        request.transport.pause_reading()
        early_head = request.headers.get('User-Agent', '').startswith('Mozilla/')
        transport = MjpegTransport(request.transport, writer, early_head)
        viewer.link = transport.link
        try:
            await deliver(stream, viewer, transport)
        except ConnectionError:
            pass
        finally:
            _part.cache_clear()  # it may hold large pictures that nobody watches any more
    return response


@lru_cache(maxsize=4)  # all who watch the same send the same bytes
def _part(frame: Frame, early_head: bool, signal: str = '') -> bytes:
    if early_head:
        return b'%b\r\n%b' % (frame.data, _head())
    return b'%b%b\r\n' % (_head(frame, signal), frame.data)


def _head(frame: Frame | None = None, signal: str = '') -> bytes:
    """
    Return what stands before a picture; without a frame, what can be said of any.

    With a `signal`, it is a picture that says why there is none of the camera.
    """
    lines = [f'--{_BOUNDARY}', 'Content-Type: image/jpeg']
    if frame is not None:
        lines += [f'Content-Length: {len(frame.data)}', f'{TIMESTAMP}: {timestamp(frame)}']
    if signal:
        lines.append(f'{SIGNAL}: {signal}')
    return '\r\n'.join([*lines, '', '']).encode()
