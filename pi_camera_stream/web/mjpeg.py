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

from aiohttp import web

from .stream import Stream, Viewer

_BOUNDARY = 'frame'
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


async def stream_mjpeg(request: web.Request, stream: Stream) -> web.StreamResponse:
    """Send the newest frame whenever the viewer has taken the one before; skip the others."""
    response = EndlessResponse()
    await response.prepare(request)
    if request.transport is not None:
        # `drain` returns when the kernel has taken everything, not when 64 kB are left.
        request.transport.set_write_buffer_limits(high=0)
    viewer = Viewer(request.remote or '?', 'mjpeg')
    with stream.watch(viewer):
        if stream.silent_s() > _WAIT_S:  # the camera has gone: do not begin with an old picture
            viewer.last_sequence = stream.last_sequence
        while request.transport is not None and not request.transport.is_closing():
            frame = await stream.newer_than(viewer.last_sequence, _WAIT_S)
            if frame is None:
                continue
            seconds, rest_ns = divmod(frame.stamp_ns, 10**9)
            try:
                await response.write(
                    f'--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n'
                    f'Content-Length: {len(frame.jpeg)}\r\n'
                    f'X-Timestamp: {seconds}.{rest_ns:09d}\r\n\r\n'.encode())
                await response.write(frame.jpeg)
                await response.write(b'\r\n')
                await response.drain()
            except ConnectionError:
                break
            viewer.count(frame)
    return response
