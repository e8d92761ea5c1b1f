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

"""A stream of access units as it arrives: none is passed on that builds on what is missing."""

from collections.abc import Callable
import time

from .h264 import IDR, nal_units, SLICE, SPS, StreamReader, unit_type
from .h264_continuity import Continuity
from .limits import check_size
from ..core.errors import FrameRefusedError
from ..core.frame import Frame, H264
from ..core.statistics import Recent

_PATIENCE_S = 2.0  # for a key frame, before it is held to be missing
_PAUSE_S, _PAUSE_INTERVALS = 0.25, 8  # between stamps: then as many may be missing as there are
_LONG_NS = 10**9  # no interval between pictures of a stream that runs
_NO_KEY_FRAME = ('it builds on others, and no key frame has come for {:.0f} s: have the sender '
                 'insert one every few seconds (FFmpeg: -g 60)')


class H264Arrivals:
    """
    Look at what comes, in its order; one thread does, any may say `lose`.

    Attributes
    ----------
    left_out
        How many access units were not passed on, because a key frame was waited for.

    """

    def __init__(self, max_pixels: int, request_key_frame: Callable[[], None]) -> None:
        self.left_out = 0
        self._max_pixels, self._request = max_pixels, request_key_frame
        self.restart()

    def restart(self) -> None:
        """Begin anew, with whatever comes next."""
        self._reader, self._continuity = StreamReader(), Continuity()
        self._intervals_ns = Recent(16)
        self._last_ns = 0
        self._waits, self._waits_from_s = True, time.monotonic()

    def lose(self) -> None:
        """Wait for a key frame: what has been passed on last could not be used."""
        if not self._waits:
            self._waits, self._waits_from_s = True, time.monotonic()

    def open(self, data: bytes, codec: str, stamp_ns: int, sequence: int, askable: bool
             ) -> Frame | None:
        """
        Return the frame of an access unit; None where a key frame is waited for.

        `askable` says whether one comes when it is asked for. Raises FrameRefusedError.
        """
        if codec != H264:
            raise FrameRefusedError(f"it is '{codec[:20]}', but only H.264 can be received here: "
                                    'have the sender encode that')
        kinds = {unit_type(unit) for unit in nal_units(data)}
        if self._waits and SLICE in kinds and not {IDR, SPS} & kinds:
            self._wait()
            return None
        try:
            frame = self._read(data, stamp_ns, sequence, askable)
        except FrameRefusedError:
            self.lose()
            self._request()
            raise
        if frame is None:
            self.lose()
            self._wait()
        elif frame.key:
            self._waits = False
        elif self._waits:
            self._wait()
            return None
        return frame

    def _wait(self) -> None:
        self.left_out += 1
        self._request()
        waited_s = time.monotonic() - self._waits_from_s
        if waited_s > _PATIENCE_S:
            raise FrameRefusedError(_NO_KEY_FRAME.format(waited_s))

    def _read(self, data: bytes, stamp_ns: int, sequence: int, askable: bool) -> Frame | None:
        before = self._reader.parameters
        data, key = self._reader.read(data)
        parameters = self._reader.parameters
        if parameters is None:  # not after `read`
            return None
        check_size(parameters.width, parameters.height, self._max_pixels)
        if not key and before is not None and parameters != before:
            raise FrameRefusedError('its size or profile has changed, but it is not a key frame: '
                                    'have the sender start with one there')
        paused = self._pauses(stamp_ns) and askable
        follows = self._continuity.follows(data, parameters)
        if not key and (paused or not follows):
            return None
        return Frame(data, stamp_ns, sequence, parameters.width, parameters.height, codec=H264,
                     key=key)

    def _pauses(self, stamp_ns: int) -> bool:
        """Return whether so much time lies before it that numbers may have begun again."""
        since_ns, self._last_ns = stamp_ns - self._last_ns, stamp_ns
        usual_ns = self._intervals_ns.median()
        if 0 < since_ns < _LONG_NS:
            self._intervals_ns.add(since_ns)
        return since_ns > max(_PAUSE_S * 1e9, _PAUSE_INTERVALS * usual_ns)
