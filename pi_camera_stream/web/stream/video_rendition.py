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

"""One rendition of a stream as inter-coded video: its newest group, and who reads it."""

import asyncio
from collections.abc import Callable
import time

from .rendition import Moved, Status, Take
from .tiers import Relieve
from .video_rate_control import VideoRateControl
from ...core.frame import Frame
from ...core.group_buffer import GroupBuffer
from ...core.pacing import TokenBucket
from ...core.statistics import RateMeter
from ...core.video_spec import VideoSpec

_MOST_WAITING = 3  # frames for a reader who is behind, before a key frame takes their place
_MOST_BEHIND_S = 0.25  # then the rest of the group is left out
# Key frames on request: each is as large as two others.
_DRIVERS_A_SECOND, _SPECTATORS_A_SECOND = 2.0, 1.0

VideoUpdate = Frame | Status | Moved


class VideoRendition:
    """
    Hand each access unit to all who read. Event loop only.

    Who comes gets the newest group as long as that is short, and waits for the next key frame
    otherwise, which is asked for, but not more often than is good for the others.
    """

    def __init__(self, spec: VideoSpec, request_key: Callable[[], None],
                 on_rate: Callable[[], None]) -> None:
        """
        Make it.

        `request_key` lets the next frame be a key frame, where that can be; `on_rate` hears when
        `rate` wants another bit rate.
        """
        self.spec = spec
        self.newest: Frame | None = None
        self.newest_key: Frame | None = None
        self.users = 0  # viewers on it, or about to be; it is encoded only while there are some
        self.made = RateMeter()
        self.keys_asked = 0
        self.rate = VideoRateControl(on_rate)
        self._request_key = request_key
        self._readers: list[VideoReader] = []
        self._group: list[Frame] = []  # since the last key frame; none once there are too many
        # Who may have a key frame now, the driver first.
        self._limits = {True: TokenBucket(_DRIVERS_A_SECOND, 1),
                        False: TokenBucket(_SPECTATORS_A_SECOND, 1)}
        self._asking = {True: False, False: False}  # whether one is still due to them

    def put(self, frame: Frame) -> None:
        self.newest = frame
        self.made.add(len(frame.data))
        if frame.key:
            self.newest_key = frame
            self._group = [frame]
            self._asking = dict.fromkeys(self._asking, False)
        elif self._group:
            self._group = [*self._group, frame] if len(self._group) < _MOST_WAITING else []
        now_s = time.monotonic()
        for reader in self._readers.copy():
            reader.put(frame, now_s)
        self._ask(now_s)

    def wake(self, update: Status | Moved) -> None:
        """Give it to those who wait at this moment, and to nobody later."""
        for reader in self._readers.copy():
            reader.wake(update)

    def join(self, name: str) -> 'VideoReader':
        """Return a reader for the viewer of that name."""
        reader = VideoReader(self, name)
        self._readers.append(reader)
        now_s = time.monotonic()
        for frame in self._group:
            reader.put(frame, now_s)
        return reader

    def leave(self, reader: 'VideoReader') -> None:
        if reader in self._readers:
            self._readers.remove(reader)

    def want_key(self, driver: bool = False) -> None:
        """Let the next frame be a key frame, or one as soon as there may be one."""
        if not self._asking[driver]:
            self._asking[driver] = True
            self._ask(time.monotonic())

    def drives(self, name: str, preferred: str) -> bool | None:
        """Return whether that viewer is the one who is preferred; None where nobody here is."""
        if not preferred or all(reader.name != preferred for reader in self._readers):
            return None
        return name == preferred

    @property
    def readers(self) -> int:
        return len(self._readers)

    def restart(self, share: float) -> None:
        """Forget what was made before: the next frame begins another stream, at that rate."""
        self.rate.restart(share)
        self._group, self.newest, self.newest_key = [], None, None
        for reader in self._readers:
            reader.jump()

    def _ask(self, now_s: float) -> None:
        if any(asking and self._limits[driver].take(now_s)
               for driver, asking in self._asking.items()):
            self._asking = dict.fromkeys(self._asking, False)
            self.keys_asked += 1
            self._request_key()


class VideoReader:
    """One who reads: no frame is left out for them in the midst of a group. Event loop only."""

    def __init__(self, rendition: VideoRendition, name: str) -> None:
        self.rendition, self.name = rendition, name
        self._on_ready: Callable[[], None] | None = None
        self._buffer: GroupBuffer[Frame] = GroupBuffer(_MOST_WAITING, _MOST_BEHIND_S, True)
        self._waiting: asyncio.Future[Status | Moved | None] | None = None
        self._take: Take = lambda _: False
        self._left_out = 0  # when the last frame was read

    @property
    def until_key(self) -> bool:
        """Return whether nothing can be read before the next key frame."""
        return self._buffer.until_key

    @property
    def dropped(self) -> int:
        return self._buffer.dropped

    def put(self, frame: Frame, now_s: float) -> None:
        if self._is_waiting() and (frame.key or not self._buffer.until_key) \
                and self._takes(frame):
            self._buffer.until_key = False
        elif self._buffer.put(frame, lambda: frame.key, now_s):
            self.wake(None)
            self._tell_ready()

    def follow(self, transit_s: float, preferred: str, allowed_s: float) -> Relieve:
        """
        Take in how long a frame was on its way, and how long it may be.

        Return what is to be asked if frames come late: whether the rate falls.
        """
        rate, drives = self.rendition.rate, self.rendition.drives(self.name, preferred)
        if drives is not False:
            rate.note(transit_s, allowed_s)
        return lambda factor: rate.relieve(self.name, factor, self.rendition.readers, drives,
                                           time.monotonic())

    def when_ready(self, on_ready: Callable[[], None]) -> None:
        """Call `on_ready` once, as soon as there is a frame to begin with."""
        self._on_ready = on_ready
        if self._buffer:
            self._tell_ready()

    def jump(self) -> None:
        """Leave out all up to the next key frame."""
        self._buffer.jump()

    def wake(self, update: Status | Moved | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(update)

    async def next(self, take: Take, driver: Callable[[], bool]) -> VideoUpdate:
        """
        Return the next frame, or what `wake` says.

        One that comes when none waits is offered to `take` first. A key frame is asked for if
        nothing can be read without, for the driver if that is true.
        """
        self._take = take
        while not self._buffer:
            if self._buffer.until_key:
                self.rendition.want_key(driver())
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                update = await self._waiting
            finally:
                self._waiting = None
            if update is not None:
                return update
        self._left_out = self._buffer.dropped
        return self._buffer.take()

    def continues(self, frame: Frame) -> bool:
        """
        Return whether a frame that was read is still to be shown.

        It is not if its group has been left out since, but for a key frame while there is no
        newer one.
        """
        if self._buffer.until_key:
            return frame.key
        return self._buffer.dropped == self._left_out

    def _tell_ready(self) -> None:
        if self._on_ready is not None:
            on_ready, self._on_ready = self._on_ready, None
            on_ready()

    def _is_waiting(self) -> bool:
        return self._waiting is not None and not self._waiting.done() and not self._buffer

    def _takes(self, frame: Frame) -> bool:
        try:
            return self._take(frame)
        except Exception:  # of one connection: its own task finds out, and the others go on
            return False
