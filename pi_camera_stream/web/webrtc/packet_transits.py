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

"""How long frames are on their way, by what the receiver tells of their packets."""

from collections import deque
from collections.abc import Iterable
import math

from .transport_feedback import apart_s, Arrival

_MOST_SENT = 1024  # packets of which the time is known
# The shortest way of the last two is taken for one without a queue. They are short: who has gone
# to another access point has another way, and no queue stands for long, as the rate falls.
_WINDOW_S = 5.0
_STANDING = 4  # frames; what all of them have waited is a queue
_MOST_KNOWN = 8  # frames that nobody has asked for yet


class PacketTransits:
    """
    Tell from sent and received packets how long each frame took, beyond the path's own delay.

    That is the time from its first packet to its last one, which says how wide the way is, and the
    least that all of the last frames have waited, which is a queue. A receiver that has no
    processor for a moment reads packets late, all at once, or reports none: that is neither.

    Attributes
    ----------
    heard
        Whether the receiver has reported anything.

    """

    def __init__(self) -> None:
        self._number = self._frame = 0
        self._sent: list[tuple[int, int, float]] = [(-1, 0, 0.0)] * _MOST_SENT
        self.heard = False
        self._origin: float | None = None  # of the receiver's clock
        self._window_s = -math.inf
        self._least_s = self._before_s = math.inf  # of this window, and of the one before
        self._waited_s: deque[float] = deque(maxlen=_STANDING)
        self._known_s: deque[float] = deque(maxlen=_MOST_KNOWN)

    def next_frame(self) -> None:
        """Note that what is sent from now on is of another frame."""
        self._frame += 1

    def note_sent(self, now_s: float) -> int:
        """Return the number of a packet that is sent now."""
        self._number = (self._number + 1) & 0xFFFF
        self._sent[self._number % _MOST_SENT] = self._number, self._frame, now_s
        return self._number

    def note_arrivals(self, arrivals: Iterable[Arrival], now_s: float) -> None:
        """Take in a report; what it tells of packets that were not sent is left out."""
        frames: dict[int, list[tuple[float, float]]] = {}
        for number, at_s in arrivals:
            known, frame, sent_s = self._sent[number % _MOST_SENT]
            if known == number:
                if self._origin is None:
                    self._origin = at_s
                came_s = apart_s(at_s, self._origin)
                frames.setdefault(frame, []).append((sent_s, came_s))
        for packets in frames.values():
            self._note_frame(packets, now_s)
        self.heard = self.heard or bool(frames)

    def take_s(self) -> float | None:
        """Return how long one of the last frames took, each once; None where nothing is new."""
        return self._known_s.popleft() if self._known_s else None

    def _note_frame(self, packets: list[tuple[float, float]], now_s: float) -> None:
        """Take in when packets of a frame were sent, and when they came."""
        ways_s = [came_s - sent_s for sent_s, came_s in packets]
        shortest_s = min(ways_s)
        if now_s - self._window_s > _WINDOW_S:
            self._before_s, self._least_s, self._window_s = self._least_s, math.inf, now_s
        self._least_s = min(self._least_s, shortest_s)
        self._waited_s.append(shortest_s - min(self._least_s, self._before_s))
        self._known_s.append(max(ways_s) - shortest_s + min(self._waited_s))
