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

"""What all viewers of a server get together, and whether that is too much to be JPEG."""

ABOVE_BPS = 60e6  # unless somebody says another number
_RELIEF = 0.7  # of the limit; what all would get as JPEG must be less before it is JPEG again


class SentInAll:
    """Add up what the streams of a server send. Event loop only."""

    def __init__(self, above_bps: float) -> None:
        self.crowded = False
        self._above_bps = above_bps
        self._streams: dict[str, tuple[float, float]] = {}

    def report(self, stream: str, sent_bps: float, as_jpeg_bps: float) -> bool:
        """
        Take in what a stream sends, and would send if its viewers of H.264 had the full JPEGs.

        Returns whether those who can show H.264 get that.
        """
        self._streams[stream] = sent_bps, as_jpeg_bps
        sent, as_jpeg = (sum(column) for column in zip(*self._streams.values(), strict=True))
        if self.crowded:
            self.crowded = as_jpeg > _RELIEF * self._above_bps
        else:
            self.crowded = sent > self._above_bps
        return self.crowded

    def forget(self, stream: str) -> None:
        """Note that a stream has no viewers any more."""
        self._streams.pop(stream, None)
