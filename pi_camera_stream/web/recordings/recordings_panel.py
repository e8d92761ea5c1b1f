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
What has been recorded, over HTTP, for those who have a token.

`GET /recordings.json` lists it (`/recordings` is the page), `GET /recordings/NAME` is a file,
`GET /recordings/NAME/play` the same for browsers, from `?from=` seconds on, `DELETE
/recordings/NAME` deletes it, and `POST /record` begins or ends: a JSON object with `on`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
import math
from pathlib import Path
import time
from typing import Any

from aiohttp import web

from .download import answer_file
from .playback import answer_playback
from ..access.access_rules import AccessRules, Role
from ..access.identity import role_of
from ..access.origins import shown
from ..own_page import check_own_page, read_json
from ...core.pacing import TokenBucket
from ...core.recording import Recordings

_MOST_READERS = 4  # of files, at a time: a card and a small computer have to record meanwhile
_MOST_NAME_BYTES = 255
_MOST_LOOKS_A_SECOND, _LOOKS_AT_ONCE = 5.0, 20.0  # of all pages
_MOST_CHANGES_A_SECOND, _CHANGES_AT_ONCE = 5.0, 20.0
_NOT_STORED = {'Cache-Control': 'no-store'}


class RecordingsPanel:
    """
    What pages show and change of recordings. All methods run in the event loop.

    A recording is what others may have seen long ago, and it takes the card's room. So where
    everyone in the network may watch, nobody sees one, or makes one from here.
    """

    def __init__(self, recordings: Recordings, rules: AccessRules,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._recordings, self._rules, self._clock = recordings, rules, clock
        self._looks = TokenBucket(_MOST_LOOKS_A_SECOND, _LOOKS_AT_ONCE)
        self._changes = TokenBucket(_MOST_CHANGES_A_SECOND, _CHANGES_AT_ONCE)
        self._readers: list[web.Request] = []
        # Of its own: a card that does not answer takes no thread from anything else.
        self._threads = ThreadPoolExecutor(_MOST_READERS + 1, 'recordings')

    def add_routes(self, router: web.UrlDispatcher, keep: Callable[[web.BaseRequest], None]
                   ) -> None:
        """Take their addresses; `keep` hears of requests that may last."""
        self._keep = keep
        router.add_get('/recordings.json', self._list)
        router.add_get('/recordings/{name}', self._download)
        router.add_get('/recordings/{name}/play', self._play)
        router.add_delete('/recordings/{name}', self._delete)
        router.add_post('/record', self._switch)

    def end(self) -> None:
        """Let all who read go: the server is stopping."""
        for request in self._readers:
            if request.transport is not None:
                request.transport.abort()

    def figures(self) -> Mapping[str, Any]:
        return self._recordings.state()

    def state(self, request: web.Request) -> Mapping[str, object]:
        """Return what `/state` says of it to who asks."""
        refusal = self._refusal(request)
        return {**self._recordings.state(), 'you_may': {
            'see': not refusal, 'record': not refusal and role_of(request).drives,
            'why_not': refusal}}

    def _refusal(self, request: web.Request) -> str:
        """Return why somebody may not even see what was recorded; empty where they may."""
        if self._rules.access_token or role_of(request) is Role.LEADS:
            return ''
        if self._rules.driver_token:
            return ('recordings need a token: log in with the driver token, or set the parameter '
                    "'access_token' so that viewers have one, too")
        return ('recordings need a token, since anyone on this network can watch: set the '
                "parameter 'access_token' (`python3 -m pi_camera_stream secure` makes one)")

    def _check(self, request: web.Request, bucket: TokenBucket) -> None:
        if refusal := self._refusal(request):
            raise web.HTTPForbidden(text=f'{refusal}\n')
        if not bucket.take(self._clock()):
            raise web.HTTPTooManyRequests(headers={'Retry-After': '1'},
                                          text='too many requests: try again in 1 s\n')

    def _check_change(self, request: web.Request) -> None:
        check_own_page(request, 'only pages of this robot can record or delete; in a program, '
                                 "send the robot's address as 'Origin'")
        self._check(request, self._changes)
        if not role_of(request).drives:
            raise web.HTTPForbidden(text='log in with the driver token to record or delete\n')

    async def _list(self, request: web.Request) -> web.Response:
        self._check(request, self._looks)
        files = await self._recordings.files()
        return web.json_response({'recording': self.state(request),
                                  'files': [asdict(file) for file in files]}, headers=_NOT_STORED)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        self._check(request, self._looks)
        path = await self._path(request)
        async with self._reading(request):
            return await answer_file(request, path, self._threads)

    async def _play(self, request: web.Request) -> web.StreamResponse:
        self._check(request, self._looks)
        path, from_s = await self._path(request), _read_from_s(request)
        async with self._reading(request):
            return await answer_playback(request, path, from_s, self._threads)

    async def _delete(self, request: web.Request) -> web.Response:
        self._check_change(request)
        path = await self._path(request)
        return _done(await self._recordings.delete(path.name))

    async def _switch(self, request: web.Request) -> web.Response:
        self._check_change(request)
        fields = await read_json(request, {'on': _on_or_off})
        return _done(self._recordings.switch(fields['on']))

    async def _path(self, request: web.Request) -> Path:
        name = request.match_info['name']
        # What cannot be a name here does not get near the disk; what can, it may look for there.
        path = None if not name.isprintable() or '/' in name or name.startswith('.') or \
            len(name.encode(errors='replace')) > _MOST_NAME_BYTES else \
            await asyncio.get_running_loop().run_in_executor(
                self._threads, self._recordings.path, name)
        if path is None:
            raise web.HTTPNotFound(text=f"there is no recording '{shown(name)}': see "
                                        '/recordings\n')
        return path

    @asynccontextmanager
    async def _reading(self, request: web.Request) -> AsyncIterator[None]:
        """Take one of the few places of those who read files."""
        if len(self._readers) >= _MOST_READERS:
            raise web.HTTPServiceUnavailable(
                headers={'Retry-After': '5'},
                text=f'{_MOST_READERS} recordings are already being played or downloaded: try '
                     'again when one has finished\n')
        self._readers.append(request)
        self._keep(request)
        try:
            yield
        finally:
            self._readers.remove(request)


def _done(reason: str) -> web.Response:
    if reason:
        raise web.HTTPConflict(text=f'{reason}\n')
    return web.json_response({}, headers=_NOT_STORED)


def _on_or_off(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("'on' must be true or false")
    return value


def _read_from_s(request: web.Request) -> float:
    text = request.query.get('from', '0')
    try:
        from_s = float(text)
    except ValueError:
        from_s = math.nan
    if not 0 <= from_s < 1e7:
        raise web.HTTPBadRequest(text=f"'from' must be a number of seconds, not '{shown(text)}'\n")
    return from_s
