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
from .reading import Reading
from .rendition import Rendition, Status
from .stream import Stream
from .tiers import FULL, H264_INDEX
from .video_rendition import VideoReader, VideoRendition
from .viewer import Viewer
from ...core.frame import Frame

_LONGEST_SLEEP_S = 0.01  # between two looks at a connection that is not clear yet
_SHORTEST_SLEEP_S = 0.001
_STUCK_SLEEP_S = 0.1  # the same, where nothing moves
QUICK_S = 0.005  # whose frames are there so soon, has a wide link
UNLOOKED = 7  # frames that pass then; one that the kernel does not take whole is looked at anyway


class Transport(ABC):
    """A way to send frames to one viewer. Event loop only."""

    name: str
    tells_age = False  # whether the viewer says how old its pictures are
    reading: Reading | None = None  # where it is known

    def __init__(self, link: Link) -> None:
        self.link = link
        self._begun_s = 0.0
        self._size = 0

    def take_transit_s(self) -> float | None:
        """
        Return, once a frame, how long it was in transit, without the round trip of any byte.

        Infinite while more than next to nothing of it still is; None where nobody knows, and when
        it has been taken already.
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
        """Wait as long as `take_transit_s` is infinite, and return what it is then."""
        state, left, pause_s = self.link.state(), 0, 0.0
        while state is not None and not self.link.closed:
            excess = self.link.excess_bytes(state, self._size)
            if excess <= 0:
                self._size = 0
                return self._took_s(state, time.monotonic())
            rest_s = excess / state.bytes_per_s if state.bytes_per_s else _LONGEST_SLEEP_S
            rest_s = min(max(rest_s, _SHORTEST_SLEEP_S), _LONGEST_SLEEP_S)
            # Who takes nothing is looked at less and less often.
            pause_s = rest_s if state.unacked_bytes != left else min(2 * pause_s, _STUCK_SLEEP_S)
            left = state.unacked_bytes
            await asyncio.sleep(pause_s)
            state = self.link.state()
        return None

    def begin(self, frame: Frame) -> None:
        """Note that `frame` is about to be sent."""
        self._begun_s, self._size = time.monotonic(), len(frame.data)
        if self.reading is not None:
            self.reading.begin(frame)

    @abstractmethod
    async def write(self, frame: Frame, tier: int) -> None:
        """Write `frame`, of the tier with that index; return when the kernel has all of it."""

    def ready(self) -> bool:
        """Return whether `write_now` can be used: nothing that was written before waits."""
        return False

    def write_now(self, frame: Frame, tier: int) -> None:
        """Write `frame`, without waiting until the kernel has all of it."""
        raise NotImplementedError

    @abstractmethod
    async def write_status(self, status: Status) -> None:
        """Tell the viewer why no frame comes, or what is wrong though they do."""

    def _took_s(self, state: LinkState, arrived_s: float) -> float:
        return max(0.0, arrived_s - self._begun_s - state.least_round_trip_s)


async def deliver(stream: Stream, viewer: Viewer, transport: Transport) -> None:
    """Send the newest frame whenever the viewer's way is clear, until it is closed."""
    gate = _Gate(stream, viewer, transport)

    def take(frame: Frame) -> bool:
        if not (gate.is_open and transport.ready()):
            return False
        if viewer.admits():
            transport.begin(frame)
            transport.write_now(frame, viewer.tier_index())
            gate.close(looking=not transport.ready())
            _count(stream, viewer, frame)
        else:
            viewer.last_sequence = frame.sequence
        return True

    while viewer.rendition is not None and not transport.link.closed:
        rendition = viewer.rendition
        if isinstance(rendition, VideoRendition):
            if viewer.reader is not None:
                await _deliver_video(stream, viewer, viewer.reader, transport, gate)
            continue
        update = await rendition.newer_than(viewer.last_sequence, take)
        if rendition is not viewer.rendition:
            continue
        if isinstance(update, Status):
            await transport.write_status(update)
        elif isinstance(update, Frame):
            frame = await gate.pass_newest(rendition, update)
            if frame is not None and viewer.admits():
                transport.begin(frame)
                await transport.write(frame, viewer.tier_index())
                _count(stream, viewer, frame)
            elif frame is not None:
                viewer.last_sequence = frame.sequence


