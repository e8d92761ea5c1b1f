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

"""What hands over a camera's video as its own encoder made it, beside its single pictures."""

from typing import Protocol


class VideoSource(Protocol):
    """
    Where ready-made access units come from; the event loop calls it, and it returns at once.

    The units go to `Stream.offer_video`, from one thread.
    """

    @property
    def available(self) -> bool:
        """Return whether there is some now, as far as is known: who wants it need not wait."""

    def want(self, wanted: bool) -> None:
        """Hear whether access units are wanted from now on."""

    def request_key_frame(self) -> None:
        """Let the next access unit be a key frame, if that can be asked for."""

    def limit_bitrate(self, bps: float) -> bool:
        """Ask for no more bit/s than that; False where the source does not do that."""
