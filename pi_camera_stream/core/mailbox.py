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

"""The hand-over between two threads that never lets a frame wait behind another one."""

import threading
from typing import Generic, TypeVar

T = TypeVar('T')


class Mailbox(Generic[T]):
    """
    Hold at most the newest item; any thread may call any method.

    An item that is replaced before somebody took it is counted in `dropped`.
    """

    class Closed(Exception):
        """Nothing will come any more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        return self._dropped

    def put(self, item: T) -> None:
        """Offer `item`, in place of the one that still waits, if any."""
        with self._changed:
            if self._item is not None:
                self._dropped += 1
            self._item = item
            self._changed.notify()

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item; None when `timeout_s` passed. `Closed` comes after the last item."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            if item is None and self._closed:
                raise Mailbox.Closed
            return item

    def close(self) -> None:
        """Wake whoever waits; nothing more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
