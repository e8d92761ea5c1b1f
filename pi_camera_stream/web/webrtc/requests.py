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

"""What requests of clients say that ask for WebRTC."""

import asyncio
import ipaddress

from aiohttp import web

from ..access.addresses import is_loopback
from ..access.client_address import client_address

_MOST_BYTES = 65536  # of an offer; browsers send 4 to 10 kB
_BODY_S = 10.0


async def read_body(request: web.Request) -> str:
    """Return the body; HTTPBadRequest where it is too large or no text."""
    try:
        body = await asyncio.wait_for(_read_bytes(request), _BODY_S)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(text='the request body is incomplete\n') from None
    try:
        return body.decode('utf-8')
    except ValueError:
        raise web.HTTPBadRequest(text='the request body must be UTF-8\n') from None


async def _read_bytes(request: web.Request) -> bytes:
    body = b''
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise web.HTTPBadRequest(text=(
                f'the request body is too long: at most {_MOST_BYTES // 1024} kB\n'))
    return body


def reachable_at(request: web.Request) -> list[str] | None:
    """
    Return by which address of this machine a client can reach it; None where nobody knows.

    It is the one that the request came to, unless it came through a proxy.
    """
    name = None if request.transport is None else request.transport.get_extra_info('sockname')
    if not isinstance(name, tuple) or client_address(request) != request.remote \
            or 'X-Forwarded-For' in request.headers:
        return None
    address = ipaddress.ip_address(str(name[0]).partition('%')[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if address.is_link_local or (address.is_loopback and not is_loopback(str(request.remote))):
        return None
    return [str(address)]
