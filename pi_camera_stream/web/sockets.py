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

"""What all WebSockets here have in common."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web, WSMessage, WSMsgType

from ..core.json_object import number

MAX_MESSAGE_BYTES = 1024  # of what a page sends


def create_socket(request: web.Request, hint: str, heartbeat_s: float, close_s: float = 10.0
                  ) -> web.WebSocketResponse:
    """
    Return one that is to be prepared; HTTPUpgradeRequired, with a hint, where none is asked for.

    `close_s` is how long its client may take to say that it closes, too.
    """
    # Pings are messages, too, of which a client may send too many: aiohttp would answer all.
    socket = web.WebSocketResponse(timeout=close_s, heartbeat=heartbeat_s, compress=False,
                                   autoping=False, max_msg_size=MAX_MESSAGE_BYTES)
    try:
        fits = bool(socket.can_prepare(request))
    except ValueError:  # the key is no ASCII, which aiohttp 3.14 does not expect
        fits = False
    if not fits:
        raise web.HTTPUpgradeRequired(headers={'Upgrade': 'websocket'},
                                      text=f'this address is for WebSockets{hint}\n')
    return socket


async def answer_ping(socket: web.WebSocketResponse, message: WSMessage) -> bool:
    """Deal with a ping or a pong, where aiohttp is told not to."""
    if message.type is WSMsgType.PING:
        await socket.pong(message.data)
    return True


async def answer_clock(socket: web.WebSocketResponse, message: Mapping[str, Any],
                       server_ms: float, **more: object) -> None:
    """Tell a page that asks what the clock of the stamps shows, and what else is known."""
    await socket.send_json({'type': 'clock', 'client_ms': number(message['client_ms']),
                            'server_ms': server_ms, **more})
