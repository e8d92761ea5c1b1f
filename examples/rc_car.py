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
Drive a model car without ROS: a steering servo and an ESC on two pins of a Raspberry Pi.

Start it in this folder: python3 -m pi_camera_stream serve --vehicle rc_car:RcCar (docs/driving.md)
"""

import math

from gpiozero import Servo


class RcCar:
    """Turns velocities into two pulses of 1 to 2 ms; what is given by default is to be adapted."""

    def __init__(self, throttle_pin: int = 13, steering_pin: int = 18, *,
                 top_speed: float = 5.0,  # m/s that it would reach at full throttle
                 most_throttle: float = 0.3,  # share of the throttle that is given at the most
                 wheelbase: float = 0.26,  # m between the axles
                 most_steering: float = 0.45,  # rad, where the servo is at its end
                 left: int = -1) -> None:  # 1 where the servo turns the other way
        self._top_speed, self._most_throttle = top_speed, most_throttle
        self._wheelbase, self._most_steering, self._left = wheelbase, most_steering, left
        # Both in the middle: that is straight on, and neutral, which an ESC waits for at first.
        self._throttle = Servo(throttle_pin, initial_value=0.0)
        self._steering = Servo(steering_pin, initial_value=0.0)

    def drive(self, linear: float, angular: float) -> None:
        """Go forwards at so many m/s, and turn to the left at so many rad/s."""
        if linear:  # or there is no angle for it: the wheels stay as they are
            angle = math.atan(angular * self._wheelbase / linear)
            self._steering.value = self._left * _within(angle / self._most_steering, 1.0)
        self._throttle.value = _within(linear / self._top_speed, self._most_throttle)

    def stop(self) -> None:
        """Stand still; may be called while `drive` hangs, so it waits for nothing."""
        self._throttle.value = 0.0


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))
