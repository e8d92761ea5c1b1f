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
What can be told of H.264 without decoding it (ITU-T H.264, 7.3 and annex B).

An access unit is all that belongs to one picture: NAL units, each behind a start code. One that
can be decoded without others, a key frame here, is an IDR picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import re

from ..core.errors import FrameRefusedError

START_CODE = b'\x00\x00\x00\x01'
_START = re.compile(rb'\x00\x00\x01')
_EMULATION_PREVENTION = re.compile(rb'\x00\x00\x03')

# nal_unit_type (table 7-1)
SLICE, IDR, SEI, SPS, PPS, DELIMITER = 1, 5, 6, 7, 8, 9
_SLICES = frozenset({SLICE, IDR})
# Without a length, a decoder knows that a picture is whole when the next one begins: this says so.
NEXT_BEGINS = START_CODE + bytes([DELIMITER, 0xF0])
_BEFORE = frozenset({SEI, SPS, PPS, DELIMITER})  # what stands in front of a picture
_PARTITIONS = frozenset({2, 3, 4})  # of the Extended profile, which nobody decodes
_MOST_UNITS = 1_000
# Profiles whose SPS has the chroma format in it (7.3.2.1.1).
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_CHROMA = {0: 'grey alone', 2: '4:2:2', 3: '4:4:4'}
_MOST_SIDE = 16_384
_LOST = 'data was lost on the way, or it is another codec'
_NO_SENSE = f'its sequence parameter set is invalid: {_LOST}'
_LEAST_BYTES = 4  # of an SPS: its type, profile, constraints and level


@dataclass(frozen=True)
class ParameterSet:
    """
    What a sequence parameter set says of the pictures behind it.

    Attributes
    ----------
    codec
        As browsers call it (RFC 6381): `avc1.` and profile, constraints and level in hexadecimal.
    width, height
        Size in pixels of what is shown.
    chroma_format
        1 is 4:2:0, as all decoders have it (table 6-1).
    bit_depth
        Of the deeper of luma and chroma.
    frame_numbers
        How many different ones there are, before they begin again at 0; 0 where some may be left
        out, so that nothing follows from them.
    interlaced
        Whether two pictures, fields, may have the same number.

    """

    codec: str
    width: int
    height: int
    chroma_format: int = 1
    bit_depth: int = 8
    frame_numbers: int = field(default=0, compare=False)
    interlaced: bool = field(default=False, compare=False)


