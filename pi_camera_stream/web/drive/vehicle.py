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


"""What the web application drives, as it sees it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...core.driving.safety_chain import Command

Seen = Callable[[int], float]
"""Returns the age in s of the picture with that stamp in ns, at least; NaN for none known."""

Prefer = Callable[[str], None]
"""Hears which viewer drives; empty for none."""


class Vehicle(Protocol):
    """What is driven. Any thread may call its methods."""

    def now_s(self) -> float:
        """Return the robot's clock, in s since the epoch."""

    def refusal(self) -> str:
        """Return why nobody may have the wheel now; empty when somebody may."""

    def change_driver(self) -> None:
        """Let another driver, or nobody, begin."""

    def on_command(self, command: Command) -> bool:
        """Take in a command; False when it is dropped."""

    def latch(self, latched: bool) -> None:
        """Begin or end the emergency stop."""

    def press(self, button: str, pressed: bool) -> None:
        """Press or release one of the buttons that `state` names."""

    def state(self) -> Mapping[str, Any]:
        """Return what it does, and can do."""
