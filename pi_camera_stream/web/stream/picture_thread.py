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

"""A thread that has the newest picture, as long as there is something to make of it."""

from collections.abc import Callable
import threading

from ...core.frame import Frame, StampedImage
from ...core.mailbox import Mailbox

Pictures = Mailbox[Frame | StampedImage]


class PictureThread:
    """
    Start a thread with the first picture, and end it. All is guarded by a lock of the owner's.

    A thread that has ended for the owner may still be at work: what it makes is for nobody then.
    """

    def __init__(self, name: str, run: Callable[[Pictures], None]) -> None:
        """Make it; the thread of that name calls `run`, which ends at Mailbox.Closed."""
        self._name, self._run = name, run
        self._pictures: Pictures | None = None  # while a thread lives
        self._replaced = 0  # in the mailboxes of threads that have ended

    @property
    def replaced(self) -> int:
        """Return how many pictures newer ones replaced before the thread took them."""
        return self._replaced + (self._pictures.dropped if self._pictures else 0)

    def put(self, picture: Frame | StampedImage) -> None:
        if self._pictures is None:
            self._pictures = Mailbox()
            threading.Thread(target=self._run, args=(self._pictures,), name=self._name,
                             daemon=True).start()
        self._pictures.put(picture)

    def serves(self, pictures: Pictures) -> bool:
        """Return whether the thread with that mailbox is the one that lives."""
        return self._pictures is pictures

    def end(self) -> None:
        if self._pictures is not None:
            self._replaced += self._pictures.dropped
            self._pictures.close()
            self._pictures = None
