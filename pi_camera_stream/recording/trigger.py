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

"""Whether it is to be recorded now: what has been configured, switched, and seen."""

import math

from .settings import ALWAYS, MOTION, OFF

MANUAL = 'manual'


class Trigger:
    """
    Off, waiting, or on; switching goes one step, so that after a lap it waits again as before.

    Not for several threads.
    """

    def __init__(self, mode: str, after_s: float) -> None:
        self._after_s = after_s
        self.set_mode(mode)

    def set_mode(self, mode: str) -> None:
        """Begin anew as configured, whatever has been switched or seen."""
        self._mode = mode
        self._waits = mode not in (OFF, ALWAYS)  # whether there is something between off and on
        self._level = {OFF: 0, ALWAYS: 2}.get(mode, 1)
        self._until_s = -math.inf

    def switch(self, on: bool) -> None:
        step = 1 if self._waits else 2
        self._level = min(2, self._level + step) if on else max(0, self._level - step)
        self._until_s = -math.inf

    def find(self, now_s: float) -> None:
        """Note that something moves."""
        if self.waits_for_motion:
            self._until_s = now_s + self._after_s

    def records(self, now_s: float) -> bool:
        return self._level == 2 or now_s < self._until_s

    @property
    def active(self) -> bool:
        """Return whether anything is done at all."""
        return self._level > 0

    @property
    def waits_for_motion(self) -> bool:
        return self._level == 1 and self._mode == MOTION

    @property
    def mode(self) -> str:
        """Return off, manual, always or motion."""
        if not self.active:
            return OFF
        if self._level == 2:
            return ALWAYS if self._mode == ALWAYS else MANUAL
        return MOTION if self._mode == MOTION else MANUAL
