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

"""A vehicle's own class, called so that whatever it does, the safety chain goes on."""

from collections.abc import Callable
from functools import partial
import math
import threading
import time
from typing import Protocol

from .actuator import Actuator
from .limits import STANDING, Velocity

PATIENCE_S = 0.3  # in which a call has to return; as old as a command may be
_STEADY_S = 1.0  # without a failure, before it is trusted again
_RETRY_S = 0.05  # how often it is told to stop meanwhile, by the thread that calls it
_BESIDE_S = 0.5  # and how often by another one, while that thread hangs
_LONGEST = 200  # characters of what an exception says


class Motors(Protocol):
    """What a user's class has."""

    def drive(self, linear: float, angular: float) -> None:
        """Move forwards at so many m/s, and turn to the left at so many rad/s."""

    def stop(self) -> None:
        """Stand still."""


class GuardedActuator(Actuator):
    """
    Calls a vehicle's class in a thread of its own, always with the newest word.

    A call that raises, or does not return in time, is a fault: from then on nothing but `stop` is
    called, until all has gone well for a second. While a call hangs, `stop` is called beside it,
    from another thread, since a vehicle that does not stop is worse than two calls at once; and
    once more when it has returned, for what it may have done at its end.
    """

    def __init__(self, motors: Motors, patience_s: float = PATIENCE_S) -> None:
        self._motors, self._patience_s = motors, patience_s
        self._changed = threading.Condition()
        self._word: Velocity | None = STANDING  # what to tell next; None when nothing is new
        self._calling, self._since_s = '', math.inf  # the method that is being called, if any
        self._beside = False  # whether another thread stops it meanwhile
        self._fault, self._failed_s = '', -math.inf  # why, and when the last failure was
        self._stopped_since = True  # whether it could be stopped after that
        self._stop_fault = ''  # what is wrong with that, too
        self._closing, self._ends_s = False, math.inf
        self._thread = threading.Thread(target=self._work, name='vehicle', daemon=True)

    def start(self) -> None:
        """Begin to call it, with a stop."""
        self._thread.start()

    def drive(self, linear: float, angular: float) -> None:
        self._tell(Velocity(linear, angular))

    def stop(self) -> None:
        self._tell(STANDING)

    def fault(self) -> str:
        with self._changed:
            now_s = time.monotonic()
            if now_s - self._since_s > self._patience_s:
                self._fail(f'its {self._calling}() has not returned for {self._patience_s:g} s')
                self._stop_beside()
            elif self._fault and self._stopped_since and now_s - self._failed_s > _STEADY_S:
                self._fault = self._stop_fault = ''
            return '; '.join(dict.fromkeys(filter(None, (self._fault, self._stop_fault))))

    def close(self, used: bool) -> None:  # noqa: ARG002 - a stop too many does no harm
        """Stop it, whether or not it was driven: by the thread that calls it, or else beside."""
        with self._changed:
            self._closing, self._ends_s = True, time.monotonic() + self._patience_s
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(self._patience_s + _RETRY_S)
            if not self._thread.is_alive():
                return
        last = threading.Thread(target=self._call, args=('stop', self._motors.stop), name='stop',
                                daemon=True)
        last.start()
        last.join(self._patience_s)

    def _tell(self, word: Velocity) -> None:
        with self._changed:
            self._word = word
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._word is None and not self._closing:
                    if not self._changed.wait(_RETRY_S if self._fault else None):
                        break
                word = STANDING if self._fault or self._closing else self._word or STANDING
                self._word, last = None, self._closing
                self._calling = 'stop' if word == STANDING else 'drive'
                self._since_s = time.monotonic()
            if word == STANDING:
                self._call('stop', self._motors.stop)
            else:
                self._call('drive', partial(self._motors.drive, word.linear, word.angular))
            with self._changed:
                self._calling, self._since_s = '', math.inf
                self._changed.notify_all()
                if last:
                    if self._stopped_since or time.monotonic() > self._ends_s:
                        return
                    self._changed.wait(_RETRY_S)

    def _call(self, name: str, method: Callable[[], None]) -> None:
        try:
            method()
        except BaseException as error:  # also what would end its thread, such as sys.exit
            with self._changed:
                sentence = f'its {name}() raises {_brief(error)}'
                if name == 'stop':
                    self._stop_fault = sentence
                self._fail(self._fault if name == 'stop' and self._fault else sentence)
        else:
            if name == 'stop':
                with self._changed:
                    self._stopped_since, self._stop_fault = True, ''

    def _fail(self, sentence: str) -> None:
        self._fault, self._failed_s, self._stopped_since = sentence, time.monotonic(), False
        self._changed.notify_all()

    def _stop_beside(self) -> None:
        if not self._beside:
            self._beside = True
            threading.Thread(target=self._stop_until_it_returns, name='stop', daemon=True).start()

    def _stop_until_it_returns(self) -> None:
        hanging = True
        while hanging:
            self._call('stop', self._motors.stop)
            with self._changed:
                self._changed.wait_for(lambda: not self._calling or self._closing, _BESIDE_S)
                hanging = bool(self._calling) and not self._closing
        with self._changed:
            self._beside = False


def _brief(error: BaseException) -> str:
    try:
        return ' '.join(repr(error).split())[:_LONGEST]
    except Exception:  # somebody else's class may have any fault
        return type(error).__name__
