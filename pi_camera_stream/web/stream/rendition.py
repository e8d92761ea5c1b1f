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

from ...core.frame import Frame
from ...core.rendition_spec import RenditionSpec
from ...core.statistics import RateMeter


class Rendition:
    """
    Hold the newest frame and wake those who wait for it. There is no queue. Event loop only.

    Attributes
    ----------
    spec
        How it is made from the topic's pictures; None for the topic's own bytes.
    newest
        The newest frame; None before the first one.
    users
        How many viewers are on it; it is encoded only while there are some.
    made
        Rate and bytes of its frames.

    """

    def __init__(self, spec: RenditionSpec | None) -> None:
        self.spec = spec
        self.newest: Frame | None = None
        self.users = 0
        self.made = RateMeter()
        self._waiting: list[asyncio.Future[Frame | None]] = []

    def put(self, frame: Frame) -> None:
        """Make `frame` the newest one."""
        self.newest = frame
        self.made.add(len(frame.jpeg))
        self.wake(frame)

    def wake(self, frame: Frame | None) -> None:
        """
        Give `frame` to those who wait at this moment, and to nobody later.

        None tells them to see whether this is still the rendition that they want.
        """
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(frame)

    async def newer_than(self, sequence: int) -> Frame | None:
        """
        Return the newest frame as soon as it comes after `sequence`.

        What was given by `wake` alone is returned, too, to whoever waits.
        """
        if self.newest is not None and self.newest.sequence > sequence:
            return self.newest
        # A future of one's own: who is cancelled while waiting, cancels the future, too.
        future: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future in self._waiting:
                self._waiting.remove(future)
            raise
