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

"""The H.264 that a source has as such, for the stream of its frames."""

from ..core.frame import Frame, H264, VideoUnit
from ..sources.capture_loop import CaptureLoop


class SourceVideo:
    """What a source encodes itself: a `VideoSource`, for a stream that is made after it."""

    def __init__(self, capture: CaptureLoop) -> None:
        self._capture = capture

    def available(self) -> bool:
        return self._capture.has_video

    def want(self, wanted: bool) -> None:
        self._capture.want_video(wanted)

    def request_key_frame(self) -> None:
        self._capture.request_key_frame()

    def limit_bitrate(self, bps: float) -> bool:
        return self._capture.limit_video_bitrate(bps)


def as_frame(unit: VideoUnit, stamp_ns: int) -> Frame:
    """Return an access unit with its stamp; whoever takes it, counts it."""
    return Frame(unit.data, stamp_ns, 0, unit.width, unit.height, codec=H264, key=unit.key)
