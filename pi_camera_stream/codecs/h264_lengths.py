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
H.264 that is packed as files have it: the length in front of each NAL unit (ISO/IEC 14496-15).

RTMP, FLV, MP4 and Matroska have it so; of these, the parameter sets stand in front of the stream
alone.
"""

from collections.abc import Iterator
import struct

from .h264 import DELIMITER, join, nal_units, PPS, read_parameter_set, SPS, unit_type
from ..core.errors import FrameRefusedError

_VERSION = 1
_SHORT, _LONG = struct.Struct('>H'), struct.Struct('>I')
# Profiles whose configuration tells more: those of RFC 6184 whose SPS has the chroma format in it.
_TELLING = frozenset({100, 110, 122, 144, 244})


class LengthPrefixed:
    """Turn access units that are packed so into byte streams; `sets` has the parameter sets."""

    def __init__(self, configuration: bytes) -> None:
        """Read an AVCDecoderConfigurationRecord; FrameRefusedError when it is none."""
        try:
            if configuration[0] != _VERSION:
                raise FrameRefusedError('it does not begin with a configuration of H.264')
            self._length_bytes = (configuration[4] & 3) + 1
            units, at = [], 5
            for mask in (0x1F, 0xFF):  # the numbers of SPS and PPS
                count, at = configuration[at] & mask, at + 1
                for _ in range(count):
                    size, = _SHORT.unpack_from(configuration, at)
                    units.append(configuration[at + 2:at + 2 + size])
                    at += 2 + size
        except (IndexError, struct.error):
            raise FrameRefusedError('its configuration of H.264 is cut off') from None
        self.sets = join(units)

    def to_byte_stream(self, data: bytes) -> bytes:
        """Return an access unit as a byte stream; FrameRefusedError when it is cut off."""
        return join(list(self._units(data)))

    def _units(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            begin = at + self._length_bytes
            at = begin + int.from_bytes(data[at:begin], 'big')
            if at > len(data):
                raise FrameRefusedError('it is cut off')
            if at > begin:
                yield data[begin:at]


def configuration(data: bytes) -> bytes:
    """
    Return the AVCDecoderConfigurationRecord of a byte stream that begins with a key frame.

    FrameRefusedError where its parameter sets are not in it.
    """
    units = list(nal_units(data))
    sets = {kind: [unit for unit in units if unit_type(unit) == kind] for kind in (SPS, PPS)}
    if not sets[SPS] or not sets[PPS]:
        raise FrameRefusedError('its parameter sets are not in its key frame')
    first = sets[SPS][0]
    found = read_parameter_set(first)
    deeper = found.bit_depth - 8
    more = bytes((0xFC | found.chroma_format, 0xF8 | deeper, 0xF8 | deeper, 0)) \
        if first[1] in _TELLING else b''
    return b''.join((
        bytes((_VERSION, *first[1:4], 0xFC | _LONG.size - 1, 0xE0 | len(sets[SPS]))),
        *(_SHORT.pack(len(unit)) + unit for unit in sets[SPS]), bytes((len(sets[PPS]),)),
        *(_SHORT.pack(len(unit)) + unit for unit in sets[PPS]), more))


def to_lengths(data: bytes) -> list[bytes]:
    """Return the pieces of an access unit as files have it: lengths and NAL units by turns."""
    return [piece for unit in nal_units(data) if unit_type(unit) != DELIMITER
            for piece in (_LONG.pack(len(unit)), unit)]