def nal_units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a byte stream without their start codes, and none that is empty."""
    starts = [match.end() for match in _START.finditer(data)]
    ends = [*(at - len(b'\x00\x00\x01') for at in starts[1:]), len(data)]
    for start, end in zip(starts, ends, strict=False):
        unit = data[start:end].rstrip(b'\x00')  # trailing_zero_8bits, and the next start code's
        if unit:
            yield unit


def unit_type(unit: bytes) -> int:
    return unit[0] & 0x1F


def join(units: list[bytes]) -> bytes:
    """Return the byte stream of NAL units."""
    return b''.join(START_CODE + unit for unit in units)


def has_slice(data: bytes) -> bool:
    """Return whether there is any of a picture in a byte stream."""
    return any(unit_type(unit) in _SLICES for unit in nal_units(data))


def begins_picture(data: bytes) -> bool:
    """Return whether what a byte stream begins with is of another picture than what was before."""
    for unit in nal_units(data):
        kind = unit_type(unit)
        if kind in _SLICES:  # the number of its first macroblock is 0, which is a single bit
            return len(unit) > 1 and bool(unit[1] & 0x80)
        if kind in _BEFORE:
            return True
    return False


def read_parameter_set(unit: bytes) -> ParameterSet:
    """Return what an SPS says, or raise FrameRefusedError."""
    try:
        if len(unit) > _LEAST_BYTES:
            return _read_parameter_set(unit)
    except IndexError:
        pass
    raise FrameRefusedError(f'its sequence parameter set is cut off: {_LOST}')


class StreamReader:
    """
    Look at the access units of a stream, one after the other; one thread does.

    Each comes out with the parameter sets that it needs in front of it, if it is a key frame: who
    joins there can decode it.
    """

    def __init__(self) -> None:
        self.parameters: ParameterSet | None = None  # None before the first SPS
        self._sets: dict[int, bytes] = {}  # the last SPS and PPS, by their type

    def read(self, data: bytes) -> tuple[bytes, bool]:
        """
        Return an access unit, complete, and whether it is a key frame; or raise FrameRefusedError.

        What cannot be shown by everybody is refused: other formats than 4:2:0 with 8 bits, fields
        of the Extended profile, and what comes before the first parameter sets.
        """
        units = list(nal_units(data))
        if not units:
            raise FrameRefusedError('it is not H.264, since it has no start code: have the sender '
                                    'write a byte stream, Annex B (FFmpeg: -bsf:v '
                                    'h264_mp4toannexb)')
        if len(units) > _MOST_UNITS:
            raise FrameRefusedError(f'it has {len(units)} NAL units, more than any picture: have '
                                    'the sender encode fewer slices')
        kinds = [unit_type(unit) for unit in units]
        if any(unit[0] & 0x80 for unit in units):
            raise FrameRefusedError('it is not H.264, since a forbidden bit is set: bytes are '
                                    'missing, or it is H.265')
        for kind, unit in zip(kinds, units, strict=True):
            if kind == SPS:
                self._begin(unit)
            if kind in (SPS, PPS):
                self._sets[kind] = unit
        if _PARTITIONS.intersection(kinds):
            raise FrameRefusedError('it is H.264 of the Extended profile, or H.265 labelled as '
                                    'H.264: have the sender encode H.264, profile Main or High')
        if _SLICES.isdisjoint(kinds):
            raise FrameRefusedError('it has parameter sets, but no picture: have the sender put '
                                    'them and the picture into one access unit')
        if self._sets.keys() != {SPS, PPS}:
            raise FrameRefusedError('its parameter sets have not come yet: have the sender put '
                                    'them in front of each key frame (rpicam-vid: --inline)')
        if IDR not in kinds:
            return data, False
        if {SPS, PPS}.issubset(kinds):
            return data, True
        at = 1 if kinds[0] == DELIMITER else 0  # it is the first, or none (7.4.1.2.3)
        # Both, because a decoder that begins here needs the SPS in front of the PPS.
        return join([*units[:at], self._sets[SPS], self._sets[PPS], *units[at:]]), True

    def _begin(self, unit: bytes) -> None:
        parameters = read_parameter_set(unit)
        if parameters.chroma_format != 1 or parameters.bit_depth != 8:
            self.parameters = None
            self._sets.clear()
            colours = _CHROMA.get(parameters.chroma_format, '4:2:0')
            raise FrameRefusedError(
                f'it is H.264 with {colours} and {parameters.bit_depth} bits, which few decoders '
                'accept: have the sender encode 4:2:0 with 8 bits (FFmpeg: -pix_fmt yuv420p)')
        if SPS in self._sets and unit != self._sets[SPS]:
            self._sets.pop(PPS, None)  # of the stream before
        self.parameters = parameters


class BitReader:
    """Read the bits of a NAL unit's payload, one field after the other."""

    def __init__(self, payload: bytes) -> None:
        self._bytes = _EMULATION_PREVENTION.sub(b'\x00\x00', payload)
        self._at = 0

    def bits(self, count: int) -> int:
        """Return u(count)."""
        value = 0
        for _ in range(count):
            value = value << 1 | self._bytes[self._at >> 3] >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def unsigned(self) -> int:
        """Return an unsigned number, Exp-Golomb coded (9.1)."""
        zeros = 0
        while not self.bits(1):
            zeros += 1
            if zeros > 32:
                raise FrameRefusedError(_NO_SENSE)
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        """Return se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def _read_parameter_set(unit: bytes) -> ParameterSet:
    """Read seq_parameter_set_data (7.3.2.1.1) as far as the size."""
    profile, constraints, level = unit[1:4]
    bits = BitReader(unit[4:])
    bits.unsigned()  # seq_parameter_set_id
    chroma_format, depth, separate = 1, 8, 0
    if profile in _HIGH:
        chroma_format = bits.unsigned()
        if chroma_format == 3:
            separate = bits.bits(1)
        depth = 8 + max(bits.unsigned(), bits.unsigned())
        bits.bits(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.bits(1):
            for number in range(12 if chroma_format == 3 else 8):
                if bits.bits(1):
                    _pass_scaling_list(bits, 16 if number < 6 else 64)
    frame_number_bits = 4 + bits.unsigned()
    if frame_number_bits > 16:
        raise FrameRefusedError(_NO_SENSE)
    _pass_picture_order(bits)
    bits.unsigned()  # max_num_ref_frames
    gaps = bits.bits(1)
    blocks_wide, map_units_high = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.bits(1)
    if not frames_only:
        bits.bits(1)  # mb_adaptive_frame_field_flag
    bits.bits(1)  # direct_8x8_inference_flag
    width, height = 16 * blocks_wide, 16 * map_units_high * (2 - frames_only)
    if bits.bits(1):
        colours = chroma_format if not separate else 0
        unit_wide = 2 if colours in (1, 2) else 1
        unit_high = (2 if colours == 1 else 1) * (2 - frames_only)
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= unit_wide * (left + right)
        height -= unit_high * (top + bottom)
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise FrameRefusedError(f'its sequence parameter set says {width}x{height} pixels, which '
                                'no decoder accepts: have the sender make it smaller')
    return ParameterSet(f'avc1.{profile:02x}{constraints:02x}{level:02x}', width, height,
                        chroma_format, depth, 0 if gaps else 1 << frame_number_bits,
                        not frames_only)


def _pass_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _pass_picture_order(bits: BitReader) -> None:
    kind = bits.unsigned()  # pic_order_cnt_type
    if kind == 0:
        bits.unsigned()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.bits(1)
        bits.signed()
        bits.signed()
        count = bits.unsigned()
        if count > 255:
            raise FrameRefusedError(_NO_SENSE)
        for _ in range(count):
            bits.signed()
