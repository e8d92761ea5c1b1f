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

from .datagrams import datagram_socket, DatagramTransport, prepare_for_group
from .player_link import PlayerTransport
from .rtp import framed, Packer, RtpSender
from .rtsp_messages import Delivery
from ..core.frame import Frame

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
        packed = self._packer.pack(frame)
        data = self.sender.number(packed, frame.stamp_ns, self._channel).data
        if report := self.sender.report():
            return data + framed(report, self._channel + 1)
        return data

    def close(self) -> None:
        """End nothing: the connection is not its own."""


class UdpTransport(DatagramTransport):
    """RTP by UDP, from two ports of its own to two of the player."""

    name = 'rtsp-udp'

    def __init__(self, local: tuple[Any, ...], peer: tuple[Any, ...], delivery: Delivery,
                 packer: Packer, sender: RtpSender) -> None:
        """Make it, between the two ends of a TCP connection; OSError where there are no ports."""
        rtp, self._rtcp = two_ports(local)
        try:
            for one, port in ((rtp, delivery.port), (self._rtcp, delivery.control_port)):
                self._prepare(one, local)
                one.connect((peer[0], port, *peer[2:]))
        except OSError:
            rtp.close()
            self._rtcp.close()
            raise
        super().__init__(rtp)
        self.sender, self._packer = sender, packer
        # Hears of what comes by RTCP.
        self.on_report: Callable[[bytes], None] = lambda _: None
        self._loop.add_reader(self._rtcp, self._read)

    @property
    def ports(self) -> tuple[int, int]:
        return self._connection.getsockname()[1], self._rtcp.getsockname()[1]

    def write_now(self, frame: Frame, _tier: int) -> None:
        self._put(self.sender.number(self._packer.pack(frame), frame.stamp_ns).packets)
        if report := self.sender.report():
            with contextlib.suppress(OSError):
                self._rtcp.send(report)

    def close(self) -> None:
        if self._rtcp.fileno() >= 0:
            self._loop.remove_reader(self._rtcp)
            self._rtcp.close()
        super().close()

    def _prepare(self, one: socket.socket, local: tuple[Any, ...]) -> None:
        """Set what is to be set before there is an other end."""

    def _read(self) -> None:
        for _ in range(_REPORTS_AT_ONCE):
            try:
                self.on_report(self._rtcp.recv(_REPORT_BYTES))
            except OSError:
                return


class MulticastTransport(UdpTransport):
    """RTP to a group, whose members the network knows; not beyond the next router."""

    name = 'rtsp-multicast'

    def _prepare(self, one: socket.socket, local: tuple[Any, ...]) -> None:
        prepare_for_group(one, local[0])


def two_ports(local: tuple[Any, ...]) -> tuple[socket.socket, socket.socket]:
    """Return two sockets with an even port and the next one (RFC 3550, 11)."""
    error: OSError | None = None
    for _ in range(_ATTEMPTS):
        first, second = datagram_socket(local), datagram_socket(local)
        try:
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
