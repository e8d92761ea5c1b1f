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

"""H.264 in RTP (RFC 3550, RFC 6184): packed and numbered once for all."""

from collections.abc import Callable, Iterator
from functools import cached_property
import secrets
import struct
import time
from weakref import WeakKeyDictionary

from ..codecs.h264 import DELIMITER, nal_units, PPS, SPS, unit_type
from ..core.frame import Frame

PAYLOAD_TYPE = 96
TICKS_PER_S = 90_000  # of RTP's clock (RFC 6184, 5.1)
_PAYLOAD_BYTES = 1350  # with all headers it fits into a tunnel's 1420 bytes, by IPv6, too
_STAP_A, _FU_A = 24, 28
_START, _END, _MARKER = 0x80, 0x40, 0x80
_IMPORTANCE = 0xE0  # the upper bits of a NAL unit's first byte
_FRAMING = struct.Struct('>cBH')  # of interleaved data (RFC 2326, 10.12)
_HEADER = struct.Struct('>BBHII')
_OWN = struct.Struct('>HII')  # sequence number, time, SSRC
_OWN_AT = 2
# Some decoders hold a picture back until the next one begins, unless that stands behind it: with
# it ffmpeg shows each picture one interval earlier. Others pass over it.
_NEXT_BEGINS = bytes([DELIMITER, 0xF0])
_MOST_OFF_NS = 10_000_000_000  # stamps that differ more from the clock say nothing
_MOST_BACK = TICKS_PER_S  # who goes back further has had the clock set
_REPORT_S = 2.0
_NTP_S = 2_208_988_800  # from 1900 to 1970
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _FEEDBACK = 200, 201, 202, 206
_CNAME = 1
_PLI, _FIR = 1, 4  # RFC 4585, RFC 5104


class Packed:
    """The packets of one access unit, as interleaved data, without numbers and times."""

    def __init__(self, data: bytes) -> None:
        self.numbered: dict[Numbers, Numbered] = {}  # for all who have got all before
        parts: list[bytes] = []
        self.starts: list[int] = []  # of the packets
        self.payload_bytes = at = 0
        found = list(payloads(data))
        for number, payload in enumerate(found, 1):
            size = _HEADER.size + len(payload)
            marker = _MARKER if number == len(found) else 0
            parts += (_FRAMING.pack(b'$', 0, size),
                      _HEADER.pack(0x80, PAYLOAD_TYPE | marker, 0, 0, 0), payload)
            self.starts.append(at + _FRAMING.size)
            self.payload_bytes += len(payload)
            at += _FRAMING.size + size
        self.data = b''.join(parts)


class Packer:
    """Packs each access unit once, whoever asks for it. Event loop only."""

    def __init__(self) -> None:
        self._packed: WeakKeyDictionary[Frame, Packed] = WeakKeyDictionary()

    def pack(self, frame: Frame) -> Packed:
        packed = self._packed.get(frame)
        if packed is None:
            packed = self._packed[frame] = Packed(frame.data)
        return packed


class RtpClock:
    """Capture times as RTP has times, which neither stand nor go back, whatever stamps do."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Make it; `now_ns` reads the clock of the stamps."""
        self._now_ns = now_ns
        self._shift = secrets.randbits(32)
        self._last: int | None = None

    def ticks(self, stamp_ns: int) -> int:
        """Return the time of the next frame; it may have more than 32 bits."""
        now_ns = self._now_ns()
        if abs(now_ns - stamp_ns) > _MOST_OFF_NS:
            stamp_ns = now_ns
        ticks = self._of(stamp_ns)
        if self._last is not None and ticks <= self._last:
            if ticks < self._last - _MOST_BACK:
                self._shift += self._last + 1 - ticks
            ticks = self._last + 1
        self._last = ticks
        return ticks

    def now(self) -> tuple[int, int]:
        """Return what the clock of the stamps shows, in ns, and the RTP time of that moment."""
        now_ns = self._now_ns()
        return now_ns, self._of(now_ns)

    def _of(self, stamp_ns: int) -> int:
        return stamp_ns * 9 // 100_000 + self._shift


class Numbered:
    """The packets of one access unit with all that is written into them, as interleaved data."""

    def __init__(self, packed: Packed, first: int, ticks: int, ssrc: int, channel: int = 0
                 ) -> None:
        """Make it; `first` is the number of the first packet, `ticks` may have more bits."""
        self.first, self.ticks = first, ticks
        self.data = data = bytearray(packed.data)
        for number, start in enumerate(packed.starts, first):
            _OWN.pack_into(data, start + _OWN_AT, number & 0xFFFF, ticks & 0xFFFFFFFF, ssrc)
            if channel:
                data[start - _FRAMING.size + 1] = channel

    @cached_property
    def packets(self) -> list[memoryview]:
        return list(packets(self.data))


class Numbers:
    """
    The numbers and times of one rendition, for all its clients. Event loop only.

    Who gets each frame has the same packets as all others who do, so they are made once.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Make them; `now_ns` reads the clock of the stamps."""
        self.ssrc, self.clock = secrets.randbits(32), RtpClock(now_ns)
        self._next = secrets.randbits(16)

    def number(self, packed: Packed, stamp_ns: int) -> Numbered:
        """Return it with the next numbers, or with those that it has already."""
        numbered = packed.numbered.get(self)
        if numbered is None:
            numbered = packed.numbered[self] = Numbered(
                packed, self._next, self.clock.ticks(stamp_ns), self.ssrc)
            self._next = (self._next + len(packed.starts)) & 0xFFFF
        return numbered


