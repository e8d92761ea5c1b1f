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

"""One rendition of a stream: its newest frame, for all who watch it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ...core.frame import Frame
from ...core.reception import Signal
from ...core.rendition_spec import RenditionSpec
from ...core.statistics import RateMeter


@dataclass(frozen=True, eq=False)
class Status:
    """Said in place of a frame while none is shown, or beside them while something is wrong."""

    signal: Signal
    picture: Frame | None  # says so; None where nobody needs it


class Moved:
    """Said to a viewer in place of a frame: it is on another rendition now."""


Update = Frame | Status | Moved

Take = Callable[[Frame], bool]
"""Takes a frame at once, without waiting for anything; False where it does not."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    future: asyncio.Future[Update]
    take: Take


class Rendition:
    """Hold the newest frame and wake those who wait for it. There is no queue. Event loop only."""

    def __init__(self, spec: RenditionSpec | None, visitor: str = '') -> None:
        self.spec = spec  # None for the topic's own bytes
        self.visitor = visitor  # who wanted it first
        self.newest: Frame | None = None
        self.users = 0  # viewers on it; it is encoded only while there are some
        self.made = RateMeter()
        self._waiting: list[_Waiting] = []

    def put(self, frame: Frame) -> None:
        self.newest = frame
        self.made.add(len(frame.data))
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if one.future.done():
                continue
            try:
                taken = one.take(frame)
            except Exception:  # of one connection: its own task finds out, and the others go on
                taken = False
            if taken:
                self._waiting.append(one)
            else:
                one.future.set_result(frame)

    def wake(self, update: Update) -> None:
        """Give it to those who wait at this moment, and to nobody later."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.future.done():
                one.future.set_result(update)

    async def newer_than(self, sequence: int, take: Take = lambda _: False) -> Update:
        """
        Return the newest frame as soon as it comes after `sequence`, or what `wake` says.

        A frame that comes is offered to `take` first, which spares the way through the event loop;
        as long as it takes them, this goes on waiting.
        """
        if self.newest is not None and self.newest.sequence > sequence:
            return self.newest
        # A future of one's own: who is cancelled while waiting, cancels the future, too.
        one = _Waiting(asyncio.get_running_loop().create_future(), take)
        self._waiting.append(one)
        try:
            return await one.future
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
            raise
