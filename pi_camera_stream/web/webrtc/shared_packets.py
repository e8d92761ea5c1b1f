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
RTP packets of a frame that are cut once for all who watch, and sent without aiortc's objects.

That takes less of the processor's time for each viewer. It is done with the inside of aiortc, of
versions that are known; any other one sends as it does by itself.
"""

from fractions import Fraction
from functools import lru_cache
from importlib import metadata
import re
import secrets
import struct
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiortc import clock, RTCRtpSender, rtp
from aiortc.codecs.h264 import H264Encoder
import av

from .aiortc_inside import OurExtensions
from .bursts import Bursts

_KNOWN = (1, 4), (1, 16)  # from the first to the last one
_INSIDE = '_RTCRtpSender__'
_NAMES = ('mid', 'ntp_timestamp', 'octet_count', 'packet_count', 'rtp_history',
          'rtp_header_extensions_map', 'rtp_timestamp')
_HEAD, _EXTENSION = struct.Struct('>BBHII'), struct.Struct('>HH')
_VERSION, _EXTENDED, _MARKER = 2 << 6, 1 << 4, 1 << 7
_TIME_BASE = Fraction(1, 90_000)
_FRAMES = 8  # whose packets are kept: of two sizes, for viewers who are not equally fast
_SENT = SimpleNamespace(payloads=[], timestamp=0, audio_level=None)  # nothing is left to be sent


class Unit(NamedTuple):
    """An access unit for a sender that shares, and its RTP time without a limit."""

    data: bytes
    time: int


class _Sent(NamedTuple):
    """A packet that may be asked for again, with all that aiortc looks at then."""

    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    extensions: Any
    csrc: tuple[int, ...] = ()

    def serialize(self, extensions_map: Any) -> bytes:
        packet = rtp.RtpPacket(self.payload_type, self.marker, self.sequence_number,
                               self.timestamp, self.ssrc, self.payload)
        packet.extensions = self.extensions
        return bytes(packet.serialize(extensions_map))


def share_packets(sender: RTCRtpSender) -> bool:
    """Let a sender take Units from its track; False where it has to be given `av.Packet`s."""
    extensions = getattr(sender, f'{_INSIDE}rtp_header_extensions_map', None)
    if not (_is_known() and isinstance(extensions, OurExtensions)
            and hasattr(sender, '_next_encoded_frame')
            and all(hasattr(sender, _INSIDE + name) for name in _NAMES)):
        return False
    sender._next_encoded_frame = _Sharing(sender, extensions).send_next
    return True


class _Sharing:
    """What sends in place of a sender's own loop, which goes on around it."""

    def __init__(self, sender: Any, extensions: OurExtensions) -> None:
        self._sender, self._extensions = sender, extensions
        self._bursts = Bursts(sender.transport)
        # In the lower half, so that SRTP is not confused by numbers that begin anew at once.
        self._sequence, self._origin = secrets.randbelow(1 << 15), secrets.randbits(32)

    async def send_next(self, codec: Any) -> Any:
        """Send the next frame of the track."""
        sender = self._sender
        unit: Unit = await sender.track.recv()
        payloads = _cut(bytes(unit.data))
        timestamp = (self._origin + unit.time) & 0xFFFFFFFF
        now = clock.current_ntp_time()
        history = getattr(sender, f'{_INSIDE}rtp_history')
        values = rtp.HeaderExtensions(abs_send_time=now >> 14 & 0xFFFFFF,
                                      mid=getattr(sender, f'{_INSIDE}mid'))
        begun = self._extensions.begin(values)
        packets = []
        for number, payload in enumerate(payloads, 1):
            marker = int(number == len(payloads))
            profile, packed = self._extensions.complete(*begun)
            head = _HEAD.pack(_VERSION | (_EXTENDED if packed else 0),
                              marker * _MARKER | codec.payloadType, self._sequence, timestamp,
                              sender._ssrc)
            if packed:
                head += _EXTENSION.pack(profile, len(packed) >> 2) + packed
            history[self._sequence % rtp.RTP_HISTORY_SIZE] = _Sent(
                codec.payloadType, marker, self._sequence, timestamp, sender._ssrc, payload,
                values)
            self._sequence = (self._sequence + 1) & 0xFFFF
            packets.append(head + payload)
        await self._bursts.send(packets)
        self._count(now, timestamp, payloads)
        return _SENT

    def _count(self, now: int, timestamp: int, payloads: tuple[bytes, ...]) -> None:
        """Note what sender reports tell."""
        inside = self._sender.__dict__
        inside[f'{_INSIDE}ntp_timestamp'], inside[f'{_INSIDE}rtp_timestamp'] = now, timestamp
        inside[f'{_INSIDE}octet_count'] += sum(map(len, payloads))
        inside[f'{_INSIDE}packet_count'] += len(payloads)


@lru_cache(maxsize=_FRAMES)
def _cut(data: bytes) -> tuple[bytes, ...]:
    """Return the payloads of an access unit (RFC 6184); all who watch hand over the same bytes."""
    packet: Any = av.Packet(data)
    packet.pts, packet.time_base = 0, _TIME_BASE
    return tuple(H264Encoder().pack(packet)[0])


def _is_known() -> bool:
    try:
        version = tuple(map(int, re.findall(r'\d+', metadata.version('aiortc'))[:2]))
    except metadata.PackageNotFoundError:
        return False
    return _KNOWN[0] <= version <= _KNOWN[1]
