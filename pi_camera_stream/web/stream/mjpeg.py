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
from collections.abc import Awaitable, Callable
from functools import lru_cache

from aiohttp import web

from .byte_transport import ByteTransport
from .endless import answer_endlessly
from .reading import Reading
from .rendition import Status
from .stream import Stream
from .timestamp import SIGNAL, TIMESTAMP, timestamp
from .viewer import Viewer
from ...core.frame import Frame

_BOUNDARY = 'frame'
_BEGIN = f'--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: '.encode()


class MjpegTransport(ByteTransport):
    """
    Parts of a multipart body.

    Chrome shows a picture only when the head of the next part has come: always one frame late. So
    browsers get that head at once, which then cannot tell a length or a time yet. Programs want to
    know the length, and do not wait.
    """

    name = 'mjpeg'

    def __init__(self, transport: asyncio.Transport, drain: Callable[[], Awaitable[None]],
                 early_head: bool) -> None:
        super().__init__(transport, drain)
        self._early_head = early_head
        self._ahead = 0  # bytes of the next part's head that have been written
        if early_head:  # which shows what it reads at once
            transport.write(_head())
        else:
            self.reading = Reading(transport.get_extra_info('socket'), self._write_ahead)

    def _pack(self, frame: Frame) -> bytes:
        # One write, so that a picture and its head leave together.
        return self._rest(_part(frame, self._early_head))

    async def write_status(self, status: Status) -> None:
        if status.picture is not None:
            self._write(self._rest(_part(status.picture, self._early_head, status.signal.state)))
            await self._wait_written()

    def _write_ahead(self) -> bool:
        """Write one byte of the next head, as long as it is the same for all frames."""
        if self._ahead == len(_BEGIN):
            return False
        self._write(_BEGIN[self._ahead:self._ahead + 1])
        self._ahead += 1
        return True

    def _rest(self, part: bytes) -> bytes:
        """Return what of a part has not been written ahead."""
        ahead, self._ahead = self._ahead, 0
        return part[ahead:]


async def stream_mjpeg(request: web.Request, stream: Stream, viewer: Viewer
                       ) -> web.StreamResponse:
    early_head = request.headers.get('User-Agent', '').startswith('Mozilla/')
    try:
        return await answer_endlessly(
            request, stream, viewer, f'multipart/x-mixed-replace; boundary={_BOUNDARY}',
            lambda transport, drain: MjpegTransport(transport, drain, early_head))
    finally:
        _part.cache_clear()  # it may hold large pictures that nobody watches any more


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
