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
"""A file of a recording over HTTP: in ranges, in small pieces, and behind the live pictures."""

import asyncio
from concurrent.futures import Executor
from http import HTTPStatus
import logging
import os
from pathlib import Path
import re
import stat

from aiohttp import web

from ..stream.link import Link

_READ_BYTES = 65536
# On its way at a time: not enough to let a live picture wait for long, on a link that both share.
_PIECE_BYTES = 16384
_PERIOD_S = 0.002
_RANGE = re.compile('([0-9]*)-([0-9]*)')
_MOST_DIGITS = 18  # of a position; no file is longer

_LOG = logging.getLogger(__name__)


class BulkTransport:
    """Sends what may take its time: a piece only when most of those before have arrived."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take a request whose response has been prepared; ConnectionError if it has gone."""
        if request.transport is None:
            raise ConnectionResetError('the client has left')
        self._transport, self._response = request.transport, response
        self._link = Link(request.transport)

    async def send(self, data: bytes) -> None:
        for begin in range(0, len(data), _PIECE_BYTES):
            piece = data[begin:begin + _PIECE_BYTES]
            self.check()
            await self._response.write(piece)
            # Who takes nothing at all is let go by `ConnectionReaper`.
            while (state := self._link.state()) and \
                    self._link.excess_bytes(state, len(piece)) > 0:
                await asyncio.sleep(_PERIOD_S)
                self.check()

    def abort(self) -> None:
        self._link.abort()

    def check(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError('the client has left')


async def answer_file(request: web.Request, path: Path, threads: Executor) -> web.StreamResponse:
    """Answer with a file, or with the range of it that is asked for; `threads` read it."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = await loop.run_in_executor(threads, _open, path)
    except OSError:
        raise web.HTTPNotFound(text='there is no such recording: it may have been deleted\n'
                               ) from None
    try:
        status = os.fstat(descriptor)
        begin, end, response = _response(request, path.name, status)
        await response.prepare(request)
        if request.method == 'HEAD':
            return response
        transport = BulkTransport(request, response)
        while begin < end:
            try:
                data = await loop.run_in_executor(threads, os.pread, descriptor,
                                                  min(_READ_BYTES, end - begin), begin)
            except OSError as error:
                _LOG.warning("'%s' cannot be read to its end (%s): copy what is left of the "
                             'recordings, and replace the card', path, error.strerror)
                data = b''
            if not data:  # that, or somebody has cut it: its end does not come
                transport.abort()
                return response
            await transport.send(data)
            begin += len(data)
        await response.write_eof()
    finally:
        # In the thread, behind a reading that has been given up.
        threads.submit(os.close, descriptor)
    return response


def _open(path: Path) -> int:
    """Open a file itself: no link, pipe or device by its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError('not a regular file')
    return descriptor


def _response(request: web.Request, name: str, status: os.stat_result
              ) -> tuple[int, int, web.StreamResponse]:
    """Return where to begin, where to end, and the head of the answer (RFC 9110, 14)."""
    size = status.st_size
    tag = f'"{status.st_mtime_ns:x}-{size:x}"'
    wanted = None
    if request.method == 'GET' and request.headers.get('If-Range', tag) == tag:
        wanted = read_range(request.headers.get('Range', ''), size)
    begin, end = wanted or (0, size)
    if begin >= end and wanted is not None:
        raise web.HTTPRequestRangeNotSatisfiable(
            headers={'Content-Range': f'bytes */{size}'},
            text=f'this file has only {size} bytes so far\n')
    response = web.StreamResponse(headers={
        'Content-Type': 'video/x-matroska', 'Accept-Ranges': 'bytes', 'ETag': tag,
        'Content-Disposition': f'attachment; filename="{name}"', 'Cache-Control': 'no-store'})
    response.last_modified = status.st_mtime
    response.content_length = end - begin
    if wanted is not None:
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers['Content-Range'] = f'bytes {begin}-{end - 1}/{size}'
    return begin, end, response


def read_range(text: str, size: int) -> tuple[int, int] | None:
    """
    Return where the range begins and ends that a header asks for; an empty one cannot be had.

    None where all is to be sent: nothing is asked for, something senseless, in another unit, or
    several ranges.
    """
    unit, _, ranges = text.partition('=')
    wanted = [one for one in map(str.strip, ranges.split(',')) if one]
    match = _RANGE.fullmatch(wanted[0]) if len(wanted) == 1 else None
    if unit.strip().lower() != 'bytes' or match is None or match[0] == '-':
        return None
    first, last = (_position(digits) for digits in match.groups())
    if first is None:
        return max(0, size - (last or 0)), size
    if last is None:
        return min(first, size), size
    return (min(first, size), min(last + 1, size)) if first <= last else None


def _position(digits: str) -> int | None:
    """Return a number, however many digits it has; Python refuses more than 4300."""
    if not digits:
        return None
    digits = digits.lstrip('0')
    return int(digits or 0) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
