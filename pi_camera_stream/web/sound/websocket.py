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
Sound over a WebSocket of its own, for pages: no picture waits for it, nor it for a picture.

From here: binary messages, big-endian, of 16 bytes and a packet of Opus behind them: version 1
(u8), codec (u8: 0 Opus), two bytes of nothing, sequence (u32: counts tens of milliseconds; what
it leaves out is missing), stamp in ns of the first sample (i64). Text messages, JSON: `hello` with
`codec`, `rate`, `channels` and `packet_ms`; `signal` with `reason` when there is no sound, empty
when there is again; `clock` in answer to `clock`.

From the page, JSON: `clock` with `client_ms`, answered with the same and `server_ms`, the clock of
the stamps.
"""

import asyncio
from collections.abc import Callable
import struct

from aiohttp import web, WSCloseCode, WSMsgType

from .listeners import is_clear, Listener, Listeners
from ..message_limit import MessageLimit
from ..sockets import answer_clock, answer_ping, create_socket, MAX_MESSAGE_BYTES
from ..stream.link import Link
from ...core.json_object import parse_object
from ...core.sound import CHANNELS, OPUS, PACKET_NS, RATE, SoundPacket

_HEAD = struct.Struct('>BBHIq')
_VERSION, _OPUS = 1, 0
_HEARTBEAT_S = 20.0
_MOST_A_SECOND = 20.0
_LOOK_S = 0.5  # between two looks at why there is no sound

async def listen_by_websocket(request: web.Request, listeners: Listeners,
                              now_ns: Callable[[], int]) -> web.StreamResponse:
    """Serve one WebSocket until either side closes it; `now_ns` reads the clock of the stamps."""
    socket = create_socket(request, '', _HEARTBEAT_S)
    await socket.prepare(request)
    if request.transport is None:
        return socket
    link = Link(request.transport)
    await socket.send_json({'type': 'hello', 'codec': OPUS, 'rate': RATE, 'channels': CHANNELS,
                            'packet_ms': PACKET_NS // 1_000_000})
    with listeners.join() as listener:
        listener.end = link.abort
        sending = asyncio.create_task(_send(socket, link, listeners, listener))
        limit = MessageLimit(request, _MOST_A_SECOND)
        try:
            async for message in socket:
                if not await limit.admit():
                    heard = not limit.flooded
                elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                    heard = await answer_ping(socket, message)
                else:
                    heard = message.type is WSMsgType.TEXT and await _on_message(
                        message.data, socket, now_ns)
                if not heard:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION,
                                       message=b'not a message of this protocol')
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return socket


async def _send(socket: web.WebSocketResponse, link: Link, listeners: Listeners,
                listener: Listener) -> None:
    told = ''
    try:
        while not socket.closed:
            packet = await listener.take(_LOOK_S)
            reason = listeners.source.reason
            if reason != told:
                told = reason
                await socket.send_json({'type': 'signal', 'reason': reason})
            if packet is None:
                continue
            if is_clear(link):
                await socket.send_bytes(_message(packet))
            else:
                listener.left_out += 1
    except ConnectionError:
        pass
    finally:
        link.abort()  # ends the hearing, too


def _message(packet: SoundPacket) -> bytes:
    return _HEAD.pack(_VERSION, _OPUS, 0, packet.sequence & 0xFFFFFFFF,
                      packet.stamp_ns) + packet.data


async def _on_message(text: str, socket: web.WebSocketResponse, now_ns: Callable[[], int]) -> bool:
    """Act on a message of the page; False when it is none that the page would send."""
    try:
        message = parse_object(text, MAX_MESSAGE_BYTES)
        if message['type'] != 'clock':
            return False
        await answer_clock(socket, message, now_ns() / 1e6)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return True
