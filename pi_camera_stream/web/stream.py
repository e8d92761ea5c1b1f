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

"""One stream as the web application sees it: its newest frame, and who watches."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import threading
import time

from ..core.clock import NowNs
from ..core.frame import Frame
from ..core.statistics import RateMeter, Recent

_LINGER_S = 5.0  # how long the topic stays subscribed after the last viewer has gone


@dataclass(eq=False)
class Viewer:
    """One who watches: where from, how, and what he got."""

    address: str
    transport: str
    since_s: float = field(default_factory=time.monotonic)
    sent: int = 0
    skipped: int = 0
    last_sequence: int = 0

    def count(self, frame: Frame) -> None:
        """Note that `frame` was sent; those between it and the one before were skipped."""
        if self.last_sequence:
            self.skipped += frame.sequence - self.last_sequence - 1
        self.last_sequence = frame.sequence
        self.sent += 1


class Stream:
    """
    Hand the newest frame of one topic to any number of viewers.

    `offer` may be called by any thread: it is the one place where frames cross into the event
    loop. Everything else belongs to the event loop's thread. There is no queue: whoever is ready
    takes the newest frame, and all take the same bytes.

    Attributes
    ----------
    name
        Full name of the topic.
    viewers
        Those who watch at present.
    arrived
        Rate and bytes of the frames.

    """

    def __init__(self, name: str, now_ns: NowNs, on_demand: Callable[[bool], None]) -> None:
        """`on_demand` hears whether frames are wanted; `now_ns` reads the clock of the stamps."""
        self.name = name
        self.viewers: set[Viewer] = set()
        self.arrived = RateMeter()
        self._now_ns = now_ns
        self._on_demand = on_demand
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()  # guards _incoming
        self._incoming: Frame | None = None
        self._newest: Frame | None = None
        self._newest_s = time.monotonic()
        self._ages_ms = Recent()
        self._arrivals: set[asyncio.Future[None]] = set()  # of those who wait for a frame
        self._tasks: set[asyncio.Task[object] | None] = set()  # of those who want frames
        self._release: asyncio.TimerHandle | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop in which the viewers are served."""
        self._loop = loop

    def offer(self, frame: Frame) -> None:
        """Take in a new frame. Any thread."""
        with self._lock:
            loop_knows, self._incoming = self._incoming is not None, frame
        if not loop_knows and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._arrive)
            except RuntimeError:  # the loop has been closed: the server is stopping
                pass

    async def newer_than(self, sequence: int, timeout_s: float) -> Frame | None:
        """Return the newest frame once it comes after `sequence`; None when time is over."""
        deadline_s = time.monotonic() + timeout_s
        while self._newest is None or self._newest.sequence <= sequence:
            # A future of one's own, made before anything else can run: an asyncio.Event that is
            # set and cleared would miss whoever is only about to wait for it.
            arrival = asyncio.get_running_loop().create_future()
            self._arrivals.add(arrival)
            try:
                await asyncio.wait_for(arrival, deadline_s - time.monotonic())
            except asyncio.TimeoutError:
                return None
            finally:
                self._arrivals.discard(arrival)
        return self._newest

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Ask for frames as long as the context lasts, and a little longer; once a task."""
        if self._release is not None:
            self._release.cancel()
            self._release = None
        elif not self._tasks:
            self._newest, self._newest_s = None, time.monotonic()  # it may be hours old
            self._on_demand(True)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            if not self._tasks:
                loop = asyncio.get_running_loop()
                self._release = loop.call_later(_LINGER_S, self._nobody_watches)

    @contextmanager
    def watch(self, viewer: Viewer) -> Iterator[None]:
        """Count `viewer` among the viewers as long as the context lasts."""
        with self.wanted():
            self.viewers.add(viewer)
            try:
                yield
            finally:
                self.viewers.discard(viewer)

    def close(self) -> None:
        """Cancel the tasks of all who watch or wait: the server is stopping."""
        for task in self._tasks:
            if task is not None:
                task.cancel()

    @property
    def last_sequence(self) -> int:
        """Return the number of the newest frame, 0 before the first one."""
        return self._newest.sequence if self._newest else 0

    def silent_s(self) -> float:
        """Return the seconds since a frame last arrived, or since the start."""
        return time.monotonic() - self._newest_s

    def state(self) -> dict[str, object]:
        """Return what `/state` says of this stream; times in seconds or as named."""
        now_s, newest = time.monotonic(), self._newest
        age_ms = self._ages_ms.median()
        return {
            'topic': self.name,
            'frames_per_s': round(self.arrived.per_second(), 1),
            'bytes_per_s': round(self.arrived.bytes_per_second()),
            'width': newest.width if newest else None,
            'height': newest.height if newest else None,
            'age_ms': round(age_ms, 1) if age_ms == age_ms else None,
            'last_frame_s_ago': round(self.silent_s(), 1) if newest else None,
            'viewers': [
                {'address': viewer.address, 'transport': viewer.transport,
                 'connected_s': round(now_s - viewer.since_s, 1),
                 'frames_sent': viewer.sent, 'frames_skipped': viewer.skipped}
                for viewer in sorted(self.viewers, key=lambda viewer: viewer.since_s)],
        }

    def _arrive(self) -> None:
        with self._lock:
            frame, self._incoming = self._incoming, None
        if frame is None:
            return
        self._newest, self._newest_s = frame, time.monotonic()
        self.arrived.add(len(frame.jpeg))
        self._ages_ms.add(frame.age_s(self._now_ns()) * 1e3)
        for arrival in self._arrivals:
            if not arrival.done():
                arrival.set_result(None)

    def _nobody_watches(self) -> None:
        self._release = None
        self._ages_ms.clear()
        self._on_demand(False)
