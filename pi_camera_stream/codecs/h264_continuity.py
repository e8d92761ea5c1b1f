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

"""Whether a picture of a stream of H.264 is missing, by the numbers of its frames (7.4.3)."""

import re

from .h264 import BitReader, IDR, ParameterSet
from ..core.errors import FrameRefusedError

_SLICE = re.compile(rb'\x00\x00\x01([\x01\x21\x41\x61\x25\x45\x65])')  # of any picture
_HEAD_BYTES = 16  # of a slice, more than its first four fields take


class Continuity:
    """
    Follow the access units of a stream, one after the other; one thread does.

    The numbers begin again soon, and with each key frame: where very many are missing, or a key
    frame, they may look as if none was.
    """

    def __init__(self) -> None:
        self._last: int | None = None  # of what others build on; None before the first key frame

    def follows(self, data: bytes, parameters: ParameterSet) -> bool:
        """Return whether nothing is missing before an access unit; always so of a key frame."""
        for match in _SLICE.finditer(data):
            head = match.group(1)[0]
            number = _frame_number(data[match.end():match.end() + _HEAD_BYTES], parameters)
            if number is None:  # not the first slice of its picture, or cut off
                continue
            if head & 0x1F != IDR and not self._may_be_next(number, parameters):
                self._last = None
                return False
            if head & 0x60:  # nal_ref_idc
                self._last = number
        return True

    def _may_be_next(self, number: int, parameters: ParameterSet) -> bool:
        if self._last is None:
            return False
        return not parameters.frame_numbers or (
            number == (self._last + 1) % parameters.frame_numbers
            or (parameters.interlaced and number == self._last))


def _frame_number(slice_head: bytes, parameters: ParameterSet) -> int | None:
    bits = BitReader(slice_head)
    try:
        if bits.unsigned():  # first_mb_in_slice
            return None
        bits.unsigned()  # slice_type
        bits.unsigned()  # pic_parameter_set_id
        return bits.bits(max(parameters.frame_numbers, 1).bit_length() - 1)
    except (IndexError, FrameRefusedError):
        return None
