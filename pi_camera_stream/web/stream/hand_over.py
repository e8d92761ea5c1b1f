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

"""Where things cross from a thread into the event loop: the newest one only."""

import asyncio
from collections.abc import Callable
import threading
from typing import Generic, TypeVar

T = TypeVar('T')


class HandOver(Generic[T]):
    """
    Hand the newest item to the event loop.

    Any thread may call `put`; `deliver` is called in the loop. While the loop is busy, a newer
    item takes the place of the one that waits.

    Attributes
    ----------
    dropped
        How many items were replaced before the loop took them.

    """

    def __init__(self, deliver: Callable[[T], None]) -> None:
        self._deliver = deliver
        self._lock = threading.Lock()  # guards all that follows
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: T | None = None
        self.dropped = 0

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop. What was put before is forgotten."""
        with self._lock:
            self._waiting, self._loop = None, loop

    def put(self, item: T) -> None:
        """Offer `item`, in place of the one that still waits, if any."""
        with self._lock:
            if self._loop is None:
                return
            loop_knows, self._waiting = self._waiting is not None, item
            if loop_knows:
                self.dropped += 1
                return
            try:
                self._loop.call_soon_threadsafe(self._take)
            except RuntimeError:  # the loop has been closed: the server is stopping
                pass

    def _take(self) -> None:
        with self._lock:
            item, self._waiting = self._waiting, None
        if item is not None:
            self._deliver(item)
