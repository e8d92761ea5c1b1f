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

"""
Where things cross from a thread into the event loop: the newest one only.

Of inter-coded frames, that is the newest group as far as it goes.
"""

import asyncio
from collections.abc import Callable
import threading
import time
from typing import Generic, TypeVar

from ...core.frame import Frame
from ...core.group_buffer import GroupBuffer

T = TypeVar('T')
_MOST_WAITING = 4  # inter-coded frames
_MOST_BEHIND_S = 0.3  # then the rest of their group is left out


class HandOver(Generic[T]):
    """Hand the newest item to the event loop, which calls `deliver`; any thread may call `put`."""

    def __init__(self, deliver: Callable[[T], None]) -> None:
        self._deliver = deliver
        self._lock = threading.Lock()  # guards all that follows
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: T | None = None
        self.dropped = 0  # replaced before the loop took them

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


class GroupHandOver:
    """
    Hand inter-coded frames to the event loop, in order, which calls `deliver` with each.

    Any thread may call `put`. What is left out where the loop is busy for long is counted in
    `dropped`, and a key frame is asked for then, by the thread that puts.
    """

    def __init__(self, deliver: Callable[[Frame], None], request_key: Callable[[], None]) -> None:
        self._deliver, self._request_key = deliver, request_key
        self._lock = threading.Lock()  # guards all that follows
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: GroupBuffer[Frame] = GroupBuffer(_MOST_WAITING, _MOST_BEHIND_S, True)
        self._called = False

    @property
    def dropped(self) -> int:
        return self._waiting.dropped

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop. What was put before is forgotten."""
        with self._lock:
            self._waiting.jump()
            self._loop, self._called = loop, False

    def put(self, frame: Frame) -> None:
        with self._lock:
            if self._loop is None:
                return
            if self._waiting.put(frame, lambda: frame.key, time.monotonic()):
                if not self._called:
                    self._called = True
                    try:
                        self._loop.call_soon_threadsafe(self._take)
                    except RuntimeError:  # the loop has been closed: the server is stopping
                        pass
                return
        self._request_key()

    def jump(self) -> None:
        """Leave out all up to the next key frame: something of its group is missing."""
        with self._lock:
            self._waiting.jump()
        self._request_key()

    def _take(self) -> None:
        with self._lock:
            self._called = False
            frames = [self._waiting.take() for _ in range(len(self._waiting))]
        for frame in frames:
            self._deliver(frame)
