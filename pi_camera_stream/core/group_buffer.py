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

"""What waits of a stream of inter-coded frames for one reader, and what is left out of it."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')

_MOST_TIMES = 8  # as many as are meant to wait, however fast they come


class GroupBuffer(Generic[T]):
    """
    Hold what is waiting, in order, and never much of it.

    None is left out in the midst of a group (a key frame and those that build on it): whoever
    falls behind goes on with the newest key frame, and without one in time, with the next. One
    thread calls it; `GroupMailbox` is for several.

    Attributes
    ----------
    until_key
        Whether all up to the next key frame are left out.
    dropped
        How many have been left out.

    """

    def __init__(self, most: int, most_behind_s: float, until_key: bool = False) -> None:
        """
        Make it; unless `until_key`, the first frame need not be a key frame.

        With `most` waiting, a key frame takes their place; if the first has waited `most_behind_s`
        by then, or many times as many are waiting, all up to the next key frame are left out.
        """
        self._most, self._most_behind_s = most, most_behind_s
        self._waiting: deque[tuple[float, T]] = deque()
        self.until_key, self.dropped = until_key, 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T, key: Callable[[], bool], now_s: float) -> bool:
        """
        Offer a frame; False where it is left out.

        `key`, whether it is a key frame, is called only where that matters.
        """
        full = len(self._waiting) >= self._most
        if (self.until_key or full) and key():
            self._clear()
            self.until_key = False
        elif full and (now_s - self._waiting[0][0] > self._most_behind_s
                       or len(self._waiting) >= _MOST_TIMES * self._most):
            self.jump()
        if self.until_key:
            self.dropped += 1
            return False
        self._waiting.append((now_s, item))
        return True

    def take(self) -> T:
        """Return the next frame; IndexError where none waits."""
        return self._waiting.popleft()[1]

    def jump(self) -> None:
        """Leave out what waits, and all up to the next key frame."""
        self._clear()
        self.until_key = True

    def _clear(self) -> None:
        self.dropped += len(self._waiting)
        self._waiting.clear()