class RtpSender:
    """What goes to one client: numbered packets, and reports of when pictures were taken."""

    def __init__(self, now_ns: Callable[[], int],
                 monotonic_s: Callable[[], float] = time.monotonic,
                 numbers: Numbers | None = None) -> None:
        """Make it; `now_ns` reads the clock of the stamps, `numbers` are those of all clients."""
        self._numbers = numbers or Numbers(now_ns)
        self.ssrc = self._numbers.ssrc
        self.sequence: int | None = None  # of the next packet; whatever comes, at first
        self._ticks = 0  # of the last one
        self._reports = SenderReports(self.ssrc, monotonic_s)

    def number(self, packed: Packed, stamp_ns: int, channel: int = 0) -> Numbered:
        """Return the packets as interleaved data of that channel."""
        numbered = self._numbers.number(packed, stamp_ns)
        first = numbered.first if self.sequence is None else self.sequence
        if first != numbered.first or channel:  # it has not got all that others have
            numbered = Numbered(packed, first, max(numbered.ticks, self._ticks + 1), self.ssrc,
                                channel)
        self.sequence, self._ticks = (first + len(packed.starts)) & 0xFFFF, numbered.ticks
        self._reports.note(len(packed.starts), packed.payload_bytes)
        return numbered

    def report(self) -> bytes:
        """
        Return a sender report if one is due, or nothing.

        It says which moment of the stamps' clock an RTP time is: so a receiver knows how old a
        picture is, as far as its clock agrees with that one.
        """
        return self._reports.due(*self._numbers.clock.now()) if self._reports.is_due() else b''


class SenderReports:
    """What is told now and then of what one sender has sent (RFC 3550, 6.4.1)."""

    def __init__(self, ssrc: int, monotonic_s: Callable[[], float]) -> None:
        self._ssrc, self._monotonic_s = ssrc, monotonic_s
        self._name = secrets.token_hex(8).encode()
        self._packets = self._bytes = 0
        self._report_s = 0.0

    def note(self, packets: int, payload_bytes: int) -> None:
        """Count what has been sent."""
        self._packets += packets
        self._bytes += payload_bytes

    def is_due(self) -> bool:
        return not self._report_s or self._monotonic_s() - self._report_s >= _REPORT_S

    def due(self, now_ns: int, ticks: int) -> bytes:
        """Return a report if one is due: `now_ns` of the stamps' clock is that RTP time."""
        if not self.is_due():
            return b''
        self._report_s = self._monotonic_s()
        seconds, rest_ns = divmod(now_ns, 1_000_000_000)
        item = bytes([_CNAME, len(self._name)]) + self._name
        item += bytes(4 - len(item) % 4)  # one zero ends the list
        return struct.pack(
            '>BBHIIIIII', 0x80, _SENDER_REPORT, 6, self._ssrc, (seconds + _NTP_S) & 0xFFFFFFFF,
            (rest_ns << 32) // 1_000_000_000, ticks & 0xFFFFFFFF, self._packets & 0xFFFFFFFF,
            self._bytes & 0xFFFFFFFF,
        ) + struct.pack('>BBHI', 0x81, _DESCRIPTION, 1 + len(item) // 4, self._ssrc) + item


def payloads(data: bytes) -> Iterator[bytes]:
    """Yield what the packets of an access unit carry, and behind it that the next one begins."""
    units = [unit for unit in nal_units(data) if unit_type(unit) != DELIMITER]
    sets = [unit for unit in units if unit_type(unit) in (SPS, PPS)]
    if len(sets) > 1 and 1 + sum(2 + len(unit) for unit in sets) <= _PAYLOAD_BYTES:
        units = [unit for unit in units if unit_type(unit) not in (SPS, PPS)]
        yield bytes([_STAP_A | max(unit[0] & 0x60 for unit in sets)]) + b''.join(
            struct.pack('>H', len(unit)) + unit for unit in sets)
    for unit in [*units, _NEXT_BEGINS]:
        if len(unit) <= _PAYLOAD_BYTES:
            yield unit
        else:
            yield from _fragments(unit)


def packets(data: bytearray) -> Iterator[memoryview]:
    """Yield the packets of interleaved data."""
    view, at = memoryview(data), 0
    while at < len(data):
        size = _FRAMING.unpack_from(data, at)[2]
        at += _FRAMING.size
        yield view[at:at + size]
        at += size


def framed(packet: bytes, channel: int) -> bytes:
    """Return a packet as interleaved data."""
    return _FRAMING.pack(b'$', channel, len(packet)) + packet


def misses_something(data: bytes) -> bool:
    """Return whether a receiver says by RTCP that it needs a key frame, or has lost packets."""
    while len(data) >= 4:
        form, kind, size = data[0] & 0x1F, data[1], 4 * (1 + int.from_bytes(data[2:4], 'big'))
        packet, data = data[:size], data[size:]
        if kind == _FEEDBACK and form in (_PLI, _FIR):
            return True
        if kind == _RECEIVER_REPORT and form and len(packet) > 12 and packet[12]:
            return True  # the fraction that was lost since the last report
    return False


def _fragments(unit: bytes) -> Iterator[bytes]:
    indicator, kind = unit[0] & _IMPORTANCE | _FU_A, unit_type(unit)
    most = _PAYLOAD_BYTES - 2
    for at in range(1, len(unit), most):
        flags = (_START if at == 1 else 0) | (_END if at + most >= len(unit) else 0)
        yield bytes([indicator, kind | flags]) + unit[at:at + most]
