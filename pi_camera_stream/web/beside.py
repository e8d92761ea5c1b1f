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

"""What hands pictures on beside the pages, by other protocols than HTTP."""

from collections.abc import Mapping
from typing import Protocol


class Beside(Protocol):
    """One of these; the event loop of the web server calls it."""

    kind: str
    reason: str  # why it does not work; empty where it does

    @property
    def frames_sent(self) -> int: ...

    @property
    def bytes_sent(self) -> int: ...

    async def open(self) -> None:
        """Begin; it must not raise: what is wrong is `reason`."""

    async def close(self) -> None:
        """End: the server is stopping."""

    def url(self) -> str:
        """Return where it is."""

    def state(self) -> Mapping[str, object]:
        """Return what `/state` says of it."""
