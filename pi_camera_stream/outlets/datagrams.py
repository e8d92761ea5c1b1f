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


"""Frames as datagrams: not more of them at once than whoever is to receive them can hold."""

import asyncio
from collections.abc import Callable, Iterable
import contextlib
import errno
import math
import socket
import time
from typing import Any

from ..core.frame import Frame
from ..core.segments import alike, can_cut, cuts, Datagram
from ..web.stream.delivery import Transport
from ..web.stream.link import Link, LinkState
from ..web.stream.rendition import Status

# A receive buffer is 208 KiB usually (net.core.rmem_default), in which each datagram counts as
# twice its size and more: a large key frame would fill it before anybody has read.
_AT_ONCE = 24  # about 32 kB, which is all of a usual frame
_PAUSE_S = 0.002  # 130 Mbit/s
_PATIENCE_S = 0.1  # in which the kernel has not taken a datagram
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_BYTES = 2048


class DatagramTransport(Transport):
    """
    Sends each frame as datagrams, by a socket that is connected.

    Nothing else can be sent there so, and nobody else be heard. How wide the way is, nobody knows;
    what the kernel does not take in time is lost, up to the next key frame.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Make it; it closes the socket."""
        super().__init__(_DatagramLink())
        self.lost = 0  # frames that the kernel did not take
        self.refused_s = -math.inf  # when the other machine has said that nobody listens
        # Hear that a frame was lost, and of what else is wrong.
        self.on_loss: Callable[[], None] = lambda: None
        self.on_error: Callable[[OSError], None] = lambda _: None
        self._connection = connection
        self._waiting: list[Datagram] = []
        self._cuts = can_cut(connection)
        self._since_s = 0.0  # when a datagram was taken last, or began to wait
        self._timer: asyncio.TimerHandle | None = None
        self._sent: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._discard)

    def take_transit_s(self) -> float | None:
        return math.inf if self._waiting else None

    async def wait_drained(self) -> float | None:
        """Wait until a frame has gone; nobody knows how long it takes from there."""
        while self._waiting and not self.link.closed:
            self._sent = self._loop.create_future()
            await self._sent
        return None

    def ready(self) -> bool:
        return not (self.link.closed or self._waiting)

    async def write(self, frame: Frame, tier: int) -> None:
        self.write_now(frame, tier)

    async def write_status(self, status: Status) -> None:
        """Say nothing: there is no place for it in such a stream."""

    def close(self) -> None:
        if not self.link.closed:
            self.link.abort()
        if self._timer is not None:
            self._timer.cancel()
        self._forget()
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection)
            self._connection.close()

    def _put(self, datagrams: Iterable[Datagram]) -> None:
        """Send them, the last ones a little later where there are many."""
        if self.link.closed:
            raise ConnectionResetError('the connection was closed')
        self._waiting.extend(datagrams)
        self._since_s = time.monotonic()
        if self._timer is None:
            self._send()

    def _send(self) -> None:
        self._timer = None
        left = _AT_ONCE
        try:
            while left and self._waiting:
                some = self._waiting[:alike(self._waiting, left) if self._cuts else 1]
                self._send_some(some)
                del self._waiting[:len(some)]
                left -= len(some)
                self._since_s = time.monotonic()
        except OSError as error:
            if error.errno not in _FULL or time.monotonic() - self._since_s > _PATIENCE_S:
                self._lose(error)
        if not self._waiting:
            self._forget()
        elif not self.link.closed:
            self._timer = self._loop.call_later(_PAUSE_S, self._send)

    def _send_some(self, some: list[Datagram]) -> None:
        try:
            self._send_at_once(some)
        except ConnectionRefusedError:  # of one before, in place of sending these
            self.refused_s = time.monotonic()
            with contextlib.suppress(ConnectionRefusedError):
                self._send_at_once(some)

    def _send_at_once(self, some: list[Datagram]) -> None:
        """
        Let the kernel cut them, which is one call for all.

        Not each interface can do that: then only the first one is left in `some`, and sent.
        """
        if len(some) == 1:
            self._connection.send(some[0])
            return
        try:
            self._connection.sendmsg(some, cuts(some))
        except ConnectionRefusedError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                raise
            self._cuts = False  # from now on, each by itself
            del some[1:]
            self._connection.send(some[0])

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        self._forget()
        self.on_loss()
        if error.errno not in _FULL:
            self.on_error(error)

    def _forget(self) -> None:
        self._waiting.clear()
        if self._sent is not None and not self._sent.done():
            self._sent.set_result(None)

    def _discard(self) -> None:
        """Let go by what comes from there, as what players send to open a firewall."""
        try:
            self._connection.recv(_BYTES)
        except ConnectionRefusedError:
            self.refused_s = time.monotonic()
        except OSError:
            pass


class _DatagramLink(Link):
    """A link that nothing is known of, but whether it was closed."""

    def __init__(self) -> None:
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def abort(self) -> None:
        self._closed = True

    def backlog_bytes(self) -> int:
        return 0

    def state(self) -> LinkState | None:
        return None


def prepare_for_group(connection: socket.socket, interface: str) -> None:
    """
    Let a socket send to groups, not beyond the next router.

    `interface` is the address of this machine by which it goes (IPv4); 0.0.0.0 leaves that to the
    routes.
    """
    if connection.family is socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
        return
    connection.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    connection.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))


def datagram_socket(local: tuple[Any, ...]) -> socket.socket:
    """Return one for an address of this machine, of whose length it depends which IP it is."""
    one = socket.socket(socket.AF_INET6 if len(local) > 2 else socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    return one
