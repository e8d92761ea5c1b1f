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

"""How many messages of a WebSocket are dealt with."""

import asyncio
from collections.abc import Callable
import contextlib
import time

from aiohttp import web

from ..core.pacing import TokenBucket

_FLOOD = 1000  # so many more than may be, and the connection is to be ended
_PENALTY_S = 1.0  # before that, so that who comes again and again does not gain by it


class MessageLimit:
    """
    Keep the messages of one client from taking the time of all others. Event loop only.

    Of a client that sends more than it may, nothing is read while it waits here: the rest stays in
    its own machine, and in the meantime others have their turn.
    """

    def __init__(self, request: web.BaseRequest, per_s: float, pause_s: float = 0.01,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Make it for a WebSocket; each message too many takes `pause_s`."""
        self._transport, self._clock, self._pause_s = request.transport, clock, pause_s
        self._bucket = TokenBucket(per_s, per_s)
        self._excess = 0  # messages too many, less those that were not

    @property
    def flooded(self) -> bool:
        return self._excess >= _FLOOD

    async def admit(self) -> bool:
        """Return whether the next message is one of those that may be."""
        if self._bucket.take(self._clock()):
            self._excess = max(0, self._excess - 1)
            return True
        self._excess += 1
        self._read(False)
        await asyncio.sleep(_PENALTY_S if self.flooded else self._pause_s)
        self._read(True)
        return False

    def _read(self, reading: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            with contextlib.suppress(AttributeError, RuntimeError):  # TLS that is being ended
                (self._transport.resume_reading if reading else self._transport.pause_reading)()
