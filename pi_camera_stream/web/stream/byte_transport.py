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

"""Frames as bytes, one behind the other, over a connection."""

from abc import abstractmethod
import asyncio
from collections.abc import Awaitable, Callable

from .delivery import Transport
from .link import Link
from .rendition import Status
from ...core.frame import Frame


class ByteTransport(Transport):
    """A transport that writes each frame in one piece. Event loop only."""

    def __init__(self, transport: asyncio.Transport, drain: Callable[[], Awaitable[None]]) -> None:
        """Make it; `drain` waits until the kernel has all that was written."""
        super().__init__(Link(transport))
        self._transport, self._drain = transport, drain

    async def write(self, frame: Frame, tier: int) -> None:
        self.write_now(frame, tier)
        await self._wait_written()

    def ready(self) -> bool:
        return not (self._transport.is_closing() or self._transport.get_write_buffer_size())

    def write_now(self, frame: Frame, _tier: int) -> None:
        self._write(self._pack(frame))

    async def write_status(self, _status: Status) -> None:
        """Say nothing: few such streams have a place for it."""

    @abstractmethod
    def _pack(self, frame: Frame) -> bytes | bytearray:
        """Return a frame as it is written."""

    def _write(self, data: bytes | bytearray) -> None:
        if self._transport.is_closing():  # what TLS does then depends on how it came to that
            raise ConnectionResetError('the viewer has left')
        self._transport.write(data)

    async def _wait_written(self) -> None:
        if self._transport.get_write_buffer_size():
            await self._drain()
