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

"""Whether others send what we send, told by what comes back of our own words."""

from collections import deque
from dataclasses import dataclass
import math
import threading

SILENT_S = 2.0  # for so long, and nobody else sends any more
_REMEMBERED_S = 2.0  # our own words, for them to come back


@dataclass(frozen=True)
class Word:
    """What is said on a topic, as far as two may be told apart."""

    velocity: tuple[float, ...]  # all six of a Twist
    stamp_ns: int = 0  # where it has one


class Contest:
    """
    Tell others' words from our own, both of which are heard on the same topic.

    Not every middleware says of a message who sent it. But each word of ours comes back once, so
    what is heard once more often than it was said is somebody else's. Two of these in a row are
    needed, since one alone, like `ros2 topic pub --once`, drives nothing. Any thread may call it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: deque[tuple[float, Word]] = deque()
        self._others_s = self._before_s = -math.inf  # the last word of others, and the one before
        self._moved_s = -math.inf  # the last one that was no stop

    def said(self, now_s: float, word: Word) -> None:
        """Note what is about to be sent."""
        with self._lock:
            self._forget(now_s)
            self._said.append((now_s, word))

    def heard(self, now_s: float, word: Word) -> bool:
        """Note what comes; return whether it is somebody else's."""
        with self._lock:
            self._forget(now_s)
            for entry in self._said:
                if entry[1] == word:
                    self._said.remove(entry)
                    return False
            self._before_s, self._others_s = self._others_s, now_s
            if any(word.velocity):
                self._moved_s = now_s
            return True

    def others_send(self, now_s: float) -> bool:
        with self._lock:
            return self._others_s - self._before_s <= SILENT_S and \
                now_s - self._others_s <= SILENT_S

    def others_move(self, now_s: float) -> bool:
        """Return whether that is more than stops."""
        return self.others_send(now_s) and now_s - self._moved_s <= SILENT_S

    def _forget(self, now_s: float) -> None:
        while self._said and now_s - self._said[0][0] > _REMEMBERED_S:
            self._said.popleft()
