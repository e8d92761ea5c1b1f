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

"""Who presses the emergency stop again and again, and whose press counts no more."""

from collections import deque, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
import math
import time

AGAIN = 3  # presses so soon after each other are told
_WITHIN_S = 60.0
MUTED_S = 600.0
_MOST = 64  # people that are remembered


@dataclass(frozen=True)
class Person:
    """
    Who is before a page.

    By the session; who has none, or has begun it a moment ago, is known by the address only. Or
    else a new login would make another person of anybody.
    """

    address: str
    session: str = ''  # empty for none
    begun_s: float = math.inf  # since the epoch


class Pressers:
    """Counts presses, and remembers whom the driver has muted. One thread calls it."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        """`now_s` returns the time since the epoch."""
        self._now_s = now_s
        self._presses: OrderedDict[str, deque[float]] = OrderedDict()
        self._last: dict[str, tuple[str, Person]] = {}  # the name of the page, and who it was
        self._muted_s: OrderedDict[str, float] = OrderedDict()  # since when

    def press(self, person: Person, name: str) -> None:
        """Note that somebody, whose page has that name, has stopped the vehicle."""
        key = self._key(person)
        self._presses.setdefault(key, deque(maxlen=20)).append(self._now_s())
        self._presses.move_to_end(key)
        self._last[key] = name, person
        if len(self._presses) > _MOST:
            oldest, _ = self._presses.popitem(last=False)
            del self._last[oldest]

    def again(self) -> dict[str, int]:
        """Return who has pressed often of late, by the name of the page, and how often."""
        since_s = self._now_s() - _WITHIN_S
        counts = {self._last[key][0]: sum(time_s > since_s for time_s in times_s)
                  for key, times_s in self._presses.items()}
        return {name: count for name, count in counts.items() if count >= AGAIN}

    def mute(self, name: str) -> bool:
        """
        Let somebody's presses count no more for a while, nor of who comes in their place.

        Return whether somebody by that name has pressed; they may have gone.
        """
        key, person = next(((key, person) for key, (known, person) in self._last.items()
                            if known == name), ('', None))
        if person is None:
            return False
        del self._presses[key], self._last[key]
        for who in filter(None, (person.session, person.address)):
            self._muted_s[who] = self._now_s()
            self._muted_s.move_to_end(who)
        while len(self._muted_s) > 2 * _MOST:
            self._muted_s.popitem(last=False)
        return True

    def muted(self, person: Person) -> bool:
        if self._muted_lately(person.session) is not None:
            return True
        since_s = self._muted_lately(person.address)
        return since_s is not None and person.begun_s > since_s - _WITHIN_S

    def _muted_lately(self, key: str) -> float | None:
        since_s = self._muted_s.get(key)
        return since_s if since_s is not None and self._now_s() < since_s + MUTED_S else None

    def _key(self, person: Person) -> str:
        settled = person.begun_s <= self._now_s() - _WITHIN_S
        return person.session if person.session and settled else person.address
