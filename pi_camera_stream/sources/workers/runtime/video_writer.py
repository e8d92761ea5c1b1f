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

"""What a worker and its node say to each other of H.264 that is passed on as it comes."""

from .worker_pipe import WorkerPipe
from ...base import SourceSettings


class VideoWriter:
    """What the node knows of the access units, and gets of them, while it wants any."""

    def __init__(self, pipe: WorkerPipe, settings: SourceSettings) -> None:
        self.wanted = False  # set by the thread that hears of it
        self._pipe = pipe
        self._settings = settings
        self._told: str | None = None
        self._number = 0

    def tell(self, why_not: str | None) -> None:
        """Say that there are some, by an empty string, or why not; None where there are none."""
        if why_not != self._told:
            self._told = why_not
            self._pipe.send(b'A', {'video': why_not, 'steers': False})

    def why_not(self, width: int, height: int, turned: bool) -> str:
        """
        Return why pictures of that size are not what is asked for; nothing when they are.

        `turned` says whether the stream itself asks for its pictures to be turned.
        """
        settings = self._settings
        if settings.rotation or settings.hflip or settings.vflip:
            return ('its H.264 is not passed on, because it is to be turned: to have it as it '
                    "comes, set the parameters 'rotation' to 0, 'hflip' and 'vflip' to false")
        if turned:
            return ('its H.264 is not passed on, because the sender says that it is to be turned: '
                    'to have it as it comes, have the sender turn it')
        wanted = settings.size_of(width, height)
        if wanted != (width, height):
            return (f'its H.264 is not passed on, because it has {width}x{height} pixels, and '
                    '{}x{} are asked for: to have it as it comes, set the parameters '
                    "'width' and 'height' to 0").format(*wanted)
        return ''

    def put(self, data: bytes, monotonic_ns: int, key: bool) -> None:
        self._number += 1
        self._pipe.send_unit(data, monotonic_ns, self._number, key)

    def leave_out(self) -> None:
        """Let the node know by a gap that something is missing."""
        self._number += 1
