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
    """Turns velocities into two pulses of 1 to 2 ms. Adapt the defaults to your car."""

    def __init__(self, throttle_pin: int = 13, steering_pin: int = 18, *,
                 top_speed: float = 5.0,  # m/s at full throttle
                 most_throttle: float = 0.3,  # largest share of full throttle to use
                 wheelbase: float = 0.26,  # m between the axles
                 most_steering: float = 0.45,  # rad, with the servo at its end
                 left: int = -1) -> None:  # 1 if the servo turns the other way
        self._top_speed, self._most_throttle = top_speed, most_throttle
        self._wheelbase, self._most_steering, self._left = wheelbase, most_steering, left
        # Both in the middle: straight ahead, and neutral, which an ESC expects at first.
        self._throttle = Servo(throttle_pin, initial_value=0.0)
        self._steering = Servo(steering_pin, initial_value=0.0)

    def drive(self, linear: float, angular: float) -> None:
        """Drive forward at `linear` m/s, and turn left at `angular` rad/s."""
        if linear:  # at rest, no angle would turn it: leave the wheels as they are
            angle = math.atan(angular * self._wheelbase / linear)
            self._steering.value = self._left * _within(angle / self._most_steering, 1.0)
        self._throttle.value = _within(linear / self._top_speed, self._most_throttle)

    def stop(self) -> None:
        """Stop; may be called while `drive` hangs, so it waits for nothing."""
        self._throttle.value = 0.0


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))
