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

"""The H.264 of whichever source a capture loop reads, as a stream of viewers takes it."""

from collections.abc import Callable

from .capture_loop import CaptureLoop
from ..core.frame import Frame, H264, VideoUnit


class LoopVideo:
    """
    What viewers ask of a source's own H.264, and its frames.

    Any thread may ask. It keeps to what `core.video_source` wants of it.
    """

    def __init__(self, loop: CaptureLoop, offer: Callable[[Frame], None]) -> None:
        """Call `offer` with each frame, in the capture thread; to be made before the start."""
        self._loop, self._offer = loop, offer
        self._sequence = 0
        loop.on_video = self._put

    @property
    def available(self) -> bool:
        """Whether there is some: who does not find any here need not wait for a key frame."""
        return self._loop.has_video

    def want(self, wanted: bool) -> None:
        self._loop.want_video(wanted)

    def request_key_frame(self) -> None:
        self._loop.request_key_frame()

    def limit_bitrate(self, bps: float) -> bool:
        return self._loop.limit_video_bitrate(bps)

    def _put(self, unit: VideoUnit, stamp_ns: int) -> None:
        self._sequence += 1
        self._offer(Frame(unit.data, stamp_ns, self._sequence, unit.width, unit.height,
                          codec=H264, key=unit.key))
