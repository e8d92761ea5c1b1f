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

"""How many may watch at the same time."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from .access_rules import AccessRules

_RETRY_S = '10'


class Place:
    """One viewer's, held as long as one of those who share it is there."""

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self.holders = 0

    @contextmanager
    def hold(self) -> Iterator['Place']:
        self.holders += 1
        try:
            yield self
        finally:
            self.holders -= 1
            if not self.holders:
                self._free()


class Admission:
    """Count those who watch, all in all and by address. All methods run in the event loop."""

    def __init__(self, rules: AccessRules) -> None:
        self._rules = rules
        self._viewers: Counter[str] = Counter()

    @property
    def viewers(self) -> int:
        return self._viewers.total()

    @contextmanager
    def admit(self, address: str, leads: bool = False) -> Iterator[Place]:
        """
        Count one viewer as long as the context lasts, and whoever else holds the place.

        Who `leads`, by the driver token, is let in however many there are. Raises
        HTTPServiceUnavailable when as many watch as may, HTTPTooManyRequests when as many
        do from this address, or its network.
        """
        most, share = self._rules.max_viewers, self._rules.share
        visitor = self._rules.counted(address)
        if self.viewers >= most and not leads:
            raise web.HTTPServiceUnavailable(
                headers={'Retry-After': _RETRY_S},
                text=f'viewer limit reached (max_viewers = {most}): try again when a viewer has '
                     'left\n')
        if visitor and self._viewers[visitor] >= share and not leads:
            raise web.HTTPTooManyRequests(
                headers={'Retry-After': _RETRY_S},
                text=f'viewer limit of your address reached ({share}, {self._why()}): close one '
                     'of them. All viewers behind one router or proxy share its address\n')
        self._viewers[visitor] += 1
        with Place(lambda: self._free(visitor)).hold() as place:
            yield place

    def _free(self, visitor: str) -> None:
        self._viewers[visitor] -= 1
        self._viewers += Counter()  # forgets whoever has come to zero

    def _why(self) -> str:
        if self._rules.max_viewers_per_address:
            return "the parameter 'max_viewers_per_address'"
        return ("half of 'max_viewers', unless 'max_viewers_per_address' is set")
