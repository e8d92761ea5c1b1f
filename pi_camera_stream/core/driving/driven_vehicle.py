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

"""The vehicle that is driven from a page: its thread asks the safety chain, and tells motors."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
import threading
import time
from typing import Any

from .actuator import Actuator
from .limits import Limits, STANDING
from .safety_chain import Command, Output, Reason, SafetyChain
from ..pacing import next_due, Occasionally

_PERIOD_S = 0.05
_REPEAT_S = 10.0  # how often the same trouble is logged
_AUTOMATIC = (Reason.COMMAND_LATE, Reason.SILENT, Reason.VIDEO_LATE)


@dataclass(frozen=True)
class Button:
    name: str
    press: Callable[[bool], None]  # called with True when it is pressed, False when it is released


class DrivenVehicle:
    """
    Tell an actuator what the safety chain lets through, 20 times a second, while somebody drives.

    A thread of its own does it, so that nothing else of the process can delay a stop; when the
    driver begins and ends, when motion must end, and when its limits change, that is told at once.
    Any thread may call the methods.
    """

    def __init__(self, chain: SafetyChain, actuator: Actuator, log: Callable[[str], None],
                 buttons: Sequence[Button] = (),
                 battery: Callable[[], Mapping[str, Any] | None] = lambda: None,
                 now_s: float | None = None) -> None:
        """
        Make it; nothing runs yet.

        `battery` returns its share and V, or None where it is not known; `now_s` is the robot's
        clock, where that is not the system's, in s since the epoch.
        """
        # Hears of each velocity that was sent, in m/s and rad/s; the thread that drives calls it,
        # and it must return at once.
        self.on_sent: Callable[[float, float], None] = lambda *_: None
        self._chain, self._actuator, self._log = chain, actuator, log
        self._buttons, self._battery = buttons, battery
        self._changed = threading.Condition()
        self._stopping = self._at_once = False
        self._wanted = False  # whether the driver wants it to move
        self._held: set[Button] = set()
        self._output: Output | None = None
        self._reason = Reason.NO_DRIVER  # of the last one
        self._stops: Counter[Reason] = Counter()
        self._fault = self._refusal = ''
        self._logged, self._refusals = Occasionally(_REPEAT_S), Occasionally(_REPEAT_S)
        self._ahead_s = (time.time() if now_s is None else now_s) - time.monotonic()
        self._thread = threading.Thread(target=self._run, name='drive', daemon=True)

    def start(self) -> None:
        self._actuator.start()
        self._thread.start()

    def stop(self) -> None:
        """End with a stop of the vehicle, while its actuator is still there."""
        with self._changed:
            first, self._stopping = not self._stopping, True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        elif first:
            self._say_last_word()
        with self._changed:
            self._release_buttons()

    def now_s(self) -> float:
        """Return s since the epoch by a clock that nobody sets after the start."""
        return time.monotonic() + self._ahead_s

    def set_limits(self, limits: Limits, max_video_age_s: float) -> None:
        with self._changed:
            self._chain.set_limits(limits, max_video_age_s)
            self._hurry()

    def change_driver(self) -> None:
        with self._changed:
            self._chain.change_driver()
            self._wanted = False
            if self._output is None:
                self._reason = Reason.NO_DRIVER
            self._release_buttons()
            self._hurry()

    def refusal(self) -> str:
        """Return why nobody may have the wheel now; empty when somebody may."""
        with self._changed:
            return self._refusal

    def on_command(self, command: Command) -> bool:
        with self._changed:
            if self._refusal:
                return False
            accepted = self._chain.on_command(time.monotonic(), self._on_our_clock(command))
            wanted = bool(command.throttle or command.steering)
            if accepted and wanted != self._wanted:
                self._wanted = wanted
                self._hurry()
            return accepted

    def latch(self, latched: bool) -> None:
        with self._changed:
            self._chain.latch(latched)
            self._hurry()

    def press(self, button: str, pressed: bool) -> None:
        """Press or release a button; all are released when nothing is heard of the driver."""
        with self._changed:
            if self._stopping:
                return
            for known in self._buttons:
                if known.name == button and (pressed or known in self._held):
                    (self._held.add if pressed else self._held.discard)(known)
                    known.press(pressed)

    def state(self) -> dict[str, Any]:
        with self._changed:
            output, limits = self._output, self._chain.limits
            velocity = output.velocity if output else STANDING
            return {
                'latched': self._chain.latched, 'reason': self._reason.value,
                'fault': self._fault, 'refusal': self._refusal, **self._actuator.state(),
                'limit': round(output.limit, 3) if output else 0.0,
                'linear': round(velocity.linear, 3), 'angular': round(velocity.angular, 3),
                'max_linear': limits.max_linear, 'reverse': limits.reverse,
                'car': limits.wheelbase > 0,
                'dropped': self._chain.dropped,
                'stops': {reason.value: count for reason, count in self._stops.items()},
                'buttons': [button.name for button in self._buttons],
                'battery': self._battery()}

    def _on_our_clock(self, command: Command) -> Command:
        return replace(command, given_s=command.given_s - self._ahead_s,
                       seen_s=command.seen_s - self._ahead_s)

    def _release_buttons(self) -> None:
        while self._held:
            self._held.pop().press(False)

    def _hurry(self) -> None:
        self._at_once = True
        self._changed.notify()

    def _run(self) -> None:
        due_s = time.monotonic()
        with self._changed:
            while not self._stopping:
                now_s = time.monotonic()
                wake_s = min(due_s, self._chain.ends_s())
                if not self._at_once and now_s < wake_s:
                    self._changed.wait(wake_s - now_s)
                    continue
                due_s = next_due(due_s, now_s, _PERIOD_S) if now_s >= due_s else now_s + _PERIOD_S
                self._at_once = False
                try:
                    self._note_fault(self._actuator.fault())
                    self._note_refusal(self._actuator.refusal())
                    self._carry_out(self._chain.output(now_s))
                except Exception as error:  # the next attempt is to be, whatever went wrong
                    if self._logged.due():
                        self._log(f'cannot send commands to the vehicle: {error!r}')
                    self._changed.wait(_PERIOD_S)
            self._say_last_word()

    def _say_last_word(self) -> None:
        try:
            self._actuator.close(self._output is not None)
            if fault := self._actuator.fault():
                self._log(f'the vehicle may still be moving at the end: {fault}')
        except Exception as error:
            self._log(f'cannot stop the vehicle at the end: {error!r}')
        self._release_buttons()

    def _note_fault(self, fault: str) -> None:
        if bool(fault) != bool(self._fault):
            self._chain.fail(bool(fault))
            self._log(f'the vehicle has failed and is being stopped: {fault}' if fault else
                      'the vehicle responds again: the driver can press again')
        elif fault != self._fault and self._logged.due():
            self._log(f'the vehicle still cannot be driven: {fault}')
        self._fault = fault

    def _note_refusal(self, refusal: str) -> None:
        if refusal and not self._refusal:
            self._chain.change_driver()  # who had the wheel has it no more: the last word is zero
            self._wanted = False
            self._release_buttons()
            if self._refusals.due():
                self._log(f'nobody can drive: {refusal}')
        self._refusal = refusal

    def _carry_out(self, output: Output | None) -> None:
        before, self._output = self._output, output
        if output is None:
            if before is not None:
                self._release_buttons()  # nobody is there any more
            return
        self._reason = output.reason
        if output.velocity == STANDING:
            self._actuator.stop()
        else:
            self._actuator.drive(output.velocity.linear, output.velocity.angular)
        self.on_sent(output.velocity.linear, output.velocity.angular)
        if output.reason is Reason.SILENT:
            self._release_buttons()
        if output.velocity == STANDING and before is not None and before.velocity != STANDING:
            if output.reason in (*_AUTOMATIC, Reason.FAULT):
                self._stops[output.reason] += 1
            if output.reason in _AUTOMATIC:
                self._log(f'the vehicle is stopped: {output.reason.value}')
