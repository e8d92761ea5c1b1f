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


"""H.264 by UDP, as RTP or MPEG-TS, to a receiver or a multicast group that says nothing."""

from abc import abstractmethod
import asyncio
import contextlib
import socket
import time
from typing import Any, TYPE_CHECKING

from aiohttp import web

from .address import Address, RTP, TS
from .datagrams import datagram_socket, DatagramTransport, prepare_for_group
from .mpegts import PACKET_BYTES, TsMuxer
from .names import Place
from .opening import describe, SOUND_PORT
from .outlet import Log, want_key
from .rtp import misses_something, Packer, RtpSender
from .rtp_transports import MulticastTransport, UdpTransport
from .rtsp_messages import Delivery
from .sending import SendingOutlet
from ..core.frame import Frame
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.stream import Stream

if TYPE_CHECKING:
    from ..web.sound.listeners import Listeners

_KEY_LOOKS = 2  # of one second, between two key frames: who comes can ask for nothing
_REFUSED_S = 3.0  # that nobody listens is believed for so long
_DATAGRAM_BYTES = 7 * PACKET_BYTES  # as many as fit into a frame of Ethernet
_SOUND_S = 1.0  # between two looks without any
_ANY = '0.0.0.0'  # noqa: S104 - not listened at
_PATIENCE_S, _LOOK_S = 6.0, 0.05  # until there is a picture


class TsTransport(DatagramTransport):
    """MPEG-TS, in datagrams of seven packets."""

    name = TS

    def __init__(self, connection: socket.socket, muxer: TsMuxer) -> None:
        super().__init__(connection)
        self._muxer = muxer

    def write_now(self, frame: Frame, _tier: int) -> None:
        data = memoryview(self._muxer.mux(frame))
        self._put(data[at:at + _DATAGRAM_BYTES] for at in range(0, len(data), _DATAGRAM_BYTES))

    def write_sound(self, data: bytes, stamp_ns: int) -> None:
        """Send a packet of Opus, also between the datagrams of a frame; or it is lost."""
        with contextlib.suppress(OSError):
            self._connection.send(self._muxer.mux_sound(data, stamp_ns))


class UdpOutlet(SendingOutlet):
    """
    Sends on and on. Event loop only.

    Nobody says whether it arrives, so it is encoded always, with key frames for who comes.
    """

    def __init__(self, address: Address, interface: str, catalog: Catalog, rules: AccessRules,
                 places: Admission, log: Log) -> None:
        """Make it; `interface` is by which address of this machine it goes to groups (IPv4)."""
        super().__init__(address, catalog, rules, places, log)
        self._interface = interface
        self._lost = 0  # frames, by transports that are closed
        self._looks = 0
        self._transport: DatagramTransport | None = None
        self.sound: Listeners | None = None  # sent, too, where there is a microphone

    @property
    def _kind(self) -> socket.SocketKind:
        return socket.SOCK_DGRAM

    def state(self) -> dict[str, object]:
        lost = self._transport.lost if self._transport is not None else 0
        return {**super().state(), 'frames_lost': self._lost + lost}

    @abstractmethod
    def _create(self, stream: Stream, place: Place) -> DatagramTransport:
        """Return a new transport; OSError where there is none."""

    @abstractmethod
    async def _send_sound(self, stream: Stream, place: Place, listeners: 'Listeners') -> None:
        """Send what is heard until the task is cancelled."""

    async def _send(self, stream: Stream, place: Place) -> None:
        sounding = None if self.sound is None else asyncio.create_task(
            self._send_sound(stream, place, self.sound))
        try:
            await self._send_pictures(stream, place)
        finally:
            if sounding is not None:
                sounding.cancel()
                await asyncio.gather(sounding, return_exceptions=True)

    async def _send_pictures(self, stream: Stream, place: Place) -> None:
        wrong: list[OSError] = []
        transport = self._transport = self._create(stream, place)

        def end(error: OSError) -> None:
            wrong.append(error)
            transport.link.abort()

        transport.on_loss, transport.on_error = self._jump, end
        try:
            await self._play_to(stream, transport)
        finally:
            self._transport = None
            self._lost += transport.lost
            transport.close()
        if wrong:
            raise wrong[0]

    def _jump(self) -> None:
        if self._viewer is not None and self._viewer.reader is not None:
            self._viewer.reader.jump()

    def _poll(self, now_s: float) -> None:
        transport, viewer = self._transport, self._viewer
        if transport is None or viewer is None:
            return
        self._looks += 1
        if self._looks % _KEY_LOOKS == 0:
            want_key(viewer)
        if now_s - transport.refused_s < _REFUSED_S:
            self._tell(f'nothing listens at {self.url()}: start the receiver')
        elif viewer.sent:
            self.reason = ''


