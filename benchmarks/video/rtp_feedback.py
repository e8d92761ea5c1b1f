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

"""What a browser would tell of packets: when each came (transport-wide feedback), what is lost."""

from collections.abc import Mapping
from itertools import groupby
import struct

_FEEDBACK, _NACK, _PLI = (0x8F, 205), (0x81, 205), (0x81, 206)
_TICKS_PER_S, _TICKS_OF_REFERENCE = 4000, 256
_COME, _LOST = 2, 0  # a packet with a time of two bytes, and none
_SSRC = 1  # ours, which nobody looks at


def write_feedback(came_s: Mapping[int, float], counter: int = 0) -> bytes:
    """
    Return a report of when packets came, by their numbers, which go on beyond 16 bits.

    Those in between are reported as lost.
    """
    first, last = min(came_s), max(came_s)
    chunks, deltas = b'', []
    before = reference = round(came_s[first] * _TICKS_PER_S) // _TICKS_OF_REFERENCE
    before *= _TICKS_OF_REFERENCE
    for come, run in groupby(range(first, last + 1), came_s.__contains__):
        numbers = list(run)
        chunks += struct.pack('>H', (_COME if come else _LOST) << 13 | len(numbers))
        for number in numbers if come else ():
            at = round(came_s[number] * _TICKS_PER_S)
            deltas.append(max(-0x8000, min(at - before, 0x7FFF)))
            before += deltas[-1]
    body = struct.pack('>HHI', first & 0xFFFF, last + 1 - first,
                       (reference & 0xFFFFFF) << 8 | counter & 0xFF) + chunks
    return _packet(_FEEDBACK, 0, body + struct.pack(f'>{len(deltas)}h', *deltas))


def write_nack(ssrc: int, sequence: int) -> bytes:
    """Return the wish for one packet to be sent again."""
    return _packet(_NACK, ssrc, struct.pack('>HH', sequence & 0xFFFF, 0))


def write_pli(ssrc: int) -> bytes:
    """Return the wish for a key frame."""
    return _packet(_PLI, ssrc, b'')


def _packet(head: tuple[int, int], ssrc: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack('>BBHII', *head, 2 + len(body) // 4, _SSRC, ssrc) + body
