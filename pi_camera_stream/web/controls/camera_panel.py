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

"""
The camera's controls over HTTP, for the viewer page.

`GET /camera?topic=…` lists the controls of the camera that publishes the topic. `POST /camera`
sets one: a JSON object with `topic`, `name` and `value`; the answer to a value that the camera
refuses is 422, with its reason.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
import time
from typing import Any, TypeVar

from aiohttp import web

from .cameras import Cameras, may_be_set
from ..access.identity import role_of
from ..access.origins import shown
from ..own_page import check_own_page, read_json
from ...core.errors import TemporaryError
from ...core.json_object import name
from ...core.pacing import TokenBucket

_TIMEOUT_S = 4.0  # for a camera to answer
_MOST_ELEMENTS = 16
_MOST_LOOKS_A_SECOND, _LOOKS_AT_ONCE = 10.0, 20.0  # of all pages
_MOST_CHANGES_A_SECOND, _CHANGES_AT_ONCE = 10.0, 10.0
_NOT_STORED = {'Cache-Control': 'no-store'}

T = TypeVar('T')


class CameraPanel:
    """What pages show and change of cameras. All methods run in the event loop."""

    def __init__(self, cameras: Cameras, publishes: Callable[[str], str],
                 clock: Callable[[], float] = time.monotonic, timeout_s: float = _TIMEOUT_S
                 ) -> None:
        """Take `publishes`, which returns the full name of a topic, or raises HTTPNotFound."""
        self._cameras, self._publishes = cameras, publishes
        self._clock, self._timeout_s = clock, timeout_s
        self._looks = TokenBucket(_MOST_LOOKS_A_SECOND, _LOOKS_AT_ONCE)
        self._changes = TokenBucket(_MOST_CHANGES_A_SECOND, _CHANGES_AT_ONCE)

    async def show(self, request: web.Request) -> web.Response:
        self._limit(self._looks)
        topic = self._publishes(request.query.get('topic', ''))
        controls = await self._answer(topic, self._cameras.read(topic))
        return web.json_response(
            {'topic': topic, 'controls': [control.for_page() for control in controls]},
            headers=_NOT_STORED)

    async def change(self, request: web.Request) -> web.Response:
        check_own_page(request, 'only the viewer page of this robot may change its camera')
        if not role_of(request).drives:
            raise web.HTTPForbidden(text='log in with the driver token to change the camera\n')
        self._limit(self._changes)
        fields = await read_json(request, {'topic': name, 'name': name, 'value': _value})
        if not may_be_set(fields['name']):
            raise web.HTTPForbidden(text=f"'{shown(fields['name'])}' is not a camera control\n")
        topic = self._publishes(fields['topic'])
        reason = await self._answer(topic, self._cameras.set(
            topic, fields['name'], fields['value']))
        if reason:
            raise web.HTTPUnprocessableEntity(text=f'{reason}\n')
        return web.json_response({}, headers=_NOT_STORED)

    def _limit(self, bucket: TokenBucket) -> None:
        if not bucket.take(self._clock()):
            raise web.HTTPTooManyRequests(headers={'Retry-After': '1'},
                                          text='too many changes at once: try again in 1 s\n')

    async def _answer(self, topic: str, future: 'Future[T]') -> T:
        waiting: Awaitable[T] = asyncio.wrap_future(future)
        try:
            return await asyncio.wait_for(waiting, self._timeout_s)
        except asyncio.TimeoutError:
            raise web.HTTPGatewayTimeout(
                text=f"the node that publishes '{topic}' has not answered within "
                     f'{self._timeout_s:g} s: it is busy, or has no parameter services\n'
            ) from None
        except TemporaryError as error:
            raise web.HTTPServiceUnavailable(text=f'{error}\n') from error


def _value(value: Any) -> Any:
    """Let through what a parameter may be, by its form alone."""
    if isinstance(value, str):
        return name(value)
    if isinstance(value, list):
        if len(value) > _MOST_ELEMENTS or not all(
                isinstance(element, int | float) for element in value):
            raise ValueError('the value is not a short list of numbers')
        return value
    if not isinstance(value, bool | int | float):
        raise ValueError('the value is neither a number, nor a text, nor true or false')
    return value
