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
"""What pages of this very server may do, and others may not."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .access.origins import same_origin
from ..core.json_object import Check, read_fields

_BODY_TIMEOUT_S = 10.0
_MOST_BYTES = 1024


def check_own_page(request: web.Request, refusal: str) -> None:
    """Raise HTTPForbidden, with that sentence, when it is not a page of this server that asks."""
    origin = request.headers.get('Origin')
    if origin is None or not same_origin(origin, request.scheme, request.headers.get('Host')):
        raise web.HTTPForbidden(text=f'{refusal}\n')


async def read_json(request: web.Request, schema: Mapping[str, Check]) -> dict[str, Any]:
    """Return the fields of the small JSON object that a page sends, or raise HTTPException."""
    if request.content_type != 'application/json':
        raise web.HTTPUnsupportedMediaType(text='send a JSON object\n')
    try:
        body = await asyncio.wait_for(request.read(), _BODY_TIMEOUT_S)
        if len(body) > _MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(_MOST_BYTES, len(body))
        return read_fields(body.decode(), schema)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout(text='the request body is incomplete\n') from None
    except ValueError as error:
        raise web.HTTPBadRequest(text=f'this cannot be set: {error}\n') from error
