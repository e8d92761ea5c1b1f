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

"""The newest results of the processors, as text, for any number of WebSockets."""

import asyncio
import json

from aiohttp import web, WSCloseCode

from .message_limit import MessageLimit
from .sockets import answer_ping, create_socket
from .stream.hand_over import HandOver

_HEARTBEAT_S = 20.0
_MOST_A_SECOND = 10.0


class ResultsFeed:
    """
    Send the newest text to everyone who listens; who is slow misses some, and delays nobody.

    `put` is for any thread, everything else for the event loop's.
    """

    def __init__(self) -> None:
        self.newest = ''
        self._number = 0
        self._came = asyncio.Event()  # replaced by a new one with each text
        self._texts: HandOver[str] = HandOver(self._take)
        self.put = self._texts.put

    def attach(self) -> None:
        """Begin, in the loop that serves."""
        self._texts.attach(asyncio.get_running_loop())

    def state(self) -> object:
        """Return the newest results as they are in `/state`; None before the first ones."""
        return json.loads(self.newest) if self.newest else None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket until either side closes it."""
        socket = create_socket(request, '', _HEARTBEAT_S)
        await socket.prepare(request)
        sending = asyncio.create_task(self._send(socket))
        limit = MessageLimit(request, _MOST_A_SECOND)
        try:
            async for message in socket:
                if await limit.admit():
                    await answer_ping(socket, message)
                elif limit.flooded:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b'too much')
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def _send(self, socket: web.WebSocketResponse) -> None:
        sent = 0
        while not socket.closed:
            came = self._came
            if self._number == sent:
                await came.wait()
            sent = self._number
            await socket.send_str(self.newest)

    def _take(self, text: str) -> None:
        self.newest, self._number = text, self._number + 1
        self._came.set()
        self._came = asyncio.Event()
