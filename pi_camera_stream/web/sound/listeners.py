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

"""All who listen to a microphone by HTTP, and where its sound crosses into the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import threading

from ..stream.link import Link
from ...core.sound import PACKET_NS, SoundBuffer, SoundPacket, SoundSource

_MOST_ARRIVING = 10  # packets while the loop is busy; older ones are late
_MOST_WAITING = 6  # for one listener, whose way is not clear
# That may be under way beside those that the path has in flight anyway: what waits in the kernel
# behind a link that stands still would be late.
_IN_FLIGHT = 8


class Listener:
    """One who listens. Event loop only."""

    def __init__(self) -> None:
        self._buffer = SoundBuffer(_MOST_WAITING)
        self._came = asyncio.Event()
        self.left_out = 0  # since the listener's way was not clear
        self.end: Callable[[], None] = lambda: None  # called when the server stops

    @property
    def dropped(self) -> int:
        return self._buffer.dropped + self.left_out

    def put(self, packet: SoundPacket) -> None:
        self._buffer.put(packet)
        self._came.set()

    async def take(self, timeout_s: float) -> SoundPacket | None:
        """Wait for the next packet; None when `timeout_s` passed."""
        if not self._buffer:
            self._came.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._came.wait(), timeout_s)
        return self._buffer.take()


class Listeners:
    """
    Hand the packets of a source to all who listen; event loop only, but for `_put`.

    The source has one listener as long as there are any.

    Attributes
    ----------
    dropped
        Packets that came late into the event loop, and those that listeners have missed who have
        gone.

    """

    def __init__(self, source: SoundSource) -> None:
        self.source = source
        self.dropped = 0
        self._listeners: list[Listener] = []
        self._leave: Callable[[], None] = lambda: None
        self._lock = threading.Lock()  # guards what follows
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arriving: deque[SoundPacket] = deque()

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def all_dropped(self) -> int:
        return self.dropped + sum(listener.dropped for listener in self._listeners)

    def attach(self) -> None:
        """Begin, in the loop that serves."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._arriving.clear()

    def end(self) -> None:
        """Let all go: the server is stopping."""
        for listener in self._listeners:
            listener.end()

    @contextmanager
    def join(self) -> Iterator[Listener]:
        """Listen as long as the context lasts."""
        listener = Listener()
        self._listeners.append(listener)
        if len(self._listeners) == 1:
            self._leave = self.source.feed.listen(self._put)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
            self.dropped += listener.dropped
            if not self._listeners:
                self._leave()

    def _put(self, packet: SoundPacket) -> None:
        """Hand a packet to the loop; the source's thread calls it."""
        with self._lock:
            if self._loop is None:
                return
            self._arriving.append(packet)
            if len(self._arriving) > _MOST_ARRIVING:
                self._arriving.popleft()
                self.dropped += 1
            if len(self._arriving) == 1:
                with suppress(RuntimeError):  # the loop has been closed: the server is stopping
                    self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            packets = list(self._arriving)
            self._arriving.clear()
        for packet in packets:
            for listener in self._listeners:
                listener.put(packet)


def is_clear(link: Link) -> bool:
    """Return whether a packet would be there in time, as far as the kernel knows."""
    state = link.state()
    if state is None or not state.segment_bytes:
        return True
    in_flight = state.unacked_bytes / state.segment_bytes  # a packet has a segment of its own
    return in_flight <= _IN_FLIGHT + 1.5 * state.least_round_trip_s / (PACKET_NS / 1e9)
