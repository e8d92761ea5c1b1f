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

"""What is logged of requests: one line each, without secrets and without tracebacks."""

import asyncio
from collections.abc import Callable
import logging
import re
from time import monotonic
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

from .client_address import client_address

_PATH_LENGTH = 120
_METHOD_LENGTH = 20
_HTTP_LOG = logging.getLogger(f'{__package__}.http')
# What a client can bring about in aiohttp itself, and whose bytes would stand in the traceback;
# UnicodeError by a header 'Expect' that is no UTF-8, or by `GET http://xn--a/`.
_CLIENTS_FAULTS = (HttpProcessingError, web.RequestPayloadError, web.PayloadAccessError,
                   ConnectionError, UnicodeError)
# Somebody may write the token with a wrong sign before it, which makes it a part of the path.
_TOKEN = re.compile(r'token=.*', re.IGNORECASE | re.DOTALL)


def access_logger(app: web.Application,
                  log: Callable[[str], None]) -> type[AbstractAccessLogger]:
    """
    Return the class for aiohttp's `access_log_class` that hands one line a request to `log`.

    It is written when the answer has ended; of an endless picture, when the viewer has gone.
    """
    class AccessLogger(AbstractAccessLogger):

        def log(self, request: web.BaseRequest, response: web.StreamResponse,
                time: float) -> None:
            log(_line(request, response, time))

    async def watch(request: web.Request, response: web.StreamResponse) -> None:
        task, begun_s = asyncio.current_task(), monotonic()

        def log_cancelled(ended: asyncio.Task[object]) -> None:
            if ended.cancelled():
                log(_line(request, response, monotonic() - begun_s))
        if task is not None:
            task.add_done_callback(log_cancelled)

    # Up to aiohttp 3.8.3 a request is cancelled when the viewer has gone, and not logged then.
    app.on_response_prepare.append(watch)
    return AccessLogger


def _line(request: web.BaseRequest, response: web.StreamResponse, time_s: float) -> str:
    path = _TOKEN.sub('token=***', request.path) or '-'  # CONNECT may have none
    # Not response.body_length, which is 0 when the viewer has gone in between.
    return (f'{client_address(request)} {_printable(request.method, _METHOD_LENGTH)} '
            f'{_printable(path, _PATH_LENGTH)} {response.status} '
            f'{request.writer.output_size} bytes {time_s:.3f} s')


def quiet_aiohttp() -> logging.Logger:
    """
    Return the logger for aiohttp's `logger`; called in the server's event loop.

    Of malformed requests it leaves one line at level debug, and nothing of what they contain.
    Failures of the server itself keep their tracebacks. Some of those requests end a connection's
    task (aiohttp 3.14) or its reading (3.8) instead of being logged, so the loop's exception
    handler is set, too.
    """
    asyncio.get_running_loop().set_exception_handler(_handle_failure)
    _HTTP_LOG.addFilter(_without_clients_faults)  # once, however often it is called
    return _HTTP_LOG


def _handle_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    fault, task = context.get('exception'), context.get('future')
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    if (isinstance(fault, _CLIENTS_FAULTS)
            and getattr(coroutine, '__qualname__', '') == 'RequestHandler.start'):
        _HTTP_LOG.debug('Unhandled exception: %s', type(fault).__name__)
    elif isinstance(fault, ValueError) and isinstance(context.get('protocol'), web.RequestHandler):
        _HTTP_LOG.debug('Unreadable request: %s', type(fault).__name__)
    elif isinstance(fault, OSError) and 'socket' in context:  # no more connections can be had
        _HTTP_LOG.warning('%s: %s', context['message'], fault.strerror)
    else:
        loop.default_exception_handler(context)


def _without_clients_faults(record: logging.LogRecord) -> bool:
    fault = record.exc_info[1] if record.exc_info else None
    if not isinstance(fault, _CLIENTS_FAULTS):
        return True
    record.msg, record.args = f'{record.getMessage()}: {type(fault).__name__}', ()
    record.exc_info = record.exc_text = None
    record.levelno, record.levelname = logging.DEBUG, 'DEBUG'
    return _HTTP_LOG.isEnabledFor(logging.DEBUG)


def _printable(text: str, length: int) -> str:
    """Return `text` with escapes for all but printable ASCII, and not longer than `length`."""
    escaped = text[:length + 1].encode('unicode_escape').decode('ascii').replace(' ', '\\x20')
    return escaped if len(escaped) <= length else escaped[:length] + '…'
