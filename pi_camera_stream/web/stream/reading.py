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

"""
Whether a program that reads a stream of bytes keeps up with it.

What it has not read lies in its kernel, acknowledged, up to megabytes of it: frames that it gets
when they are old. The window that it advertises (RFC 9293, 3.8.6) is smaller by that. But it
advertises nothing on reading, as a rule, only with its next acknowledgement. So whoever has fallen
behind is sent a byte of what comes next anyway: if they wait for it, it is acknowledged at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
import math
import socket
import struct
import time
from typing import NamedTuple

from ...core.frame import Frame, H264

# Of struct tcp_info (linux/tcp.h, since 5.4): state, unacked, last_ack_recv, notsent_bytes,
# min_rtt, snd_wnd.
_TCP_INFO = struct.Struct('=B23xI28xI84xII76xI')
_TCP_CLOSE = 7  # linux/tcp_states.h
_UNKNOWN = 0xFFFFFFFF
_CLOCK_S = 0.01  # to which the kernel knows when something was acknowledged
_LAST_FRAMES = 4  # of whose size it depends how much may be unread; of video, all of these
_BEHIND = 1.5  # JPEGs unread: the one that has just come, and more than that of another
_LONG_S = 0.01  # a round trip from which on asking costs frames,
_BEHIND_FAR = 3.0  # so that one asks later
_MOST_OF_WINDOW = 0.75  # where no more frames fit into it
_READ_SHARE, _READ_BYTES = 0.25, 8192  # of a JPEG: less is nothing; single bytes take room, too
_PROMPT_S = 0.03  # whoever has not read a byte acknowledges it after 40 ms (Linux), or 200
_POLL_S = 0.004
# Between questions: a share of what has been waited. After 200 ms without any, Linux acknowledges
# at once for a while what is not read.
_PAUSE_SHARE, _PAUSE_S, _LONGEST_PAUSE_S = 0.1, 0.02, 0.1
_SOON_S, _SOON_FRAMES = 0.01, 3  # whoever is ready so soon, so often in a row, keeps up;
_SOON_VIDEO_FRAMES = 10  # of which players may hold some back
_CONTRADICTED_S = 0.3
_LIMIT_S, _LONG_LIMIT_S = 3.0, 10.0  # without a sign of reading
_KNOWN_PROMPT = 3  # answers, and it is known that those who want more say so
_KNOWN_SILENT = 2  # waits in vain, and it is known that those who want more do not say so


class _Look(NamedTuple):
    """What the kernel says."""

    waits: bool  # whether something of what was written is not acknowledged
    answered_s: float  # when something was acknowledged
    least_round_trip_s: float
    window: int


class Reading:
    """
    How far the reader at the other end of a connection is. Event loop only.

    Where the kernel does not tell the window (before Linux 5.4), everybody keeps up. The largest
    window is taken for that of a reader who has read all. If it shrinks for another reason, they
    seem to be behind until their answers contradict that, or two frames were sent nevertheless.
    """

    def __init__(self, connection: socket.socket | None, ask: Callable[[], bool]) -> None:
        """Make it; `ask` sends a byte that the reader needs next, or returns False."""
        self._connection, self._ask = connection, ask
        self._sizes: deque[int] = deque(maxlen=_LAST_FRAMES)
        self._allowed = self._next_to_nothing = 0  # bytes
        self._largest = 0  # window
        self._slow = False
        self._soon, self._soon_frames = 0, _SOON_FRAMES  # in a row
        self._prompt = self._silent = 0  # waits in a row
        self._given_up_at: int | None = None  # window
        self._look()

    def begin(self, frame: Frame) -> None:
        """Note that `frame` is about to be sent."""
        self._sizes.append(len(frame.data))
        largest, video = max(self._sizes), frame.codec == H264
        self._allowed = sum(self._sizes) if video else int(_BEHIND * largest)
        self._soon_frames = _SOON_VIDEO_FRAMES if video else _SOON_FRAMES
        self._next_to_nothing = max(_READ_BYTES, int(_READ_SHARE * largest))

    def unread_bytes(self) -> int:
        """Return about how much the reader has not read, by the last acknowledgement."""
        look = self._look()
        return self._unread(look) if look else 0

    def is_behind(self) -> bool:
        """Return whether to `wait` before the next frame is sent."""
        if self._slow or not self._sizes:
            return self._slow
        look = self._look()
        if look is not None:
            far = _BEHIND_FAR / _BEHIND if look.least_round_trip_s > _LONG_S else 1.0
            self._slow = self._unread(look) > min(self._allowed * far,
                                                  self._largest * _MOST_OF_WINDOW)
        return self._slow

    def explains(self, transit_s: float) -> bool:
        """Return whether a frame's acknowledgement may be late because it was not read."""
        return self._slow and transit_s > _PROMPT_S

    async def wait(self) -> None:
        """Wait until the reader has read all and wants more; for some time at the most."""
        begun_s, answers = time.monotonic(), _Answers()
        while (look := self._look()) is not None:
            now_s = time.monotonic()
            if not look.waits:
                answers.take(look, now_s, self._next_to_nothing)
                if answers.contradict(now_s):
                    self._largest = look.window
                if self._unread(look) <= self._next_to_nothing and (
                        answers.prompt or (answers.questions > 1
                                           and self._silent >= _KNOWN_SILENT)):
                    self._go_on(answers.prompt,
                                now_s - begun_s < _SOON_S + look.least_round_trip_s)
                    return
                if answers.may_ask(now_s, now_s - begun_s):
                    if not self._ask():
                        break
                    answers.ask(now_s)
            if now_s - answers.moved_s > self._limit_s(look):
                break
            await asyncio.sleep(_POLL_S)
        self._give_up(look)

    def _go_on(self, prompt: bool, soon: bool) -> None:
        """Note that the reader has read all, whether they said so themselves, and at once."""
        self._given_up_at = None
        if prompt:
            self._prompt, self._silent = self._prompt + 1, 0
        self._soon = self._soon + 1 if soon else 0
        if self._soon >= self._soon_frames:
            self._slow, self._soon = False, 0

    def _limit_s(self, look: _Look) -> float:
        """Return how long to wait: long if it is known what the reader's silence means."""
        unread_since = self._given_up_at is not None and look.window < self._given_up_at
        return _LONG_LIMIT_S if unread_since or self._prompt >= _KNOWN_PROMPT else _LIMIT_S

    def _give_up(self, look: _Look | None) -> None:
        """Send a frame without an answer; if the last such one was read, the rest was none."""
        self._soon = self._prompt = 0
        if look is not None:
            self._silent += self._unread(look) <= self._next_to_nothing
            if self._given_up_at is not None and look.window >= self._given_up_at:
                self._largest = look.window
            self._given_up_at = look.window

    def _unread(self, look: _Look) -> int:
        return self._largest - look.window

    def _look(self) -> _Look | None:
        """Return what the kernel says; None where it says nothing (see Link.state)."""
        if self._connection is None:
            return None
        try:
            info = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO,
                                               _TCP_INFO.size)
            (state, unacked, since_answer_ms, unsent, least_us,
             window) = _TCP_INFO.unpack(info)
        except (AttributeError, OSError, struct.error):  # not Linux 5.4, or closed
            return None
        if state == _TCP_CLOSE:
            return None
        self._largest = max(self._largest, window)
        return _Look(unacked + unsent > 0, time.monotonic() - since_answer_ms / 1e3,
                     least_us / 1e6 if least_us < _UNKNOWN else 0.0, window)


class _Answers:
    """What the reader has acknowledged while they are waited for."""

    def __init__(self) -> None:
        self.questions = 0
        self.prompt = False  # the last one
        self.moved_s = time.monotonic()  # when something was seen to be read
        self._asked_s = -math.inf
        self._window = 0
        self._contradicted_s = math.inf

    def take(self, look: _Look, now_s: float, least: int) -> None:
        """Take in an answer; who has read `least` bytes has moved."""
        self.prompt = -_CLOCK_S < look.answered_s - self._asked_s < (
            look.least_round_trip_s + _PROMPT_S)
        if look.window > self._window + least:
            self.moved_s = now_s
        if not self.prompt or look.window != self._window:
            self._contradicted_s = now_s
        self._window = look.window

    def contradict(self, now_s: float) -> bool:
        """Return whether they have wanted more for some time, so that nothing can be unread."""
        return now_s - self._contradicted_s > _CONTRADICTED_S

    def may_ask(self, now_s: float, waited_s: float) -> bool:
        return now_s - self._asked_s > min(max(_PAUSE_S, _PAUSE_SHARE * waited_s),
                                           _LONGEST_PAUSE_S)

    def ask(self, now_s: float) -> None:
        self._asked_s, self.questions = now_s, self.questions + 1
