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


"""What outlets that send by themselves have in common: they try until somebody takes it."""

from abc import abstractmethod
import asyncio
from collections.abc import Iterator
import contextlib
from contextlib import contextmanager
import errno
import logging
import os
import socket
import time

from aiohttp import web

from .address import Address, TIERS
from .names import look_up, Place
from .opening import NoPictureError
from .outlet import Log, Outlet
from ..core.backoff import Backoff
from ..core.errors import TemporaryError
from ..core.pacing import Once
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.delivery import Transport
from ..web.stream.stream import Stream
from ..web.stream.viewer import Viewer

_POLL_S = 1.0
_LOOK_UP_S = 5.0  # so long may it take before it is said that it does
_MOST_SAID = 20
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)


class RefusedError(TemporaryError):
    """The receiver does not take it, with the sentence that says why."""

    def __init__(self, sentence: str, wait_s: float = 0.0) -> None:
        """Make it; it is tried again after `wait_s` at the earliest."""
        super().__init__(sentence)
        self.wait_s = wait_s


class _Backoff(Backoff):
    LONGEST_S = 1.0  # who comes back has pictures within two


class SendingOutlet(Outlet):
    """
    An outlet that sends to an address. Event loop only.

    It is a viewer like others, but for `max_viewers`: whoever runs the server has let it in. While
    there is nobody who takes what it sends, as far as that can be known, nothing is encoded for
    it.
    """

    def __init__(self, address: Address, catalog: Catalog, rules: AccessRules, places: Admission,
                 log: Log) -> None:
        """Make it; nothing is sent yet."""
        super().__init__(catalog, rules, places, log)
        self.address = address
        self._told = Once(_MOST_SAID)
        self._task: asyncio.Task[None] | None = None
        self._viewer: Viewer | None = None  # while it is sent

    def url(self) -> str:
        return self.address.url

    def title(self) -> str:
        return f'sending pictures to {self.url()}'

    async def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _send(self, stream: Stream, place: Place) -> None:
        """Send to one of the host's addresses until that ends; what is wrong is raised."""

    @property
    @abstractmethod
    def _kind(self) -> socket.SocketKind:
        """Return what is to be looked up."""

    async def _run(self) -> None:
        backoff = _Backoff()
        while True:
            begun_s, sent = time.monotonic(), self.frames_sent
            wait_s = 0.0
            try:
                await self._try()
                self._fail('the receiver closed the connection')
            except NoPictureError as error:
                self._fail(str(error))
            except RefusedError as error:
                self._fail(str(error))
                wait_s = error.wait_s
            except web.HTTPException as error:  # there is no such topic, yet
                self._fail((error.text or '').strip())
            except OSError as error:
                self._fail(self._explain(error))
            except Exception as error:
                if self._told.due(repr(error)):  # it may be the same with each attempt
                    logging.getLogger(__name__).exception('sending to %s failed', self.url())
                self._fail(f'internal error ({type(error).__name__})')
            lasted_s = time.monotonic() - begun_s
            await asyncio.sleep(max(wait_s, backoff.failed(lasted_s, self.frames_sent > sent)))

    async def _try(self) -> None:
        stream = self.catalog.stream(self.address.topic)
        if reason := stream.video.reason(TIERS[self.address.tier]):
            raise NoPictureError(reason)
        error: OSError | None = None
        for place in await self._look_up():
            try:
                await self._send(stream, place)
                return
            except OSError as wrong:
                error = error or wrong
        raise error or OSError(f"'{self.address.host}' has no IP address")

    async def _look_up(self) -> list[Place]:
        looking = asyncio.ensure_future(look_up(self.address.host, self.address.port, self._kind))
        try:
            await asyncio.wait([looking], timeout=_LOOK_UP_S)
            if not looking.done():
                self._fail(f"still looking up '{self.address.host}': check the DNS server, or use "
                           'an IP address')
            return await looking
        finally:
            looking.cancel()

    def _fail(self, why: str) -> None:
        self._tell(f'cannot send to {self.url()}: {why}; retrying, everything else keeps running')

    def _tell(self, reason: str) -> None:
        self.reason = reason
        self._say(reason)

    def _say(self, sentence: str) -> None:
        """Log a sentence, if it has not been."""
        if sentence and self._told.due(sentence):
            self.log(sentence)

    def _explain(self, error: OSError) -> str:
        if isinstance(error, socket.gaierror):
            return (f"cannot resolve '{self.address.host}' ({error.strerror}): check the name, or "
                    'use its IP address')
        if isinstance(error, ConnectionRefusedError):
            return f'nothing listens at {self.address.place}: start the receiver'
        if isinstance(error, TimeoutError):
            return f'no answer from {self.address.place}'
        if isinstance(error, ConnectionError):
            return 'the receiver closed the connection'
        if error.errno in _UNREACHABLE:
            return f'no route to {self.address.host} at present ({error.strerror})'
        if error.errno == errno.EACCES:
            return (f'{self.address.host} is a broadcast address, or a firewall forbids it: use a '
                    'multicast group from 239.0.0.0 to 239.255.255.255')
        return error.strerror or (os.strerror(error.errno) if error.errno else str(error))

    async def _play_to(self, stream: Stream, transport: Transport) -> None:
        """Send frames by a transport until it is closed."""
        viewer = self._viewer = self.viewer(self.address.host, transport, self.address.tier)
        viewer.visitor = ''  # it has no limit
        try:
            with self._polling(), contextlib.suppress(ConnectionResetError):
                await self.play(stream, viewer, transport)
        finally:
            self._viewer = None
        if reason := stream.video.reason(TIERS[self.address.tier]):
            raise NoPictureError(reason)

    @contextmanager
    def _polling(self) -> Iterator[None]:
        """Call `_poll` once a second, as long as the context lasts."""
        async def poll() -> None:
            while True:
                await asyncio.sleep(_POLL_S)
                try:
                    self._poll(time.monotonic())
                except Exception:
                    logging.getLogger(__name__).exception('checking %s failed', self.url())

        polling = asyncio.get_running_loop().create_task(poll())
        try:
            yield
        finally:
            polling.cancel()

    def _poll(self, now_s: float) -> None:
        """Look whether all is well; called once a second while it is sent."""
