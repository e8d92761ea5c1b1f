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



"""The newest item for somebody whose work on each takes longer than they take to come."""

from collections.abc import Callable
import time
from typing import Generic, TypeVar

from .mailbox import Mailbox

T = TypeVar('T')

_STALE = 0.5  # of an interval
_LOST = 1.25  # intervals after the last item, until the next one is held to be lost


class FreshMailbox(Generic[T]):
    """
    A mailbox that gives out no item for which the next one is nearly there.

    Whoever comes back from work finds an item that has lain there for up to an interval. When it
    was more than half of one, waiting for the next item costs less time than it saves age, on
    average. Any thread may put and close, one takes.
    """

    def __init__(self, per_second: Callable[[], float],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._mailbox: Mailbox[tuple[float, T]] = Mailbox()
        self._passed_over = 0

    @property
    def dropped(self) -> int:
        return self._mailbox.dropped + self._passed_over

    def put(self, item: T) -> None:
        self._mailbox.put((self._clock(), item))

    def take(self) -> T:
        """Wait for an item that is fresh; Mailbox.Closed when nothing will come any more."""
        newest = self._mailbox.take()
        while newest is None:  # not without a timeout
            newest = self._mailbox.take()
        came_s, item = newest
        rate = self._per_second()
        lain_s = self._clock() - came_s
        if rate <= 0 or not _STALE < lain_s * rate < _LOST:
            return item
        next_one = self._mailbox.take(_LOST / rate - lain_s)
        if next_one is None:
            return item
        self._passed_over += 1
        return next_one[1]

    def close(self) -> None:
        self._mailbox.close()
