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

"""How the newest frame gets to one viewer, whatever the transport."""

from abc import ABC, abstractmethod
import asyncio
import math
import time

from .link import Link, LinkState
from .stream import Stream
from .viewer import Viewer
from ...core.frame import Frame

_LONGEST_SLEEP_S = 0.01  # between two looks at a connection that is not clear yet
_SHORTEST_SLEEP_S = 0.001
_QUICK_S = 0.005  # whose frames are there so soon, has a wide link
_UNLOOKED = 3


class Transport(ABC):
    """A way to send frames to one viewer. Event loop only."""

    name: str
    tells_age = False  # whether the viewer says how old its pictures are

    def __init__(self, link: Link) -> None:
        self.link = link
        self._begun_s = 0.0
        self._size = 0

    def transit_s(self) -> float | None:
        """
        Return how long the last frame was on its way, without the round trip that any byte needs.

        Infinite while more than next to nothing of it still is; None where nobody knows, and when
        it has been told already.
        """
        state = self.link.state()
        if state is None or not self._size:
            return None
        if self.link.excess_bytes(state, self._size) > 0:
            return math.inf
        size, self._size = self._size, 0
        if state.unacked_bytes:  # on a long path, there is always something
            if state.app_limited:
                return state.queue_s
            return size / state.bytes_per_s if state.bytes_per_s else None
        return self._took_s(state, time.monotonic() - state.since_answer_s)

    async def wait_drained(self) -> float | None:
        """Wait as long as `transit_s` is infinite, and return what it was then."""
        state = self.link.state()
        while state is not None and not self.link.closed:
            excess = self.link.excess_bytes(state, self._size)
            if excess <= 0:
                self._size = 0
                return self._took_s(state, time.monotonic())
            rest_s = excess / state.bytes_per_s if state.bytes_per_s else _LONGEST_SLEEP_S
            await asyncio.sleep(min(max(rest_s, _SHORTEST_SLEEP_S), _LONGEST_SLEEP_S))
            state = self.link.state()
        return None

    def begin(self, frame: Frame) -> None:
        """Note that `frame` is about to be sent."""
        self._begun_s, self._size = time.monotonic(), len(frame.jpeg)

    @abstractmethod
    async def write(self, frame: Frame, tier: int) -> None:
        """Write `frame`, of the tier with that index; return when the kernel has all of it."""

    @abstractmethod
    async def write_status(self, status: Frame, stream: Stream) -> None:
        """Tell the viewer that no frame comes; `status` is a picture that says so."""

    def _took_s(self, state: LinkState, arrived_s: float) -> float:
        return max(0.0, arrived_s - self._begun_s - state.least_round_trip_s)


async def deliver(stream: Stream, viewer: Viewer, transport: Transport) -> None:
    """Send the newest frame whenever the viewer's way is clear, until it is closed."""
    begun_age_ms, unlooked = 0.0, 0
    while viewer.rendition is not None and not transport.link.closed:
        rendition = viewer.rendition
        frame = await rendition.newer_than(viewer.last_sequence)
        if frame is None or rendition is not viewer.rendition:
            continue
        if not frame.sequence:
            await transport.write_status(frame, stream)
            continue
        if unlooked:
            unlooked -= 1
        else:
            transit_s = transport.transit_s()
            if transit_s == math.inf:
                transit_s = await transport.wait_drained()
            if rendition is not viewer.rendition:
                continue
            if transit_s is not None:
                if viewer.observe(transit_s, stream.interval_s, stream.preferred):
                    stream.move(viewer)
                    continue
                if not transport.tells_age:
                    viewer.age_ms.add(begun_age_ms + transit_s * 1e3)
                    # A look costs as much as all the rest: a wide link is looked at now and then.
                    unlooked = _UNLOOKED if transit_s < _QUICK_S and not viewer.tier_index() else 0
            frame = rendition.newest or frame
            begun_age_ms = stream.arrivals.age_ms(frame)
        if not viewer.admits(frame):
            viewer.last_sequence = frame.sequence
            continue
        transport.begin(frame)
        await transport.write(frame, viewer.tier_index())
        viewer.count(frame)
        stream.frames_sent += 1
        stream.bytes_sent += len(frame.jpeg)
