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

"""What `auto` shows while there is no camera."""

from collections.abc import Callable
from dataclasses import replace
import threading
import time

from .base import Source, SourceSettings, without
from .pattern import PatternSource
from ..core.errors import PermanentError, TemporaryError
from ..core.frame import Capture

_LOOK_S = 1.0
_AGAIN_S = 15.0  # until a camera that could not be used is tried again


class NoCameraSource(PatternSource):
    """The test pattern, which looks for a camera in a thread, and lets one that appears follow."""

    def __init__(self, settings: SourceSettings, find: Callable[[], SourceSettings | None],
                 create: Callable[[SourceSettings], Source]) -> None:
        super().__init__(replace(without(settings, PatternSource.options), source='pattern'),
                         label='NO CAMERA')
        self._find, self._create = find, create
        self._found: Source | None = None
        self._tried: tuple[SourceSettings | None, float] = None, 0.0  # and when
        self._trouble = self._told = ''  # why a camera that is there cannot be used
        self._stopped = threading.Event()

    def start(self) -> None:
        super().start()
        self._stopped = threading.Event()
        threading.Thread(target=self._look, args=(self._stopped,), name='look for a camera',
                         daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def read(self, timeout_s: float) -> Capture | None:
        trouble = self._trouble
        if trouble != self._told:
            self._told = trouble
            if trouble:
                raise TemporaryError(trouble)
        return super().read(timeout_s)

    def take_successor(self) -> Source | None:
        found, self._found = self._found, None
        return found

    def _look(self, stopped: threading.Event) -> None:
        while not stopped.wait(_LOOK_S):
            try:
                settings = self._find()
                self._trouble = ''
                tried, tried_s = self._tried
                if settings is None or (
                        settings == tried and time.monotonic() - tried_s < _AGAIN_S):
                    continue
                self._tried = settings, time.monotonic()
                self._found = self._create(settings)
            except PermanentError as error:
                self._trouble = str(error)
            except Exception as error:  # a thread must not end in silence
                self._trouble = f'cannot look for a camera: {error!r}'