async def _deliver_video(stream: Stream, viewer: Viewer, reader: VideoReader,
                         transport: Transport, gate: '_Gate') -> None:
    """Send each frame in its order when the viewer's way is clear, as long as that reads them."""
    tier = viewer.tier_index()  # wherever it is about to go

    def take(frame: Frame) -> bool:
        if not (transport.ready() and gate.opens(reader, frame)):
            return False
        transport.begin(frame)
        transport.write_now(frame, tier)
        _count(stream, viewer, frame)
        return True

    while viewer.reader is reader and not transport.link.closed:
        update = await reader.next(take, lambda: viewer.name == stream.preferred)
        if viewer.reader is not reader:
            return
        if isinstance(update, Status):
            await transport.write_status(update)
        elif isinstance(update, Frame) and await gate.waits(reader, update) \
                and reader.continues(update):
            transport.begin(update)
            await transport.write(update, tier)
            _count(stream, viewer, update)


def _count(stream: Stream, viewer: Viewer, frame: Frame) -> None:
    viewer.count(frame)
    stream.frames_sent += 1
    stream.bytes_sent += len(frame.data)


class _Gate:
    """Let a frame pass when the viewer's way is clear, and learn how wide it is."""

    def __init__(self, stream: Stream, viewer: Viewer, transport: Transport) -> None:
        self._stream, self._viewer, self._transport = stream, viewer, transport
        self._begun_age_ms = 0.0  # of the last frame, when it was begun
        self._unlooked = 0

    @property
    def is_open(self) -> bool:
        """Return whether the next frame may pass without a look at the viewer's way."""
        return self._unlooked > 0 and not self._is_behind()

    def close(self, looking: bool = False) -> None:
        """Note that one has passed so; the next is looked at when it is time, or `looking`."""
        self._unlooked = 0 if looking else self._unlooked - 1

    async def pass_newest(self, rendition: Rendition, frame: Frame) -> Frame | None:
        """Return `frame`, or a newer one that came meanwhile; None when the viewer has moved."""
        if self.is_open:
            self.close()
            return frame
        transit_s = await self._wait_clear()
        if rendition is not self._viewer.rendition or (
                transit_s is not None and self._moves(transit_s)):
            return None
        frame = rendition.newest or frame
        self._begun_age_ms = self._stream.arrivals.age_ms(frame)
        return frame

    def opens(self, reader: VideoReader, frame: Frame) -> bool:
        """Look at the viewer's way; False where it is not clear, or the viewer has moved."""
        if self._is_behind():
            return False
        if self._unlooked and self._transport.link.is_clear():
            self._unlooked -= 1
            return self._stays(reader, frame, None)
        transit_s = self._transport.take_transit_s()
        return transit_s != math.inf and self._stays(reader, frame, transit_s)

    async def waits(self, reader: VideoReader, frame: Frame) -> bool:
        """Wait until the viewer's way is clear; False when the viewer has moved meanwhile."""
        return self._stays(reader, frame, await self._wait_clear())

    def _is_behind(self) -> bool:
        """Return whether the viewer has not read what has arrived."""
        reading = self._transport.reading
        return reading is not None and reading.is_behind()

    async def _wait_clear(self) -> float | None:
        """Wait for the viewer and the way there; return how long a frame was in transit."""
        transit_s, reading = self._transport.take_transit_s(), self._transport.reading
        if transit_s == math.inf:
            transit_s = await self._transport.wait_drained()
        if reading is not None:
            if transit_s is not None and reading.explains(transit_s):
                transit_s = None
            if reading.is_behind():
                await reading.wait()
        return transit_s

    def _stays(self, reader: VideoReader, frame: Frame, transit_s: float | None) -> bool:
        """Take in what was measured; a viewer who is about to move still gets all frames."""
        if transit_s is not None and self._viewer.reader is reader:
            self._moves(transit_s)
        if not self._transport.tells_age:
            self._begun_age_ms = self._stream.arrivals.age_ms(frame)
        return self._viewer.reader is reader

    def _moves(self, transit_s: float) -> bool:
        """Take in what was measured; return whether the viewer moves because of it."""
        stream, viewer = self._stream, self._viewer
        if viewer.observe(transit_s, stream.interval_s, stream.preferred):
            stream.move(viewer)
            return True
        if not self._transport.tells_age:
            viewer.age_ms.add(self._begun_age_ms + transit_s * 1e3)
            # A look costs as much as all the rest: a wide link is looked at now and then.
            wide = transit_s < QUICK_S and viewer.tier_index() in (FULL, H264_INDEX)
            self._unlooked = UNLOOKED if wide else 0
        return False
