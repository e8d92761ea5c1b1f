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

"""What the web knows of recording, whoever records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Recording:
    """
    One file that is there.

    Attributes
    ----------
    name
        Its file's name; nothing else names it over HTTP.
    began
        When its first picture was taken, as `time.time()` has it.
    size
        In bytes.
    codec
        `jpeg` or `h264`.
    running
        Whether it is written now.

    """

    name: str
    topic: str
    began: float
    duration_s: float
    size: int
    codec: str
    running: bool


class Recordings(Protocol):
    """What is recorded, and what has been. The event loop calls it, and it returns at once."""

    def state(self) -> Mapping[str, object]:
        """
        Return what people are told of it.

        `mode` (off, manual, always or motion), `recording`, `waiting` (for something to move),
        `topics`, `since_s` (for how long it has been recording), `file` (its name, or empty),
        `bytes` (of the files that are written now), `free_bytes` (of the card), `left_out`
        (frames that a slow card left no time for), `fault` (empty, or a sentence with the remedy).
        """

    def switch(self, on: bool) -> str:
        """Begin or end; return why not, or nothing."""

    async def files(self) -> list[Recording]:
        """Return what is there, the newest first; the disk is looked at in a thread."""

    async def delete(self, name: str) -> str:
        """Delete a file and what lies beside it; return why not, or nothing."""

    def path(self, name: str) -> Path | None:
        """
        Return where a file is, if it is one of ours and in the folder itself.

        Any thread: it may have to look at the disk.
        """
