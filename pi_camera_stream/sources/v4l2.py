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

from collections.abc import Mapping, Sequence
from pathlib import Path
import sys
from typing import Any

from .base import Source, SourceSettings
from .reconnecting_source import LONGEST_S, ReconnectingSource
from .records import Message
from ..core.errors import PermanentError

_WORKER = 'pi_camera_stream.sources.workers.v4l2.worker'
FIRST_PICTURE_S = 8.0  # how long an open camera may take
_HANGING_S = 6.0  # behind that, a worker that has not said anything hangs
_ANY = '/dev'  # where a camera is looked for when nobody has named one


def device_path(path: str) -> str:
    """Return the device that a user means, `2` is /dev/video2; or the folder to look in."""
    return f'/dev/video{path}' if path.isdecimal() else path or _ANY


class V4l2Source(ReconnectingSource):
    """
    The camera `path`: /dev/video0, or 0, or better one of /dev/v4l/by-id; empty is the first one.

    JPEGs are passed on as they are. A rate that the camera has not is made from the next higher
    one. A camera that is unplugged is waited for, and found under another number, too. The worker
    says why when its pictures stop.
    """

    tells_silence = True
    first_picture_s = LONGEST_S + FIRST_PICTURE_S + _HANGING_S
    starts_with = frozenset({'fps', 'jpeg_quality'})

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._found: Mapping[str, Any] = {}  # what the last worker said of the camera

    def check(self) -> None:
        if '://' in self.settings.path:
            raise PermanentError(f"'{self.settings.shown_path}' is not a device: set the "
                                 "parameter 'source' to url, or 'path' to a device such as "
                                 '/dev/video0')

    @property
    def title(self) -> str:
        if found := self._found:
            return 'camera {device} ({camera})'.format(**found)
        path = device_path(self.settings.shown_path)
        return f'first camera of {path}' if Path(path).is_dir() else f'camera {path}'

    def remember(self, other: Source) -> None:
        if isinstance(other, V4l2Source) and other.settings.path == self.settings.path:
            self._found = other._found

    def command(self) -> Sequence[str]:
        return [sys.executable, '-m', _WORKER]

    def open_message(self) -> dict[str, Any]:
        return {**super().open_message(), 'again': self._found.get('again', '')}

    def _take(self, message: Message) -> None:
        super()._take(message)
        if message.kind == 'H':
            self._found = message.body
