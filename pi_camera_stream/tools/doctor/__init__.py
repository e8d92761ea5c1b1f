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

"""What a check says, and what it is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal['ok', 'note', 'broken']


@dataclass(frozen=True)
class Finding:
    """
    What a check found, and what helps, unless it is ok.

    `broken` is what keeps pictures from coming, and makes the exit code 1; `note` is what may.
    """

    level: Level
    text: str
    remedy: str = ''


@dataclass(frozen=True)
class Options:
    """
    What the command line says.

    Attributes
    ----------
    port
        TCP port of the HTTP bridge.
    seconds
        How long the network is watched.
    peer
        Another machine, on which `doctor --answer` runs; empty for none.

    """

    port: int = 8080
    seconds: float = 4.0
    peer: str = ''


Check = Callable[[Options], Iterator[Finding]]
