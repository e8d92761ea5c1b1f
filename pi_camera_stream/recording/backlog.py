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

"""What has come of a topic and is not on the disk: the last seconds, and what is to be written."""

from collections import deque
from dataclasses import dataclass

from ..core.frame import Frame

MOST_BYTES = 32_000_000  # that wait for the disk, and as many of the seconds before
DRIVEN, FOUND = 'driven', 'found'  # kinds of notes
_OVERHEAD_BYTES = 200  # of each, beside its data
_LONG_GROUP_S = 2.0  # at least; a key frame costs as much as two others


@dataclass(frozen=True, eq=False)
class Sound:
    """A packet of Opus, and when the first sample was taken that a decoder makes of it."""

    data: bytes
    stamp_ns: int


@dataclass(frozen=True, eq=False)
class Note:
    """
    Something that happened beside the pictures: a kind, and what is to be told as JSON.

    The stamp of what was found is that of its picture.
    """

    kind: str
    data: str
    stamp_ns: int


@dataclass(frozen=True, eq=False)
class Arrival:
    """One of these, and when it came, in s of the monotonic clock."""

    content: Frame | Sound | Note
    at_s: float

    @property
    def key(self) -> bool:
        """Return whether a file can begin with it."""
        return isinstance(self.content, Frame) and self.content.key

    @property
    def size(self) -> int:
        return len(self.content.data) + _OVERHEAD_BYTES


class Backlog:
    """
    Keep the last seconds, and, from `begin` on, all in order until it is taken, within bounds.

    No frame is left out in the midst of a group (a key frame and those that build on it): where
    there is no room, that is all up to the next key frame, and what waits keeps its place, since a
    file with one gap is worth more than one with many. One thread at a time.

    Attributes
    ----------
    open
        Whether what comes is to be written.
    left_out
        How many frames there was no room for, while it was open.

    """

    def __init__(self, before_s: float, most_bytes: int = MOST_BYTES) -> None:
        """Make it; `before_s` is for how long what came before `begin` is kept, with its group."""
        self._before_s, self._most_bytes = before_s, most_bytes
        self._kept: deque[Arrival] = deque()
        self._kept_bytes = 0
        self._keys: deque[float] = deque()  # when the key frames among them came
        self._waiting: deque[Arrival | None] = deque()  # None where a stretch ends
        self._waiting_bytes = 0
        self.open = False
        self.left_out = 0
        self._until_key = True
        self._long_group = False
        self._overrun = False  # whether a frame has been left out since the last key frame

    def __len__(self) -> int:
        """Return how much is to be taken."""
        return len(self._waiting)

    @property
    def wants_key(self) -> bool:
        """Return whether all is left out until a key frame comes, or too much kept until then."""
        return self._until_key or self._long_group

    @property
    def held_bytes(self) -> int:
        return self._kept_bytes + self._waiting_bytes

    def put(self, arrival: Arrival) -> None:
        """Take in what has come."""
        if self.open:
            self._append(arrival)
        else:
            self._keep(arrival)

    def take(self) -> Arrival | None:
        """Return the next to be written; None is where a stretch ends. IndexError for nothing."""
        arrival = self._waiting.popleft()
        if arrival is not None:
            self._waiting_bytes -= arrival.size
        return arrival

    def begin(self) -> None:
        """Let all be written from now on, the last seconds first."""
        if self.open:
            return
        self.open, kept = True, self._kept
        self._until_key = True
        self._forget()
        for arrival in kept:
            self._append(arrival)

    def end(self) -> None:
        """Let nothing more be written, once what waits has been."""
        if self.open:
            self.open, self._until_key = False, True
            self._waiting.append(None)

    def pause(self) -> None:
        """Keep what comes as before `begin`: nothing can be written now, and what waits is old."""
        self.left_out += sum(arrival is not None and isinstance(arrival.content, Frame)
                             for arrival in self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self.open, self._until_key = False, True

    def clear(self) -> None:
        """Forget the last seconds: nobody listens any more."""
        self._forget()
        if not self.open:
            self._until_key = True

    def _append(self, arrival: Arrival) -> None:
        frame = isinstance(arrival.content, Frame)
        room = self._waiting_bytes + arrival.size <= self._most_bytes
        if room and (arrival.key or not self._until_key):
            self._waiting.append(arrival)
            self._waiting_bytes += arrival.size
            self._until_key = self._overrun = False
        elif frame:
            self._overrun = self._overrun or not room
            self.left_out += self._overrun
            self._until_key = True

    def _keep(self, arrival: Arrival) -> None:
        if self._before_s <= 0 or (self._until_key and not arrival.key):
            return
        self._kept.append(arrival)
        self._kept_bytes += arrival.size
        self._until_key = False
        if arrival.key:
            self._keys.append(arrival.at_s)
        self._long_group = arrival.at_s - self._keys[-1] > max(self._before_s, _LONG_GROUP_S)
        # A group goes as soon as the next one is long enough without it.
        while len(self._keys) > 1 and (self._keys[1] <= arrival.at_s - self._before_s
                                       or self._kept_bytes > self._most_bytes):
            self._drop_group()
        if self._kept_bytes > self._most_bytes:  # of a group that has no end
            self._forget()
            self._until_key = True

    def _drop_group(self) -> None:
        self._keys.popleft()
        self._kept_bytes -= self._kept.popleft().size
        while not self._kept[0].key:
            self._kept_bytes -= self._kept.popleft().size

    def _forget(self) -> None:
        self._kept, self._kept_bytes = deque(), 0
        self._keys.clear()
        self._long_group = False
