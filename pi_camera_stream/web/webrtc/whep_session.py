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

"""What one client of WHEP has, from its offer to its end, whatever it is sent."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable, Sequence
import logging
import secrets
import time
from typing import Any, TYPE_CHECKING

from aiohttp import web

from .sdp import BadOfferError, Offer

if TYPE_CHECKING:
    from .connection import WebRtcConnection

_ANSWER_S = 10.0
_CONNECT_S = 15.0

_LOG = logging.getLogger(__name__)


class WhepSession(ABC):
    """
    One client. Event loop only.

    Attributes
    ----------
    name, tag
        What its own address ends with, and the ETag of that.
    address
        Where it comes from.
    peer
        The connection.
    answered
        Has the answer to its offer, or why there is none.

    """

    peer: 'WebRtcConnection'

    def __init__(self, offer: Offer, address: str, peer: 'WebRtcConnection') -> None:
        self.name, self.tag = secrets.token_hex(16), secrets.token_hex(8)
        self.offer, self.address, self.peer = offer, address, peer
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.answered.add_done_callback(lambda answered: answered.exception())  # it may be unheard
        self.candidates = len(offer.candidates)
        self._deadline_s = time.monotonic() + _CONNECT_S
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def begin(self, addresses: Sequence[str] | None, on_end: Callable[[], None]
              ) -> asyncio.Task[None]:
        """Answer, and serve until it ends."""
        self._task = asyncio.create_task(self._run(addresses, on_end))
        return self._task

    def abort(self) -> None:
        """End it, unless it is ending already, which is not to be disturbed."""
        if self._task is not None and not self._ending:
            self._task.cancel()

    def state(self) -> dict[str, Any]:
        """Return what the client may want to know of it."""
        return {'connected': self.peer.connected.is_set()}

    @abstractmethod
    async def _serve(self) -> None:
        """Send, from when the client can be reached, until it ends."""

    async def _run(self, addresses: Sequence[str] | None, on_end: Callable[[], None]) -> None:
        try:
            self.answered.set_result(await self._answer(addresses))
            if await self._wait(self.peer.reached, self._deadline_s - time.monotonic()):
                await self._serve()
        except BadOfferError as error:
            self.answered.set_exception(error)
        except Exception as error:
            if self.answered.done():
                _LOG.exception('closing the WebRTC connection of a viewer')
            else:
                self.answered.set_exception(error)
        finally:
            self._ending = True
            if not self.answered.done():
                self.answered.set_exception(web.HTTPServiceUnavailable(
                    text='the connection was closed before the offer was answered\n'))
            try:
                await self.peer.close()
            finally:
                on_end()

    async def _answer(self, addresses: Sequence[str] | None) -> str:
        try:
            return await asyncio.wait_for(self.peer.answer(self.offer, addresses), _ANSWER_S)
        except asyncio.TimeoutError:
            raise web.HTTPGatewayTimeout(text=(
                "the servers in the parameter 'ice_servers' do not answer: correct it, or leave "
                'it empty\n')) from None

    async def _wait(self, event: asyncio.Event, longest_s: float) -> bool:
        """Wait for an event, or the end; return whether the event has come by then."""
        waiting = [asyncio.ensure_future(one.wait()) for one in {event, self.peer.ended}]
        try:
            await asyncio.wait(waiting, timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        return event.is_set()
