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

"""The hand-over for frames that build on each other, where only a key frame can be jumped to."""

from collections.abc import Callable
import threading
from typing import Generic, TypeVar

from .group_buffer import GroupBuffer
from .mailbox import Mailbox

T = TypeVar('T')


class GroupMailbox(Generic[T]):
    """
    Hold what is waiting of a stream of inter-coded frames, by the rule of `GroupBuffer`.

    Any thread may call any method. What is left out is counted in `dropped`.
    """

    def __init__(self, most: int, most_behind_s: float,
                 request_key: Callable[[], None] = lambda: None) -> None:
        """
        Make it, as a GroupBuffer; the first frame need not be a key frame, as its decoder sees.

        While all up to the next key frame are left out, `request_key` is called for each, by the
        thread that puts.
        """
        self._request_key = request_key
        self._changed = threading.Condition()  # guards all that follows
        self._buffer: GroupBuffer[T] = GroupBuffer(most, most_behind_s)
        self._closed = False

    @property
    def dropped(self) -> int:
        return self._buffer.dropped

    def put(self, item: T, key: Callable[[], bool], now_s: float) -> None:
        """Offer a frame; `key`, whether it is a key frame, is called only where that matters."""
        with self._changed:
            if self._buffer.put(item, key, now_s):
                self._changed.notify()
                return
        self._request_key()

    def take(self) -> T:
        """Wait for the next frame; Mailbox.Closed at once after `close`, whatever still waits."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._buffer) or self._closed)
            if self._closed:
                raise Mailbox.Closed
            return self._buffer.take()

    def jump(self) -> None:
        """Leave out what waits, and all up to the next key frame: some have been lost before."""
        with self._changed:
            self._buffer.jump()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
