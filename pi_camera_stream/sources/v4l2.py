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

"""USB cameras, and whatever else has a /dev/video that pictures are read from."""

from collections.abc import Sequence
import sys

from .reconnecting_source import LONGEST_S, ReconnectingSource

_WORKER = 'pi_camera_stream.sources.workers.v4l2.worker'
FIRST_PICTURE_S = 8.0  # how long an open camera may take
_HANGING_S = 6.0  # behind that, a worker that has not said anything hangs

def device_path(path: str) -> str:
    """Return the device that a user means: `2` is /dev/video2."""
    return f'/dev/video{path}' if path.isdecimal() else path or '/dev/video0'


class V4l2Source(ReconnectingSource):
    """
    The camera `path`: /dev/video0, or 0, or better one of /dev/v4l/by-id, which stays the same.

    JPEGs are passed on as they are. A rate that the camera has not is made from the next higher
    one. A camera that is unplugged is waited for. The worker says why when its pictures stop.
    """

    tells_silence = True
    first_picture_s = LONGEST_S + FIRST_PICTURE_S + _HANGING_S
    starts_with = frozenset({'fps', 'jpeg_quality'})

    @property
    def title(self) -> str:
        return f'camera {device_path(self.settings.path)}'

    def command(self) -> Sequence[str]:
        return [sys.executable, '-m', _WORKER]
