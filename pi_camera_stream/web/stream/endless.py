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

"""Answers without an end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from .delivery import deliver, Transport
from .stream import Stream
from .timestamp import places
from .viewer import Viewer

_HEADERS = {
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',  # nginx would collect frames otherwise
}

CreateTransport = Callable[[asyncio.Transport, Callable[[], Awaitable[None]]], Transport]
"""Returns what sends frames over a connection; the other argument waits until it has all."""


class _EndlessResponse(web.StreamResponse):
    """A response without a length, not in chunks: simple clients read the body as it comes."""

    _length_check = False  # as aiohttp's own WebSocketResponse does it

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self.force_close()


async def answer_endlessly(request: web.Request, stream: Stream, viewer: Viewer,
                           content_type: str, create: CreateTransport) -> web.StreamResponse:
    """Send frames to a viewer by the transport that `create` returns, until it has gone."""
    headers = {'Content-Type': content_type, **_HEADERS, **places(stream.name)}
    if request.method == 'HEAD':
        return web.Response(headers=headers)
    response = _EndlessResponse(headers)
    with stream.watch(viewer):
        writer = await response.prepare(request)
        if request.transport is None or writer is None:
            return response
        # Nothing more is expected of this viewer; what it sends nevertheless stays in the kernel.
        request.transport.pause_reading()
        transport = create(request.transport, writer.drain)
        viewer.link, viewer.reading = transport.link, transport.reading
        try:
            await deliver(stream, viewer, transport)
        except ConnectionError:
            pass
    return response
