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

"""Sound in RTP (RFC 7587), beside the pictures of one player."""

from abc import ABC, abstractmethod
import asyncio
from collections import deque
from collections.abc import Callable
import contextlib
import secrets
import socket
import struct
import time
from typing import Any

from .datagrams import prepare_for_group
from .opening import SOUND_TYPE
from .rtp import framed, SenderReports
from .rtp_transports import two_ports
from .rtsp_messages import Delivery
from ..core.sound import PACKET_NS, PACKET_SAMPLES, RATE, SoundPacket
from ..web.sound.listeners import is_clear, Listeners
from ..web.stream.link import Link, LinkState

_HEADER = struct.Struct('>BBHII')
_LOOK_S = 0.005  # between two looks at a connection in which a picture is on its way
_WAIT_S = 1.0
_REPORT_BYTES = 2048
_STEP = PACKET_SAMPLES  # a stamp that is off by more than a packet: the clock was set
_UNKNOWN_S = 0.06  # so late, acknowledgements of what was sent may come


class SoundSender:
    """Numbers packets, and tells when their sound was taken."""

    def __init__(self, now_ns: Callable[[], int], monotonic_s: Callable[[], float] = time.monotonic
                 ) -> None:
        """Make it; `now_ns` reads the clock of the stamps."""
        self.ssrc, self.sequence = secrets.randbits(32), secrets.randbits(16)
        self._now_ns = now_ns
        self._reports = SenderReports(self.ssrc, monotonic_s)
        self._ticks = secrets.randbits(32)  # of the last packet
        self._last: SoundPacket | None = None

    def pack(self, packet: SoundPacket) -> bytes:
        """Return a packet of RTP."""
        begins, last = self._last is None, self._last
        if last is not None:
            ticks = (packet.sequence - last.sequence) * PACKET_SAMPLES
            by_stamps = round((packet.stamp_ns - last.stamp_ns) * RATE / 1e9)
            if abs(by_stamps - ticks) > _STEP:
                begins = True  # the marker: a talkspurt (RFC 3551, 4.1)
                ticks = max(by_stamps, PACKET_SAMPLES)
            self._ticks += ticks
        self._last = packet
        head = _HEADER.pack(0x80, SOUND_TYPE | (0x80 if begins else 0), self.sequence,
                            self._ticks & 0xFFFFFFFF, self.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._reports.note(1, len(packet.data))
        return head + packet.data

    def report(self) -> bytes:
        """Return a sender report if one is due, or nothing."""
        if self._last is None:
            return b''
        now_ns = self._now_ns()
        since = round((now_ns - self._last.stamp_ns) * RATE / 1e9)
        return self._reports.due(now_ns, self._ticks + since)


class SoundPath(ABC):
    """
    A way to one player. Event loop only.

    Attributes
    ----------
    link
        What pictures are to go by that its connection they share; None where they do not.

    """

    link: Link | None = None

    def __init__(self, sender: SoundSender) -> None:
        self.sender = sender

    async def play(self, listeners: Listeners) -> None:
        """Send what is heard until the way is closed, or the task is cancelled."""
        with listeners.join() as listener:
            while await self._wait_clear():
                packet = await listener.take(_WAIT_S)
                if packet is not None:
                    self._send(self.sender.pack(packet), self.sender.report())

    @abstractmethod
    def close(self) -> None:
        """Give up what is its own."""

    @abstractmethod
    async def _wait_clear(self) -> bool:
        """Return when something can be sent; whether the way is there at all."""

    @abstractmethod
    def _send(self, packet: bytes, report: bytes) -> None:
        """Send it, and a report where that is not empty."""


class InterleavedSound(SoundPath):
    """Sound in the RTSP connection, between the pictures: what is large goes first."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int, sender: SoundSender) -> None:
        super().__init__(sender)
        self._transport, self._channel = writer.transport, channel
        self._sent_s: deque[float] = deque(maxlen=round(_UNKNOWN_S * 1e9 / PACKET_NS))
        self.link = self._link = _LinkBesideSound(writer.transport, self._unknown)

    def close(self) -> None:
        """End nothing: the connection is not its own."""

    async def _wait_clear(self) -> bool:
        while not self._transport.is_closing():
            if not self._transport.get_write_buffer_size() and is_clear(self._link):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    def _send(self, packet: bytes, report: bytes) -> None:
        self._sent_s.append(time.monotonic())
        self._transport.write(framed(packet, self._channel) + (
            framed(report, self._channel + 1) if report else b''))

    def _unknown(self) -> int:
        """Return how many packets may have arrived without anybody's knowing."""
        now_s = time.monotonic()
        return sum(now_s - sent_s < _UNKNOWN_S for sent_s in self._sent_s)


class _LinkBesideSound(Link):
    """A link in which sound that is under way is nothing that a picture waits for."""

    def __init__(self, transport: Any, unknown: Callable[[], int]) -> None:
        super().__init__(transport)
        self._unknown = unknown

    def excess_bytes(self, state: LinkState, size: int) -> int:
        sound = self._unknown() * state.segment_bytes  # each a segment, however small
        return super().excess_bytes(
            state._replace(unacked_bytes=max(0, state.unacked_bytes - sound)), size)


class UdpSound(SoundPath):
    """Sound by UDP, from two ports of its own to two of the player, or of a group."""

    def __init__(self, local: tuple[Any, ...], peer: tuple[Any, ...], delivery: Delivery,
                 sender: SoundSender, on_report: Callable[[bytes], None] = lambda _: None
                 ) -> None:
        """Make it; OSError where there are no ports. `on_report` hears what comes by RTCP."""
        super().__init__(sender)
        self._on_report = on_report
        self._sockets = two_ports(local)
        try:
            for one, port in zip(self._sockets, (delivery.port, delivery.control_port),
                                 strict=True):
                if delivery.multicast:
                    prepare_for_group(one, local[0])
                one.connect((peer[0], port, *peer[2:]))
        except OSError:
            self._close()
            raise
        self._loop = asyncio.get_running_loop()
        for one in self._sockets:
            self._loop.add_reader(one, self._read, one)

    @property
    def ports(self) -> tuple[int, int]:
        first, second = (one.getsockname()[1] for one in self._sockets)
        return first, second

    def close(self) -> None:
        if self._sockets[0].fileno() >= 0:
            for one in self._sockets:
                self._loop.remove_reader(one)
            self._close()

    async def _wait_clear(self) -> bool:
        return self._sockets[0].fileno() >= 0

    def _send(self, packet: bytes, report: bytes) -> None:
        for one, data in zip(self._sockets, (packet, report), strict=True):
            with contextlib.suppress(OSError):  # what the kernel does not take is lost
                if data:
                    one.send(data)

    def _read(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = one.recv(_REPORT_BYTES)
            if one is self._sockets[1]:
                self._on_report(data)

    def _close(self) -> None:
        for one in self._sockets:
            one.close()


class GroupSound:
    """Sound to a group: sent once for all who play it, as long as there are any."""

    link = sender = None  # nothing that is one player's own

    def __init__(self, local: tuple[Any, ...], address: str, port: int,
                 now_ns: Callable[[], int]) -> None:
        """Make it; `local` is by which address of this machine it goes."""
        self._local, self._address, self._port = local, address, port
        self._sender = SoundSender(now_ns)
        self._players = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def plays(self) -> bool:
        return self._players > 0

    @property
    def said(self) -> str:
        """Return what a Transport header says of it."""
        return (f'RTP/AVP;multicast;destination={self._address};port={self._port}-'
                f'{self._port + 1};ttl=1;ssrc={self._sender.ssrc:08X}')

    async def play(self, listeners: Listeners) -> None:
        """Let it be sent until the task is cancelled, or it cannot be sent."""
        self._players += 1
        if self._task is None:
            self._task = asyncio.create_task(self._send(listeners))
        try:
            await asyncio.shield(self._task)
        finally:
            self._players -= 1
            if not self._players and self._task is not None:
                self._task.cancel()
                self._task = None

    def close(self) -> None:
        """End nothing: it is for others, too."""

    async def _send(self, listeners: Listeners) -> None:
        await send_sound(listeners, self._local, (self._address,), self._port, self._sender, True)


async def send_sound(listeners: Listeners, local: tuple[Any, ...], peer: tuple[Any, ...],
                     port: int, sender: SoundSender, multicast: bool) -> None:
    """
    Send what is heard to a port of a receiver or a group, until the task is cancelled.

    `local` is where it goes from, the number of whose port does not count; nor does that of
    `peer`. OSError where there is no UDP.
    """
    path = UdpSound(local, peer, Delivery(port=port, control_port=port + 1, multicast=multicast),
                    sender)
    try:
        await path.play(listeners)
    finally:
        path.close()


def open_sound(writer: asyncio.StreamWriter, delivery: Delivery, sender: SoundSender,
               on_report: Callable[[bytes], None]) -> tuple[SoundPath, str]:
    """
    Return a way to the player behind an RTSP connection, and what is said of it.

    OSError where there is no UDP; `on_report` hears what comes by RTCP then.
    """
    if delivery.channel is not None:
        return InterleavedSound(writer, delivery.channel, sender), (
            f'RTP/AVP/TCP;unicast;interleaved={delivery.channel}-{delivery.channel + 1};'
            f'ssrc={sender.ssrc:08X}')
    path = UdpSound(writer.get_extra_info('sockname'), writer.get_extra_info('peername'),
                    delivery, sender, on_report)
    return path, (f'RTP/AVP;unicast;client_port={delivery.port}-{delivery.control_port};'
                  f'server_port={path.ports[0]}-{path.ports[1]};ssrc={sender.ssrc:08X}')
