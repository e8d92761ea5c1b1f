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

"""What comes from one topic, and why none of it is shown, for everyone who waits for it."""

from dataclasses import dataclass
import threading

from .statistics import Heartbeat, RateMeter

SILENT_S = 2.0  # without a picture for so long, at the least, whoever waits is told
SHOWN, WAITING, SILENT, BROKEN = 'shown', 'waiting', 'silent', 'broken'
_TITLES = {WAITING: 'WAITING', SILENT: 'NO SIGNAL', BROKEN: 'NOT SHOWN'}


@dataclass(frozen=True)
class Signal:
    """
    Whether pictures come.

    Attributes
    ----------
    state
        SHOWN; WAITING for the first one; SILENT, when none comes any more; BROKEN, when some come
        and none of them can be shown.
    silent_s
        Seconds since the last one that came, or was shown.
    reason
        Why, in a sentence without its full stop, or what is wrong though pictures are shown; empty
        where nobody knows, or where all is well.

    """

    state: str
    silent_s: float
    reason: str

    @property
    def lost(self) -> bool:
        return self.state != SHOWN

    @property
    def title(self) -> str:
        return f'{_TITLES[self.state]} for {self.silent_s:.0f} s' if self.lost else ''

    def __str__(self) -> str:
        return f'{self.title}: {self.reason}' if self.reason else self.title


class Reception:
    """
    The one place that knows what comes from a topic. Any thread may call any method.

    Attributes
    ----------
    received
        Whole pictures, and their bytes.
    refused
        How many were left out, because they were no whole picture, too large or undecodable.
    reason
        Why the last of them was, as `it is …`; empty before the first one.
    missing
        Why nothing at all comes, as far as those know who look for publishers.
    note
        What is wrong, whether pictures come or not, such as a clock that stands still.

    """

    def __init__(self) -> None:
        self.received = RateMeter()
        self.refused, self.reason = 0, ''
        self.missing = self.note = ''
        self._arrived, self._shown = Heartbeat(), Heartbeat()
        self._lock = threading.Lock()  # guards refusals
        self._in_a_row = 0  # refused since one was shown

    def restart(self) -> None:
        """Wait anew from now on; what was counted stays."""
        with self._lock:
            self._in_a_row, self.missing = 0, ''
        self._arrived.restart()
        self._shown.restart()

    def accept(self, size: int) -> None:
        """Note that a whole picture of so many bytes has come."""
        self.received.add(size)
        self._arrived.beat()

    def show(self) -> None:
        """Note that a picture could be shown, as far as that is known here."""
        self._in_a_row = 0
        self._shown.beat()

    def refuse(self, reason: str) -> None:
        """Note that a picture was left out, because `reason`."""
        with self._lock:
            self.refused, self.reason = self.refused + 1, reason
            self._in_a_row += 1

    def silent_s(self) -> float:
        """Return the seconds since the last whole picture, or since it is waited for."""
        return self._arrived.silent_s()

    def is_silent(self, least_s: float) -> bool:
        """Return whether no whole picture has come for longer than that, and than usual."""
        return self._arrived.is_silent(least_s)

    def signal(self) -> Signal:
        with self._lock:
            in_a_row, left_out = self._in_a_row, self._left_out()
        if in_a_row and self._shown.is_silent(SILENT_S):
            return Signal(BROKEN, self._shown.silent_s(), left_out)
        if self.is_silent(SILENT_S):
            state = SILENT if self._arrived.begun else WAITING
            return Signal(state, self.silent_s(), left_out or self.missing or self.note)
        return Signal(SHOWN, self.silent_s(), self.note)

    def _left_out(self) -> str:
        if not self._in_a_row:
            return ''
        if self._in_a_row == 1:
            return f'a picture was dropped because {self.reason}'
        return f'{self._in_a_row} pictures were dropped, the last one because {self.reason}'
