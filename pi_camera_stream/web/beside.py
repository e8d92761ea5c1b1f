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

"""What hands pictures on beside the pages, by other protocols than HTTP."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from aiohttp import web

from .stream.stream import Stream
from .stream.stream_query import read_video_tier


class Beside(Protocol):
    """One of these; the event loop of the web server calls it."""

    kind: str
    reason: str  # why it does not work; empty where it does

    @property
    def frames_sent(self) -> int: ...

    @property
    def bytes_sent(self) -> int: ...

    async def open(self) -> None:
        """Begin; it must not raise: what is wrong is `reason`."""

    async def close(self) -> None:
        """End: the server is stopping."""

    def url(self) -> str:
        """Return where it is."""

    def state(self) -> Mapping[str, object]:
        """Return what `/state` says of it."""

    def title(self) -> str:
        """Return where it is, as it is said when the server has begun."""

    async def sdp(self, stream: Stream, tier: str, /) -> str:
        """
        Return the SDP of what is sent of a stream, in that tier; empty where nothing is.

        HTTPServiceUnavailable where there is nothing to tell yet.
        """


async def answer_sdp(stream: Stream, query: Mapping[str, str], beside: Iterable[Beside]
                     ) -> web.Response:
    """Tell a receiver of RTP what comes to it (RFC 4566)."""
    tier = read_video_tier(query)
    for outlet in beside:
        if text := await outlet.sdp(stream, tier):
            return web.Response(text=text, content_type='application/sdp',
                                headers={'Cache-Control': 'no-store'})
    raise web.HTTPNotFound(text=(
        f"'{stream.name}' is not sent by RTP as {tier}: add its receiver to the parameter "
        "'outlets', as in rtp://192.168.1.20:5004\n"))
