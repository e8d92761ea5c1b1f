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

"""The HTTP application: which address shows what."""

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
import time

from aiohttp import web

from .mjpeg import stream_mjpeg
from .stream import Stream
from ..core.clock import NowNs

_STATIC = Path(str(files(__package__))) / 'static'
_SNAPSHOT_TIMEOUT_S = 3.0
_NEWER_FRAMES = 3  # of so many frames that come after a request, the last was taken after it


class Application:
    """The routes over one stream. All methods run in the event loop."""

    def __init__(self, stream: Stream, now_ns: NowNs) -> None:
        self._stream = stream
        self._now_ns = now_ns

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application()
        app.router.add_get('/', self._page)
        app.router.add_get('/stream.mjpg', self._mjpeg)
        app.router.add_get('/snapshot.jpg', self._snapshot)
        app.router.add_get('/state', self._state)
        app.router.add_get('/healthz', self._healthz)
        app.router.add_static('/static/', _STATIC)
        app.cleanup_ctx.append(self._attach)
        app.on_shutdown.append(self._close)
        return app

    async def _attach(self, _: web.Application) -> AsyncIterator[None]:
        self._stream.attach(asyncio.get_running_loop())
        yield

    async def _close(self, _: web.Application) -> None:
        self._stream.close()

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(_STATIC / 'index.html', headers={'Cache-Control': 'no-cache'})

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        return await stream_mjpeg(request, self._stream)

    async def _snapshot(self, _request: web.Request) -> web.Response:
        """Answer with a picture that was taken after the request."""
        asked_ns, deadline_s = self._now_ns(), time.monotonic() + _SNAPSHOT_TIMEOUT_S
        with self._stream.wanted():
            sequence, frame = self._stream.last_sequence, None
            # By its stamp; but where the camera's clock is behind ours, no frame would ever do.
            for _ in range(_NEWER_FRAMES):
                frame = await self._stream.newer_than(sequence, deadline_s - time.monotonic())
                if frame is None or frame.stamp_ns >= asked_ns:
                    break
                sequence = frame.sequence
        if frame is None:
            raise web.HTTPServiceUnavailable(
                headers={'Retry-After': '1'},
                text=f"no picture came on '{self._stream.name}' within {_SNAPSHOT_TIMEOUT_S:.0f} "
                     's: is the camera node running?\n')
        seconds, rest_ns = divmod(frame.stamp_ns, 10**9)
        return web.Response(body=frame.jpeg, content_type='image/jpeg', headers={
            'Cache-Control': 'no-store', 'X-Timestamp': f'{seconds}.{rest_ns:09d}'})

    async def _state(self, _: web.Request) -> web.Response:
        return web.json_response(self._stream.state(), headers={'Cache-Control': 'no-store'})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text='ok\n')
