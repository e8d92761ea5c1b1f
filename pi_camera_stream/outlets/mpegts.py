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
H.264 as MPEG-TS (ITU-T H.222.0), of one program, with Opus in it where there is sound.

FFmpeg's muxer would do, too, but PyAV opens an encoder for it, and H.264 of a camera needs none.
"""

from collections.abc import Callable
import struct
import time

from .rtp import RtpClock
from ..codecs.h264 import DELIMITER, nal_units, NEXT_BEGINS, unit_type
from ..core.frame import Frame

PACKET_BYTES = 188
_PAYLOAD_BYTES = 184
_SYNC = 0x47
_PROGRAM, _PROGRAM_PID, _VIDEO_PID, _H264 = 1, 0x1000, 0x100, 0x1B
_SOUND_PID, _PRIVATE = 0x101, 0x06
_STREAM_ID, _SOUND_ID = 0xE0, 0xBD
# Descriptors of the sound: what it is, and that it has one channel.
_OPUS = b'\x05\x04Opus\x7f\x02\x80\x01'
_OPUS_UNIT = b'\x7f\xe0'  # in front of each packet's size
_BEGINS, _HAS_FIELD, _HAS_PAYLOAD = 0x4000, 0x20, 0x10
_RANDOM_ACCESS, _HAS_PCR = 0x40, 0x10
# Of one PES packet, whose length has 16 bits. With a length, a receiver knows when it is whole; so
# large frames are in several.
_MOST_PES_BYTES = 65_000
_TIME_BITS = (1 << 33) - 1
_DELIMITER_UNIT = bytes([DELIMITER, 0xF0])
_FRONT_BYTES = 16  # in which a delimiter is, and the beginning of what follows
_TABLES_S = 0.1  # how often who joins hears what is in it


class TsMuxer:
    """One stream. Event loop only."""

    def __init__(self, now_ns: Callable[[], int],
                 monotonic_s: Callable[[], float] = time.monotonic, sound: bool = False) -> None:
        """Make it; `now_ns` reads the clock of the stamps, `sound` is whether there is that."""
        self._clock, self._monotonic_s = RtpClock(now_ns), monotonic_s
        self._counters = {0: 0, _PROGRAM_PID: 0, _VIDEO_PID: 0, _SOUND_PID: 0}
        self._program = _program(sound)
        self._tables_s: float | None = None

    def mux(self, frame: Frame) -> bytes:
        """
        Return an access unit as packets of `PACKET_BYTES`.

        The delimiter that each begins with is sent right behind the one before, which is whole so.
        """
        data = _undelimited(frame.data) + NEXT_BEGINS
        ticks, now_s = self._clock.ticks(frame.stamp_ns) & _TIME_BITS, self._monotonic_s()
        parts: list[bytes] = []
        if self._tables_s is None:
            data = NEXT_BEGINS + data
        if frame.key or self._tables_s is None or now_s - self._tables_s >= _TABLES_S:
            self._tables_s = now_s
            parts += (self._table(0, _PAT), self._table(_PROGRAM_PID, self._program))
        field = _first_field(frame.key, ticks)
        self._cut(_VIDEO_PID, parts, _pes(_STREAM_ID, data[:_MOST_PES_BYTES], ticks),
                  bytes([len(field)]) + field)
        for at in range(_MOST_PES_BYTES, len(data), _MOST_PES_BYTES):
            self._cut(_VIDEO_PID, parts, _pes(_STREAM_ID, data[at:at + _MOST_PES_BYTES]), b'')
        return b''.join(parts)

    def mux_sound(self, data: bytes, stamp_ns: int) -> bytes:
        """Return a packet of Opus as packets of `PACKET_BYTES`."""
        now_ns, ticks = self._clock.now()
        ticks -= (now_ns - stamp_ns) * 9 // 100_000
        size = b'\xff' * (len(data) // 255) + bytes([len(data) % 255])
        parts: list[bytes] = []
        self._cut(_SOUND_PID, parts, _pes(_SOUND_ID, _OPUS_UNIT + size + data,
                                          ticks & _TIME_BITS), b'')
        return b''.join(parts)

    def _cut(self, pid: int, parts: list[bytes], pes: bytes, field: bytes) -> None:
        """Cut a PES packet; `field` is in front of the first piece, and fills up the last one."""
        at, begins = 0, _BEGINS
        while at < len(pes):
            piece = pes[at:at + _PAYLOAD_BYTES - len(field)]
            missing = _PAYLOAD_BYTES - len(field) - len(piece)
            if missing:
                field = _filled(field, missing)
            parts += (self._header(pid, begins,
                                   _HAS_PAYLOAD | (_HAS_FIELD if field else 0)), field, piece)
            at, begins, field = at + len(piece), 0, b''

    def _table(self, pid: int, section: bytes) -> bytes:
        return (self._header(pid, _BEGINS, _HAS_PAYLOAD) + b'\0' + section).ljust(
            PACKET_BYTES, b'\xff')

    def _header(self, pid: int, begins: int, flags: int) -> bytes:
        counter = self._counters[pid]
        self._counters[pid] = (counter + 1) & 0x0F
        return struct.pack('>BHB', _SYNC, begins | pid, flags | counter)


def _undelimited(data: bytes) -> bytes:
    """Return an access unit without the delimiter in front."""
    first = next(nal_units(data[:_FRONT_BYTES]), b'')
    if len(first) != len(_DELIMITER_UNIT) or unit_type(first) != DELIMITER:
        return data
    return data[data.index(first) + len(first):]


def _filled(field: bytes, missing: int) -> bytes:
    """Return an adaptation field with so many bytes more; one of one byte is its length alone."""
    whole = field + b'\0' * min(missing, 2 - min(len(field), 2))
    whole += b'\xff' * (len(field) + missing - len(whole))
    return bytes([len(whole) - 1]) + whole[1:]


def _pes(stream_id: int, data: bytes, ticks: int | None = None) -> bytes:
    """Return a PES packet (2.4.3.6), with the time of presentation if there is one."""
    time_field = b'' if ticks is None else struct.pack(
        '>BHH', 0x21 | (ticks >> 29) & 0x0E, (ticks >> 14) & 0xFFFE | 1, (ticks << 1) & 0xFFFE | 1)
    return b'\0\0\1' + struct.pack(
        '>BHBBB', stream_id, 3 + len(time_field) + len(data), 0x80, 0x80 if time_field else 0,
        len(time_field)) + time_field + data


def _first_field(key: bool, ticks: int) -> bytes:
    """Return the adaptation field (2.4.3.4) of a frame, without its length."""
    return bytes([_HAS_PCR | (_RANDOM_ACCESS if key else 0)]) + struct.pack(
        '>IH', ticks >> 1, (ticks & 1) << 15 | 0x7E00)


def _section(table: int, number: int, body: bytes) -> bytes:
    """Return a table (2.4.4) with its checksum."""
    data = struct.pack('>BHHBBB', table, 0xB000 | len(body) + 9, number, 0xC1, 0, 0) + body
    return data + struct.pack('>I', _checksum(data))


def _checksum(data: bytes) -> int:
    """Return CRC-32 as MPEG has it (annex A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


_PAT = _section(0, 1, struct.pack('>HH', _PROGRAM, 0xE000 | _PROGRAM_PID))


def _program(sound: bool) -> bytes:
    """Return what is in the program."""
    body = struct.pack('>HHBHH', 0xE000 | _VIDEO_PID, 0xF000, _H264, 0xE000 | _VIDEO_PID, 0xF000)
    if sound:
        body += struct.pack('>BHH', _PRIVATE, 0xE000 | _SOUND_PID, 0xF000 | len(_OPUS)) + _OPUS
    return _section(2, _PROGRAM, body)
