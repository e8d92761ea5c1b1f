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

"""The two ways of RTP to one player: in its RTSP connection, and by UDP."""

import asyncio
from collections.abc import Callable
import contextlib
import socket
from typing import Any

from .player_link import PlayerTransport
from .rtp import framed, Packer, packets, RtpSender
from .rtsp_messages import Delivery
from ..core.frame import Frame
from ..web.stream.delivery import Transport
from ..web.stream.link import Link, LinkState
from ..web.stream.rendition import Status

_ATTEMPTS = 20  # to find two free ports, one after the other
_REPORT_BYTES = 2048
_REPORTS_AT_ONCE = 8


class InterleavedTransport(PlayerTransport):
    """RTP between the answers of an RTSP connection (RFC 2326, 10.12)."""

    name = 'rtsp-tcp'

    def __init__(self, writer: asyncio.StreamWriter, channel: int, packer: Packer,
                 sender: RtpSender) -> None:
        super().__init__(writer)
        self.sender, self._packer, self._channel = sender, packer, channel

    def _pack(self, frame: Frame) -> bytearray:
        data = self.sender.number(self._packer.pack(frame), frame.stamp_ns, self._channel)
        if report := self.sender.report():
            data += framed(report, self._channel + 1)
        return data

    def close(self) -> None:
        """End nothing: the connection is not its own."""


class UdpTransport(Transport):
    """
    RTP by UDP, from two ports of its own to two of the player.

    They are connected, so that nothing else can be sent there, and nobody else be heard. How wide
    the way is, nobody knows; what the kernel does not take is lost, up to the next key frame.
    """

    name = 'rtsp-udp'

    def __init__(self, local: tuple[Any, ...], peer: tuple[Any, ...], delivery: Delivery,
                 packer: Packer, sender: RtpSender) -> None:
        """Make it, between the two ends of a TCP connection; OSError where there are no ports."""
        super().__init__(_UdpLink())
        self.sender, self._packer = sender, packer
        self.lost = 0  # frames that the kernel did not take
        # Hears of what comes by RTCP, and that a frame was lost.
        self.on_report: Callable[[bytes], None] = lambda _: None
        self.on_loss: Callable[[], None] = lambda: None
        self._rtp, self._rtcp = _pair(local)
        try:
            for one, port in ((self._rtp, delivery.port), (self._rtcp, delivery.control_port)):
                self._prepare(one, local)
                one.connect((peer[0], port, *peer[2:]))
        except OSError:
            self._rtp.close()
            self._rtcp.close()
            raise
        loop = self._loop = asyncio.get_running_loop()
        loop.add_reader(self._rtcp, self._read)
        loop.add_reader(self._rtp, self._discard)  # what players send to open a firewall

    @property
    def ports(self) -> tuple[int, int]:
        return self._rtp.getsockname()[1], self._rtcp.getsockname()[1]

    async def write(self, frame: Frame, tier: int) -> None:
        self.write_now(frame, tier)

    def ready(self) -> bool:
        return not self.link.closed

    def write_now(self, frame: Frame, _tier: int) -> None:
        if self.link.closed:
            raise ConnectionResetError('the player has gone')
        data = self.sender.number(self._packer.pack(frame), frame.stamp_ns)
        for packet in packets(data):
            try:
                self._rtp.send(packet)
            except ConnectionRefusedError:  # of one before: nobody listens there, yet
                continue
            except OSError:
                self.lost += 1
                self.on_loss()
                break
        if report := self.sender.report():
            with contextlib.suppress(OSError):
                self._rtcp.send(report)

    async def write_status(self, status: Status) -> None:
        """Say nothing: there is no place for it in such a stream."""

    def close(self) -> None:
        if not self.link.closed:
            self.link.abort()
            for one in (self._rtp, self._rtcp):
                self._loop.remove_reader(one)
                one.close()

    def _prepare(self, one: socket.socket, local: tuple[Any, ...]) -> None:
        """Set what is to be set before there is an other end."""

    def _read(self) -> None:
        for _ in range(_REPORTS_AT_ONCE):
            try:
                self.on_report(self._rtcp.recv(_REPORT_BYTES))
            except OSError:
                return

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._rtp.recv(_REPORT_BYTES)


class MulticastTransport(UdpTransport):
    """RTP to a group, whose members the network knows; not beyond the next router (IPv4)."""

    name = 'rtsp-multicast'

    def _prepare(self, one: socket.socket, local: tuple[Any, ...]) -> None:
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(local[0]))


class _UdpLink(Link):
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


def _pair(local: tuple[Any, ...]) -> tuple[socket.socket, socket.socket]:
    """Return two sockets with an even port and the next one (RFC 3550, 11)."""
    family = socket.AF_INET6 if len(local) > 2 else socket.AF_INET
    error: OSError | None = None
    for _ in range(_ATTEMPTS):
        first, second = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
        try:
            for one in (first, second):
                one.setblocking(False)
            first.bind((local[0], 0, *local[2:]))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((local[0], port + 1, *local[2:]))
                return first, second
        except OSError as refused:
            error = refused
        first.close()
        second.close()
    raise error or OSError('no two ports are free')
