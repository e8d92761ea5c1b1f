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


"""What a vehicle may do, and how the driver's hands become its motion."""

from dataclasses import dataclass, replace
import math

from ..parameters import Parameter, require


@dataclass(frozen=True)
class Velocity:
    """Motion in the plane (REP 103)."""

    linear: float  # forwards, in m/s
    angular: float  # to the left, in rad/s


STANDING = Velocity(0.0, 0.0)
PARAMETERS = tuple(replace(row, live=True) for row in (
    Parameter('teleop.max_linear', 0.5, 'Maximum speed', 'm/s', 0.01, 50),
    Parameter('teleop.max_angular', 1.0, 'Maximum turning speed', 'rad/s', 0.01, 50),
    Parameter('teleop.linear_acceleration', 1.0, 'Maximum acceleration; a stop is immediate',
              'm/s²', 0.01, 1000),
    Parameter('teleop.angular_acceleration', 4.0, 'Maximum angular acceleration', 'rad/s²',
              0.01, 1000),
    Parameter('teleop.reverse', True, 'Allow driving backwards'),
    Parameter('teleop.wheelbase', 0.0, 'Wheelbase of a vehicle that steers like a car; 0: one '
                                       'that turns on the spot', 'm', 0, 10),
    Parameter('teleop.max_steering', 0.5, 'Maximum steering angle of such a car', 'rad', 0.01,
              1.5),
))


@dataclass(frozen=True)
class Limits:
    """What may be asked of a vehicle."""

    max_linear: float = 0.5  # m/s, in both directions
    max_angular: float = 1.0  # rad/s, in both directions
    linear_acceleration: float = 1.0  # m/s², to grow or shrink; but it falls to nothing at once
    angular_acceleration: float = 4.0  # rad/s², likewise
    reverse: bool = True  # whether it may go backwards
    wheelbase: float = 0.0  # m between the axles of what steers like a car; 0 turns on the spot
    max_steering: float = 0.5  # greatest steering angle of such a car, in rad

    def __post_init__(self) -> None:
        require(PARAMETERS, {row.name: getattr(self, row.name.partition('.')[2])
                             for row in PARAMETERS})

    def target(self, throttle: float, steering: float, share: float) -> Velocity:
        """Return the velocity for hands from -1 to 1 (forwards, left) at 0 to 1 of the speed."""
        throttle, steering = _within(throttle, 1.0), _within(steering, 1.0)
        if not self.reverse:
            throttle = max(throttle, 0.0)
        linear = throttle * self.max_linear * share
        if self.wheelbase > 0:
            # How fast a car turns follows from how fast it goes.
            angular = linear * math.tan(steering * self.max_steering) / self.wheelbase
        else:
            angular = steering * self.max_angular * share
        return Velocity(linear, _within(angular, self.max_angular * share))

    def approach(self, present: Velocity, target: Velocity, elapsed_s: float) -> Velocity:
        """Return the velocity on the way from `present` to `target`, `elapsed_s` later."""
        linear = _towards(present.linear, target.linear, self.linear_acceleration * elapsed_s)
        angular = _towards(present.angular, target.angular,
                           self.angular_acceleration * elapsed_s)
        return Velocity(linear, self._steerable(linear, angular))

    def cap(self, velocity: Velocity) -> Velocity:
        """Return the velocity, or what of it may be at all."""
        linear = _within(velocity.linear, self.max_linear)
        if not self.reverse:
            linear = max(linear, 0.0)
        angular = _within(velocity.angular, self.max_angular)
        return Velocity(linear, self._steerable(linear, angular))

    def _steerable(self, linear: float, angular: float) -> float:
        """Return the turning speed, not sharper than a car can steer at the speed that it has."""
        if self.wheelbase > 0:
            return _within(angular, abs(linear) * math.tan(self.max_steering) / self.wheelbase)
        return angular


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _towards(present: float, target: float, step: float) -> float:
    start = present if present * target > 0 else 0.0  # a stop is at once, also on the way back
    return start + _within(target - start, step)
