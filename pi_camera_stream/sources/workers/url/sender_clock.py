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

"""When a picture was taken, by the clock of the bridge that sends it, carried to ours."""

from collections.abc import Callable
import threading
import time

from .http_line import HttpLine
from ....core.clock_exchange import read_answer
from ....core.clock_offset import Offset, OffsetEstimator
from ....core.errors import TemporaryError

_PERIOD_S = 1.0  # between two questions; less than a bridge keeps a connection that is not used
_AT_ONCE = 8  # at first, and when a clock was set, the next question follows an answer
ANSWER_S = 1.0  # then a question counts as lost
_CHECK_S = 0.25  # how long a picture waits for an answer when it looks as if a clock was set
_JUMP_NS = 100_000_000  # that the age of pictures makes from one to the next, which looks like it
_STALE_NS = 30_000_000_000  # without an answer; a clock may have been set since
_MOST_AGE_NS = 60_000_000_000  # a picture that is older is no live one
_SLACK_NS = 1_000_000  # that a picture may be younger than it can be, for rounding
SILENT = 'its clock has not answered yet'
_FOREIGN = 'its pictures are stamped by another clock than its own'

Tell = Callable[[float | None, str], None]
"""Hears by how many ms stamps can be wrong; or None, and why they are those of arrival."""


class SenderClock:
    """
    Asks in a thread of its own, as long as the pictures come; the reader calls the rest.

    It is asked over another connection than the pictures, so that no answer queues behind one.
    Behind one in the network it may: that takes longer, and the shortest round trip counts.
    """

    def __init__(self, line: HttpLine, tell: Tell) -> None:
        self._line, self._tell = line, tell
        self._changed = threading.Condition()  # guards all below
        self._estimator, self._machine = OffsetEstimator(), ''
        self._answered_ns = 0  # when the question was sent that was answered last
        self._tried = self._wanted = self._closed = False
        self._age_ns = 0  # of the last picture
        self._silent_ns = 0  # of the last picture that waited for an answer in vain
        self._foreign = False  # whether it had a stamp that cannot be of this clock
        threading.Thread(target=self._run, name='clock', daemon=True).start()

    def wait(self, timeout_s: float) -> None:
        """Wait for the first answer, or until it is known that there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._tried, timeout_s)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._line.close()

    def monotonic_ns(self, stamp_ns: int, arrival_ns: int) -> int:
        """
        Return when a picture with that stamp was taken, by our CLOCK_MONOTONIC.

        That is when it arrived, where nobody can know better.
        """
        with self._changed:
            age_ns = self._age(stamp_ns, arrival_ns)
            if age_ns is not None and abs(age_ns - self._age_ns) > _JUMP_NS:
                self._check(arrival_ns)
                age_ns = self._age(stamp_ns, arrival_ns)
            if age_ns is None:
                return arrival_ns
            self._age_ns = age_ns
            known = self._offset(arrival_ns)
            early_ns = _SLACK_NS + (known.uncertainty_ns if known else 0)
            self._foreign = not -early_ns <= age_ns <= min(_MOST_AGE_NS, arrival_ns)
            return arrival_ns if self._foreign else arrival_ns - max(0, age_ns)

    def _age(self, stamp_ns: int, arrival_ns: int) -> int | None:
        known = self._offset(arrival_ns)
        return None if known is None else round(arrival_ns + known.offset_ns) - stamp_ns

    def _offset(self, now_ns: int) -> Offset | None:
        if now_ns - self._answered_ns > _STALE_NS:
            return None
        return self._estimator.best(now_ns)

    def _check(self, arrival_ns: int) -> None:
        """Wait for an answer to a question behind the picture: a clock may have been set."""
        if self._answered_ns >= arrival_ns or arrival_ns - self._silent_ns < _PERIOD_S * 1e9:
            return
        self._wanted = True
        self._changed.notify_all()
        if not self._changed.wait_for(lambda: self._answered_ns >= arrival_ns, _CHECK_S):
            self._silent_ns = arrival_ns

    def _run(self) -> None:
        at_once = _AT_ONCE
        while not self._closed:
            self._wanted = False
            agrees = self._ask()
            with self._changed:
                self._tried = True
                self._changed.notify_all()
                self._say()
                at_once = _AT_ONCE if agrees is False and at_once <= 0 else at_once - 1
                if agrees is None or at_once <= 0:
                    self._changed.wait_for(lambda: self._closed or self._wanted, _PERIOD_S)
        self._line.close()

    def _ask(self) -> bool | None:
        """Ask once; return whether the answer agrees with those before, None without one."""
        try:
            reply = self._line.ask()
            machine, arrived_ns, answered_ns = read_answer(reply.text)
            with self._changed:
                if machine != self._machine:  # it was started anew, and its clock with it
                    self._estimator, self._machine = OffsetEstimator(), machine
                agrees = self._estimator.add(reply.sent_ns, arrived_ns, answered_ns,
                                             reply.received_ns)
                self._answered_ns = reply.sent_ns
                return agrees
        except (TemporaryError, ValueError):  # also a clock that was set in between
            return None

    def _say(self) -> None:
        known = self._offset(time.monotonic_ns())
        if known is None:
            self._tell(None, SILENT)
        elif self._foreign:
            self._tell(None, _FOREIGN)
        else:
            self._tell(known.uncertainty_ns / 1e6, '')
