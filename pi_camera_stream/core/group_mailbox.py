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

from collections import deque
from collections.abc import Callable
import threading
from typing import Generic, TypeVar

from .mailbox import Mailbox

T = TypeVar('T')


class GroupMailbox(Generic[T]):
    """
    Hold what is waiting of a stream of inter-coded frames, in order, and never much of it.

    None is left out in the midst of a group (a key frame and those that build on it): whoever
    falls behind goes on with the newest key frame, and without one in time, with the next.
    Any thread may call any method. What is left out is counted in `dropped`.
    """

    def __init__(self, most: int, most_behind_s: float,
                 request_key: Callable[[], None] = lambda: None) -> None:
        """
        Make it; the first frame need not be a key frame, which its decoder sees for itself.

        With `most` waiting, a key frame takes their place; if the first has waited `most_behind_s`
        by then, all up to the next key frame are left out, for which `request_key` is called, by
        the thread that puts.
        """
        self._most, self._most_behind_s = most, most_behind_s
        self._request_key = request_key
        self._changed = threading.Condition()  # guards all that follows
        self._waiting: deque[tuple[float, T]] = deque()
        self._until_key = self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        return self._dropped

    def put(self, item: T, key: Callable[[], bool], now_s: float) -> None:
        """Offer a frame; `key`, whether it is a key frame, is called only where that matters."""
        with self._changed:
            full = len(self._waiting) >= self._most
            if (self._until_key or full) and key():
                self._clear()
                self._until_key = False
            elif full and now_s - self._waiting[0][0] > self._most_behind_s:
                self._clear()
                self._until_key = True
            if not self._until_key:
                self._waiting.append((now_s, item))
                self._changed.notify()
                return
            self._dropped += 1
        self._request_key()

    def take(self) -> T:
        """Wait for the next frame; Mailbox.Closed at once after `close`, whatever still waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                raise Mailbox.Closed
            return self._waiting.popleft()[1]

    def jump(self) -> None:
        """Leave out what waits, and all up to the next key frame: some have been lost before."""
        with self._changed:
            self._clear()
            self._until_key = True

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _clear(self) -> None:
        self._dropped += len(self._waiting)
        self._waiting.clear()
