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

"""H.264 that comes as such is passed on beside the JPEGs, when its pictures are whole."""

from contextlib import suppress
import re
from typing import Any

from .video_writer import VideoWriter
from ...decoded_frame import frame_orientation
from ....codecs import h264
from ....codecs.h264_lengths import LengthPrefixed
from ....codecs.orientation import UPRIGHT
from ....core.errors import FrameRefusedError

_HEAD_BYTES = 96  # in which parameter sets begin, where there are any
_SPS = re.compile(rb'\x00\x00\x01[\x07\x27\x47\x67]')
_SETS = re.compile(rb'\x00\x00\x01[\x07\x08\x27\x28\x47\x48\x67\x68]')  # SPS or PPS
_MOST_CHUNKS = 1_000  # of one picture


class PassedVideo:
    """
    Pass on the access units of one stream, beside its decoder, whose thread calls all of this.

    Whether a unit is whole shows when its picture comes out: so slices that come one by one are
    put together without a wait for the next picture, and what is cut off is left out. Where
    pictures come out in another order than they go in, a unit ends where the next one begins.
    """

    def __init__(self, codec: Any, writer: VideoWriter) -> None:
        """Own the packets of the PyAV context `codec`, which is of H.264."""
        self._codec, self._writer = codec, writer
        self._reader = h264.StreamReader()
        self._chunks: list[bytes] = []  # of the unit whose picture has not come out yet
        self._monotonic_ns = 0
        self._size = (0, 0)
        self._turned = self._refused = ''  # why there are none
        self._packed: LengthPrefixed | None = None
        extra = bytes(codec.extradata or b'')
        with suppress(FrameRefusedError):  # it is said of the first key frame, too
            if extra[:1] == b'\x01':
                self._packed = LengthPrefixed(extra)
                extra = self._packed.sets
            self._reader.read(extra)

    def add(self, packet: Any, monotonic_ns: int) -> None:
        """Take in a packet that is about to be decoded."""
        if not self._writer.wanted:
            self._chunks.clear()
            if self._packed is None and _SETS.search(memoryview(packet)[:_HEAD_BYTES]):
                self._complete(bytes(packet))  # who wants some later may need them
            return
        data = self._byte_stream(packet)
        if not data or len(self._chunks) > _MOST_CHUNKS:
            self.jump()
            return
        begins = h264.begins_picture(data)
        if begins and any(map(h264.has_slice, self._chunks)):
            if self._codec.has_b_frames:
                self._put(self._monotonic_ns)
            else:
                self.jump()  # it never came out
        if begins or self._chunks:
            self._chunks.append(data)
            self._monotonic_ns = monotonic_ns

    def come_out(self, frame: Any, monotonic_ns: int) -> None:
        """Take in a picture that the last packet completed, and the stamp that its JPEG gets."""
        if (frame.width, frame.height) != self._size:
            self._size = frame.width, frame.height
            self._turned = self._writer.why_not(*self._size, frame_orientation(frame) != UPRIGHT)
        if self._chunks and not self._codec.has_b_frames:
            self._put(monotonic_ns)
        self._writer.tell(self._refused or self._turned)

    def jump(self) -> None:
        """Leave out the unit that has begun: something is missing."""
        self._chunks.clear()
        self._writer.leave_out()

    def close(self) -> None:
        self._writer.tell(None)
        self._writer.leave_out()

    def _byte_stream(self, packet: Any) -> bytes:
        """Return what is in a packet; nothing where that is damaged."""
        if packet.is_corrupt:
            return b''
        data = bytes(packet)
        if self._packed is None:
            return data
        try:
            return self._packed.to_byte_stream(data)
        except FrameRefusedError:
            return b''

    def _put(self, monotonic_ns: int) -> None:
        data, key = self._complete(b''.join(self._chunks))
        self._chunks.clear()
        self._writer.put(data, monotonic_ns, key)

    def _complete(self, data: bytes) -> tuple[bytes, bool]:
        """Return a unit with its parameter sets; as it is where it is refused."""
        try:
            data, key = self._reader.read(data)
        except FrameRefusedError as error:
            if self._reader.parameters is None and _SPS.search(data):  # it is for what they say
                self._refused = f'its H.264 is not passed on: {error}'
            return data, False
        if key:
            self._refused = ''
        return data, key