class TsOutlet(UdpOutlet):
    """Sends MPEG-TS."""

    kind = TS

    async def _send_sound(self, _stream: Stream, _place: Place, listeners: 'Listeners') -> None:
        with listeners.join() as listener:
            while True:
                packet, transport = await listener.take(_SOUND_S), self._transport
                if packet is not None and isinstance(transport, TsTransport) \
                        and not transport.link.closed:
                    transport.write_sound(packet.data, packet.stamp_ns)

    def _create(self, stream: Stream, place: Place) -> TsTransport:
        peer = place[1]
        connection = datagram_socket(peer)
        try:
            if self.address.group:
                prepare_for_group(connection, self._interface)
            connection.connect(peer)
        except OSError:
            connection.close()
            raise
        return TsTransport(connection, TsMuxer(stream.now_ns, sound=self.sound is not None))


class RtpOutlet(UdpOutlet):
    """
    Sends RTP to a port, and reports of when pictures were taken to the next one.

    Sound goes to the two behind these.
    """

    kind = RTP

    def __init__(self, address: Address, interface: str, catalog: Catalog, rules: AccessRules,
                 places: Admission, log: Log) -> None:
        """Make it, as a UdpOutlet."""
        super().__init__(address, interface, catalog, rules, places, log)
        self._packer = Packer()
        self._peer = ''  # in numbers

    async def sdp(self, stream: Stream, tier: str) -> str:
        """Return what a receiver must know; empty where something else is sent."""
        with contextlib.suppress(web.HTTPNotFound):
            if tier == self.address.tier and self.catalog.stream(self.address.topic) is stream:
                return await self._describe(stream)
        return ''

    async def _describe(self, stream: Stream) -> str:
        begun_s = time.monotonic()
        while (viewer := self._viewer) is None or viewer.reader is None \
                or (key := viewer.reader.rendition.newest_key) is None:
            if time.monotonic() - begun_s > _PATIENCE_S:
                why = self.reason or f"no picture of '{stream.name}': {stream.reception.signal()}"
                raise web.HTTPServiceUnavailable(text=f'{why}\n')
            await asyncio.sleep(_LOOK_S)
        return describe(key, stream.name, self._peer, self.address.port, self.sound is not None)

    def _create(self, stream: Stream, place: Place) -> UdpTransport:
        peer, local = place[1], self._local(place)
        self._peer = str(peer[0]).partition('%')[0]
        kind = MulticastTransport if self.address.group else UdpTransport
        transport = kind(local, peer, Delivery(port=self.address.port,
                                               control_port=self.address.port + 1),
                         self._packer, RtpSender(stream.now_ns))
        transport.name = self.kind
        transport.on_report = self._hear
        return transport

    async def _send_sound(self, stream: Stream, place: Place, listeners: 'Listeners') -> None:
        from .rtp_sound import send_sound, SoundSender

        with contextlib.suppress(OSError):  # which is that of the pictures, and said of them
            await send_sound(listeners, self._local(place), place[1],
                             self.address.port + SOUND_PORT, SoundSender(stream.now_ns),
                             self.address.group)

    def _local(self, place: Place) -> tuple[Any, ...]:
        """Return from where it is sent."""
        return ('::', 0, 0, 0) if place[0] is socket.AF_INET6 else (
            self._interface if self.address.group else _ANY, 0)

    def _hear(self, data: bytes) -> None:
        """Take in RTCP, where any comes."""
        if self._viewer is not None and misses_something(data):
            want_key(self._viewer)
