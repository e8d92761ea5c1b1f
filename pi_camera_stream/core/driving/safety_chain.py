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
What leaves the robot for its wheels: nothing that was not asked for a moment ago, by who sees.

The state machine is pure: it has no clock and no thread, so every course of events can be tested.
"""

from dataclasses import dataclass, replace
from enum import Enum
import math

from .limits import Limits, STANDING, Velocity

COMMAND_AGE_S = 0.3
SILENCE_S = 0.5
_LONGEST_STEP_S = 0.05  # for which the speed may grow at once, however long it stood before
_FADE_S = 0.05  # from the oldest picture that is good enough to none at all
_FUTURE_S = 0.1  # by which clocks may disagree


class Reason(Enum):
    """Why the vehicle does not move as its driver wants."""

    NONE = ''
    RELEASED = 'released'
    COMMAND_LATE = 'the last command is too old'
    SILENT = 'no commands come'
    VIDEO_LATE = 'the picture is too old'
    EMERGENCY = 'emergency stop'
    FAULT = 'the vehicle does not do what it is told'
    NO_DRIVER = 'nobody drives'


@dataclass(frozen=True)
class Command:
    """What the driver's hands do; the times are by the robot's clock."""

    sequence: int  # grows from one command to the next
    given_s: float
    seen_s: float  # when the picture was taken that the driver saw then; NaN for none
    throttle: float | None  # forwards, -1 to 1; None when no control is held
    steering: float | None  # to the left, likewise
    share: float = 1.0  # of the greatest speed, by the driver's slider, 0 to 1


@dataclass(frozen=True)
class Output:
    """What to publish now, and why it is not what the driver wants."""

    velocity: Velocity
    reason: Reason
    limit: float  # share of the speed that the age of the driver's picture leaves


class SafetyChain:
    """Turn commands into velocities to publish; one thread calls it. Time never goes back."""

    def __init__(self, limits: Limits, max_video_age_s: float) -> None:
        self.limits = limits
        self.latched = False  # whether the emergency stop holds
        self.failed = False  # whether the vehicle cannot be driven
        self.dropped = 0  # commands that came late or twice
        self._max_video_age_s = max_video_age_s
        self._command: Command | None = None
        self._sequence = -1
        self._arrived_s = -math.inf
        self._velocity = STANDING
        self._published_s = -math.inf
        self._stopped = True  # whether its last word was a stop
        self._must_let_go = False

    def set_limits(self, limits: Limits, max_video_age_s: float) -> None:
        """Go by other limits; what moves faster than they allow does not do so any more."""
        self.limits, self._max_video_age_s = limits, max_video_age_s
        self._velocity = limits.cap(self._velocity)

    def change_driver(self) -> None:
        """Begin with another driver: what the last one said does not count any more."""
        self._command, self._sequence, self._velocity = None, -1, STANDING

    def latch(self, latched: bool) -> None:
        """Begin or end the emergency stop; after it, the driver has to let go first."""
        self.latched = latched
        self._must_let_go = True

    def fail(self, failed: bool) -> None:
        """
        Begin or end a time in which the vehicle cannot be driven.

        Whoever holds a control when it ends has to let go first: it must not start by itself.
        """
        self.failed = failed
        if self._command is not None and not _released(self._command):
            self._must_let_go = True

    def on_command(self, now_s: float, command: Command) -> bool:
        """Take in a command; False when it is dropped, because it is late, or not the newest."""
        numbers = (command.given_s, command.share, *(
            value for value in (command.throttle, command.steering) if value is not None))
        released = _released(command)
        in_time = -_FUTURE_S <= now_s - command.given_s <= COMMAND_AGE_S
        if not all(math.isfinite(value) for value in numbers) \
                or not (in_time or released) or command.sequence <= self._sequence:
            self.dropped += 1  # but to let go it is never too late
            return False
        self._must_let_go = self._must_let_go and not released
        # Nothing was given or seen later than now, whatever the clocks say.
        self._command = replace(command, given_s=min(command.given_s, now_s), seen_s=(
            min(command.seen_s, now_s) if command.seen_s <= now_s + _FUTURE_S else math.nan))
        self._arrived_s, self._sequence = now_s, command.sequence
        return True

    def output(self, now_s: float) -> Output | None:
        """Return what to publish now, called at a fixed rate; None for nothing at all."""
        elapsed_s = min(max(now_s - self._published_s, 0.0), _LONGEST_STEP_S)
        command = self._command
        if self.latched:
            return self._publish(now_s, STANDING, Reason.EMERGENCY, 0.0)
        if command is None or now_s - self._arrived_s > SILENCE_S:
            self._command = None
            reason = Reason.NO_DRIVER if command is None else \
                Reason.RELEASED if command.throttle is None else Reason.SILENT
            return None if self._stopped else self._publish(now_s, STANDING, reason, 0.0, True)
        limit = self._limit(now_s, command)
        if self.failed:
            return self._publish(now_s, STANDING, Reason.FAULT, 0.0)
        if command.throttle is None or command.steering is None or self._must_let_go:
            return self._publish(now_s, STANDING, Reason.RELEASED, limit)
        if now_s >= command.given_s + COMMAND_AGE_S:
            return self._publish(now_s, STANDING, Reason.COMMAND_LATE, limit)
        share = limit * max(0.0, min(1.0, command.share))
        target = self.limits.target(command.throttle, command.steering, share)
        velocity = self.limits.approach(self._velocity, target, elapsed_s)
        return self._publish(now_s, _capped(velocity, self.limits, limit),
                             Reason.NONE if limit == 1 else Reason.VIDEO_LATE, limit)

    def ends_s(self) -> float:
        """Return when what moves must stand if nothing new is heard; infinite if it stands."""
        command = self._command
        if command is None or self._velocity == STANDING:
            return math.inf
        return min(command.given_s + COMMAND_AGE_S, self._blind_s(command))

    def _blind_s(self, command: Command) -> float:
        return command.seen_s + self._max_video_age_s + _FADE_S

    def _limit(self, now_s: float, command: Command) -> float:
        """Return which share of the speed the age of the driver's picture leaves."""
        age_s = now_s - command.seen_s
        if not age_s >= -_FUTURE_S or now_s >= self._blind_s(command):  # NaN, too: without any
            return 0.0
        return max(0.0, min(1.0, 1 - (age_s - self._max_video_age_s) / _FADE_S))

    def _publish(self, now_s: float, velocity: Velocity, reason: Reason, limit: float,
                 last: bool = False) -> Output:
        self._velocity, self._published_s, self._stopped = velocity, now_s, last
        return Output(velocity, reason, limit)


def _released(command: Command) -> bool:
    return command.throttle is None or command.steering is None


def _capped(velocity: Velocity, limits: Limits, limit: float) -> Velocity:
    """Return the velocity within what an old picture allows, however fast it was before."""
    if limit == 1:
        return velocity
    linear = limits.max_linear * limit
    share = min(1.0, linear / abs(velocity.linear)) if velocity.linear else 1.0
    angular = min(abs(velocity.angular) * share, limits.max_angular * limit)
    return Velocity(velocity.linear * share, math.copysign(angular, velocity.angular))
