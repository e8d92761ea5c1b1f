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

"""Which pictures of a film have been written, and what was found in those that have not."""

from collections import deque

from .backlog import Note

_MOST_PICTURES = 1000  # half a minute at 30/s: a processor that is later than that finds nothing
_MOST_WAITING = 50  # of 100 kB each at the most


class FoundPictures:
    """
    Let what was found in a picture be written behind that picture, or not at all.

    Results come by another way than pictures, and may overtake them; and a picture that was looked
    at may have been left out of the film, or belong to another camera's. Whoever trains on it
    needs the picture of each result.
    """

    def __init__(self) -> None:
        self._written: dict[int, None] = {}  # stamps, in the order of writing
        self._waiting: deque[Note] = deque(maxlen=_MOST_WAITING)

    def write_picture(self, stamp_ns: int) -> list[Note]:
        """Note that a picture is there; return what has been found in it already."""
        self._written[stamp_ns] = None
        if len(self._written) > _MOST_PICTURES:
            del self._written[next(iter(self._written))]
        found = [note for note in self._waiting if note.stamp_ns == stamp_ns]
        for note in found:
            self._waiting.remove(note)
        return found

    def find(self, note: Note) -> bool:
        """Return whether its picture is there; otherwise keep it in case that one comes."""
        if note.stamp_ns in self._written:
            return True
        self._waiting.append(note)
        return False
