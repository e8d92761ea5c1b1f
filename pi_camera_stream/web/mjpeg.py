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
import socket

from aiohttp import web

from .stream import Stream, Viewer
from ..core.frame import Frame

_BOUNDARY = 'frame'
_UNSENT_BYTES = 16384
_WAIT_S = 1.0  # while nothing comes, look this often whether the viewer is still there


class EndlessResponse(web.StreamResponse):
    """
    A response without a length that is not sent in chunks.

    Programs with a simple HTTP client read the multipart body straight from the connection.
    """

    _length_check = False  # as aiohttp's own WebSocketResponse does it

    def __init__(self) -> None:
        super().__init__(headers={
            'Content-Type': f'multipart/x-mixed-replace; boundary={_BOUNDARY}',
            'Cache-Control': 'no-store',
            'X-Accel-Buffering': 'no',  # nginx would collect frames otherwise
        })
        self.force_close()


def _bound_backlog(transport: asyncio.Transport) -> None:
    """
    Let `drain` return only when nearly everything has left this machine.

    Otherwise a narrow link ages every picture: the kernel takes seconds of them. With
    TCP_NOTSENT_LOWAT (tcp(7)) it takes no more while so much has not been sent.
    """
    transport.set_write_buffer_limits(high=0)  # nothing may stay in user space
    connection = transport.get_extra_info('socket')
    if connection is not None and hasattr(socket, 'TCP_NOTSENT_LOWAT'):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


async def stream_mjpeg(request: web.Request, stream: Stream) -> web.StreamResponse:
    """Send the newest frame whenever the viewer has taken the one before; skip the others."""
    response = EndlessResponse()
    await response.prepare(request)
    if request.transport is not None:
        _bound_backlog(request.transport)
    # Chrome shows a picture only when the head of the next part has come: always one frame late.
    # So browsers get that head at once, which then cannot tell a length or a time yet. Programs
    # want to know the length, and do not wait.
    early_head = request.headers.get('User-Agent', '').startswith('Mozilla/')
    viewer = Viewer(request.remote or '?', 'mjpeg')
    with stream.watch(viewer):
        if stream.silent_s() > _WAIT_S:  # the camera has gone: do not begin with an old picture
            viewer.last_sequence = stream.last_sequence
        try:
            if early_head:
                await response.write(_head())
            while request.transport is not None and not request.transport.is_closing():
                frame = await stream.newer_than(viewer.last_sequence, _WAIT_S)
                if frame is None:
                    continue
                if not early_head:
                    await response.write(_head(frame))
                await response.write(frame.jpeg)
                await response.write(b'\r\n' + _head() if early_head else b'\r\n')
                await response.drain()
                viewer.count(frame)
        except ConnectionError:
            pass
    return response


def _head(frame: Frame | None = None) -> bytes:
    """Return what stands before a picture; without a frame, what can be said of any."""
    lines = [f'--{_BOUNDARY}', 'Content-Type: image/jpeg']
    if frame is not None:
        seconds, rest_ns = divmod(frame.stamp_ns, 10**9)
        lines += [f'Content-Length: {len(frame.jpeg)}', f'X-Timestamp: {seconds}.{rest_ns:09d}']
    return '\r\n'.join([*lines, '', '']).encode()
