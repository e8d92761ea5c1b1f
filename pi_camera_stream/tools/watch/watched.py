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

"""What is watched, and what is counted of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from ...core.frame import Image

_MOST_AGES = 10_000  # between two lines


@dataclass
class Totals:
    """What has come since the beginning."""

    pictures: int = 0
    size_bytes: int = 0  # as they came, with all that is packed around them
    dropped: int = 0  # came, and were left out for newer ones
    broken: int = 0  # came, and cannot be shown
    width: int = 0  # of the last picture
    height: int = 0
    detail: str = ''  # codec and protocol
    # Since somebody took them last; of each picture when it had come, or was decoded.
    ages_s: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_AGES))


class Watched(Protocol):
    """A stream that is received in threads of its own."""

    title: str  # for people
    logs_silence: bool  # whether it says by itself why no picture comes

    @property
    def totals(self) -> Totals:
        ...

    @property
    def ended(self) -> bool:
        """Whether no picture will come any more; StreamError where that is a failure."""

    @property
    def why_silent(self) -> str:
        """Return why no picture comes, with the remedy; nothing where nobody knows."""

    @property
    def why_ageless(self) -> str:
        """Return why pictures have no age; nothing where they have one."""

    def look(self) -> None:
        """See to it that pictures come; called several times a second."""

    def take(self, timeout_s: float) -> Image | None:
        """Wait for the newest picture, decoded; None where none came."""

    def close(self) -> None:
        ...
