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

"""One WebRTC connection by aiortc, which is imported with this file: access units go through."""

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction
import time
from typing import Any

from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
import av

from . import aiortc_inside as inside
from .connection import WebRtcConnection
from .ice_servers import IceServer
from .receiver_reports import ReceiverReports
from .rtp_clock import RtpClock
from .sdp import NoH264Error, Offer
from .shared_packets import share_packets, Unit
from .transport_feedback import Arrival
from ...core.frame import Frame

_TIME_BASE = Fraction(1, 90_000)
# The receiver may not have got it yet, and is not to wait for another one.
_KEY_ON_ITS_WAY_S = 0.3
_SELDOM_S = 2.0


class _Track(MediaStreamTrack):  # type: ignore[misc]
    """One frame at a time, for a sender that takes the next when it has sent the last."""

    kind = 'video'

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()  # for the next
        self._next: asyncio.Future[Any] | None = None

    @property
    def ready(self) -> bool:
        return self._next is not None and not self._next.done()

    async def recv(self) -> Any:
        if self.readyState != 'live':
            raise MediaStreamError
        self._next = asyncio.get_running_loop().create_future()
        self.asked.set()
        try:
            return await self._next
        finally:
            self._next = None

    def put(self, packet: Any) -> None:
        if self._next is not None and not self._next.done():
            self.asked.clear()
            self._next.set_result(packet)


class Peer(WebRtcConnection):
    """
    Send access units to one client. Event loop only.

    Attributes
    ----------
    reports
        What the client says of its way.

    """

    def __init__(self, servers: Sequence[IceServer], on_key: Callable[[], None]) -> None:
        """Make it; `on_key` hears that the client's decoder needs a key frame."""
        self.reports = ReceiverReports()
        self.clock = RtpClock()
        self._on_key = on_key
        self._key_s = 0.0  # when one was sent
        self._probed_s = 0.0
        self._shares = False  # its packets with other peers
        self._track = _Track()
        super().__init__(self._track, ('video/h264', 'video/rtx'), servers)

    @property
    def ready(self) -> bool:
        """Return whether the last frame has been sent, and the next one can be."""
        return self._track.ready and not inside.backlog_bytes(self._sender)

    async def wait_ready(self) -> None:
        await self._track.asked.wait()
        while inside.backlog_bytes(self._sender) and not self.ended.is_set():
            await asyncio.sleep(0.002)

    def send(self, frame: Frame) -> None:
        """Send a frame, where it is ready."""
        rtp_time = self.clock.time(frame, time.monotonic_ns())
        packet: Any = Unit(frame.data, rtp_time)
        if not self._shares:
            packet = av.Packet(frame.data)
            packet.pts, packet.time_base = rtp_time, _TIME_BASE
        now_s = time.monotonic()
        if frame.key:
            self._key_s = now_s
        self.reports.note_sent(len(frame.data), now_s)
        self.reports.packets.next_frame()
        self._track.put(packet)

    def rtp_time(self) -> int | None:
        """Return the RTP time of the last frame, as it was sent; None where that is not known."""
        first = inside.first_rtp_time(self._sender, self.clock.last) if self._track.ready else None
        return None if first is None else (first + self.clock.last) & 0xFFFFFFFF

    def backlog_bytes(self) -> int:
        return inside.backlog_bytes(self._sender)

    async def look(self) -> None:
        """Take in what receiver reports have told."""
        stats = await self._sender.getStats()
        for one in stats.values():
            if one.type == 'remote-inbound-rtp':
                self.reports.note_loss(one.packetsReceived + one.packetsLost, one.packetsLost,
                                       self.reports.heard_s)

    def probes(self, now_s: float) -> bool:
        """Return whether it is time to; seldom where the client tells of each packet."""
        return not self.reports.packets.heard or now_s - self._probed_s >= _SELDOM_S

    async def probe(self) -> None:
        """Ask whether the client is there, and how long the way is at present."""
        self._probed_s = time.monotonic()
        took_s = await inside.round_trip_s(self._sender)
        if took_s is not None:
            self.reports.note_round_trip(took_s)
            self._on_report()

    def _prepare(self, sender: RTCRtpSender) -> None:
        inside.hear(sender, self._on_report, self._on_estimate, self._on_key_wish)
        inside.limit_repeats(sender)
        inside.hear_arrivals(sender, self._on_arrivals)

    def _agree(self, transceiver: Any, offer: Offer) -> None:
        inside.agree(transceiver, offer.text, self._next_number)
        self._shares = share_packets(self._sender)

    def _no_codec(self) -> Exception:
        return NoH264Error('cannot send the H.264 of this offer: it needs packetization-mode 1, '
                           'baseline')

    def _on_report(self) -> None:
        self.reports.heard_s = time.monotonic()

    def _next_number(self) -> int:
        return self.reports.packets.note_sent(time.monotonic())

    def _on_arrivals(self, arrivals: Sequence[Arrival]) -> None:
        self._on_report()
        self.reports.packets.note_arrivals(arrivals, self.reports.heard_s)

    def _on_estimate(self, bps: int) -> None:
        self.reports.note_estimate(bps, time.monotonic())

    def _on_key_wish(self) -> None:
        if time.monotonic() - self._key_s > _KEY_ON_ITS_WAY_S:
            self._on_key()
