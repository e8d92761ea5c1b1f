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
MPEG-TS without its wait: the end of each picture is marked where it is, not where the next begins.

A picture is a PES packet in several TS packets. Its length is seldom given for video (ISO/IEC
13818-1, 2.4.3.7, allows 0), so that a demuxer knows that it is whole when the next one begins, one
frame interval later. But its last TS packet is nearly always filled up with stuffing bytes, which
no other one needs. Behind that, this class inserts the beginning of an empty PES packet.
"""

_SIZE = 188
_SYNC = 0x47
_NO_PID = -1
_DISCONTINUITY = 0x80


class TsMarker:
    """
    Mark the ends of one stream's pictures.

    Attributes
    ----------
    pid
        Of that stream; -1 while it is not known, and nothing is marked.
    whole_ns
        When the first packet of the last picture that is whole arrived.

    """

    def __init__(self) -> None:
        self.pid = _NO_PID
        self.whole_ns = 0
        self._begin_ns = 0
        self._open = False  # a picture has begun, and its end has not been seen
        self._rest = b''

    def feed(self, data: bytes, arrival_ns: int) -> bytes:
        """Return the whole TS packets that there are with `data`, and marks."""
        data = self._rest + data
        if data and data[0] != _SYNC:
            data = data[max(0, _find_sync(data)):]
        whole = len(data) // _SIZE * _SIZE
        self._rest = data[whole:]
        pieces, begin = [], 0
        for at in range(0, whole, _SIZE):
            if (data[at + 1] & 0x1f) << 8 | data[at + 2] != self.pid:
                continue
            if data[at + 1] & 0x40:
                if self._open:
                    self.whole_ns = self._begin_ns
                self._begin_ns, self._open = arrival_ns, True
            if _is_filled_up(data, at):
                pieces += [data[begin:at + _SIZE], self._mark(data[at + 3])]
                begin = at + _SIZE
                self.whole_ns, self._open = self._begin_ns, False
        return b''.join((*pieces, data[begin:whole])) if pieces else data[:whole]

    def _mark(self, flags: int) -> bytes:
        """Return a TS packet that begins a PES packet and has but one byte of it."""
        head = bytes((_SYNC, 0x40 | self.pid >> 8, self.pid & 0xff, 0x30 | flags & 0x0f,
                      _SIZE - 6, _DISCONTINUITY))
        return head + b'\xff' * (_SIZE - 7) + b'\0'


def _is_filled_up(data: bytes, at: int) -> bool:
    """Return whether the adaptation field of a packet with payload is longer than it need be."""
    if data[at + 3] & 0x30 != 0x30:
        return False
    length = data[at + 4]
    if length == 0:
        return True
    flags = data[at + 5]
    needed = 1 + 6 * bool(flags & 0x10) + 6 * bool(flags & 0x08) + bool(flags & 0x04)
    if flags & 0x03:  # private data or an extension, of which the length stands inside
        return False
    return length > needed or (length == 1 and not flags and not data[at + 1] & 0x40)


def _find_sync(data: bytes) -> int:
    """Return where a packet begins; the end where none does."""
    for at in range(min(_SIZE, len(data))):
        if data[at] == _SYNC and (at + _SIZE >= len(data) or data[at + _SIZE] == _SYNC):
            return at
    return len(data)
