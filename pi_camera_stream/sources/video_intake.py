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

"""The access units that a worker sends, on their way to whoever wants them."""

import re

from .records import VideoRecord
from ..codecs.h264 import StreamReader
from ..codecs.h264_continuity import Continuity
from ..core.errors import FrameRefusedError
from ..core.frame import VideoUnit

_SETS = re.compile(rb'\x00\x00\x01[\x07\x27\x47\x67]')
_PATIENCE_S = 12.0  # encoders that nobody has told otherwise make a key frame in ten seconds
_NO_KEY_FRAME = (
    f'its H.264 has had no key frame for {_PATIENCE_S:.0f} s: have the sender make one every '
    'second or two, and no intra refresh (`ffmpeg -g 30`, `rpicam-vid --intra 30`)')


class VideoIntake:
    """
    Make access units complete, and leave out all that nobody could decode; one thread does.

    That is what is no H.264 for everybody, and behind that, or behind a gap, all up to the next
    key frame.
    """

    def __init__(self, left_out: int = 0) -> None:
        # Why there are none; empty when there are, None when the worker has told of none.
        self.why_not: str | None = None
        self.steers = False  # whether the worker obeys requests for key frames, and a bit rate
        self.left_out = left_out
        self._reader, self._continuity = StreamReader(), Continuity()
        self._number = 0  # of the last one
        self._until_key = True
        self._refusal = ''  # why all since the last that was handed on are refused
        self._waiting_ns = 0  # capture time of the first one left out since the last that was not

    @property
    def awaits_key_frame(self) -> bool:
        """Whether some have been left out since the last that was handed on."""
        return self._waiting_ns > 0

    def tell(self, why_not: str | None, steers: bool) -> None:
        """Take in what the worker tells."""
        self.why_not, self.steers = why_not, steers
        self.jump()

    def jump(self) -> None:
        """Leave out all up to the next key frame: what comes is not what came before."""
        self._until_key, self._waiting_ns = True, 0

    def take(self, record: VideoRecord) -> VideoUnit | None:
        """Return what is to be handed on of this; nothing when it is left out."""
        gap, self._number = record.number != self._number + 1, record.number
        try:
            data, key = self._reader.read(record.data)
        except FrameRefusedError as error:
            self._until_key = True
            if not self._refusal or _SETS.search(record.data):  # the others only follow from it
                self._refusal = str(error)
        else:
            sets = self._reader.parameters
            follows = sets is not None and self._continuity.follows(data, sets)
            self._until_key = (self._until_key or gap or not follows) and not key
            if not self._until_key and sets is not None:
                self._refusal, self._waiting_ns = '', 0
                return VideoUnit(data, key, record.monotonic_ns, sets.width, sets.height)
        self._leave_out(record.monotonic_ns)
        return None

    def _leave_out(self, monotonic_ns: int) -> None:
        self.left_out += 1
        self._waiting_ns = self._waiting_ns or monotonic_ns
        if monotonic_ns - self._waiting_ns > _PATIENCE_S * 1e9:
            self.why_not = (f'its H.264 is not passed on: {self._refusal}' if self._refusal
                            else _NO_KEY_FRAME)
