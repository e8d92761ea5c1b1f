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

"""What carries out velocities, as the safety chain's thread sees it."""

from collections.abc import Mapping
from typing import Any


class Actuator:
    """
    Something with motors. The thread of the safety chain calls all methods, and none may wait.

    What cannot be told to it is an exception; what it finds out later is a `fault`.
    """

    def start(self) -> None:
        """Begin; called once, before all else."""

    def drive(self, linear: float, angular: float) -> None:
        """Move forwards at so many m/s, and turn to the left at so many rad/s, until told more."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stand still, at once."""
        raise NotImplementedError

    def fault(self) -> str:
        """Return why it cannot be driven now, asked 20 times a second; empty when it can."""
        return ''

    def refusal(self) -> str:
        """Return why nobody may have the wheel now, asked as often; empty when one may."""
        return ''

    def state(self) -> Mapping[str, Any]:
        """Return what else is to be known of it, by name."""
        return {}

    def close(self, used: bool) -> None:
        """Say the last word, and wait for a moment until it is heard; `used` if it is no news."""
        raise NotImplementedError
