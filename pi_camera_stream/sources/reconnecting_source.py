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

"""Workers that wait for what is not there, so that it is seen as soon as it returns."""

from dataclasses import asdict
from typing import Any

from .base import SourceSettings, TURNING
from .worker_source import WorkerSource
from ..core.frame import Capture

_FIRST_S, LONGEST_S = 3.0, 12.0


class ReconnectingSource(WorkerSource):
    """
    Tell the worker how long to wait before it says why there are no pictures, and ends.

    It is started again at once: its patience is always longer than the loop's back-off, which
    counts from its start. So who returns is seen within a second.
    """

    starts_with = frozenset({'jpeg_quality'})
    options = TURNING
    first_picture_s = LONGEST_S + 8.0

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._give_up_s = _FIRST_S

    def open_message(self) -> dict[str, Any]:
        give_up_s = self._give_up_s
        self._give_up_s = min(2 * give_up_s, LONGEST_S)
        return {'settings': asdict(self.settings), 'give_up_s': give_up_s}

    def read(self, timeout_s: float) -> Capture | None:
        capture = super().read(timeout_s)
        if capture is not None:
            self._give_up_s = _FIRST_S
        return capture
