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

"""The example of a model car, on pins that are not there."""

import importlib.util
import math
from pathlib import Path

from pi_camera_stream.serve.vehicle import create_motors
import pytest

EXAMPLE = Path(__file__).parents[3] / 'examples/rc_car.py'
THROTTLE_PIN, STEERING_PIN = 13, 18
PERIOD_S = 0.02


@pytest.fixture
def pins(monkeypatch, gpiozero):
    """Return the pins of a machine that has none."""
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory, MockPWMPin
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(Device, 'pin_factory', factory)
    yield factory
    factory.reset()


@pytest.fixture
def module():
    spec = importlib.util.spec_from_file_location('rc_car', EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make(pins, module):
    """Return a function that makes a car; what it has of pins is given back."""
    cars = []

    def make(**options):
        cars.append(module.RcCar(**options))
        return cars[-1]
    yield make
    for car in cars:
        car._throttle.close()
        car._steering.close()


def pulses_ms(pins):
    """Return how long the pulses for throttle and steering are."""
    return tuple(round(1e3 * PERIOD_S * pins.pin(number).state, 3)
                 for number in (THROTTLE_PIN, STEERING_PIN))


def test_it_begins_in_the_middle_and_a_stop_is_neutral(make, pins):
    car = make()
    assert pulses_ms(pins) == (1.5, 1.5)
    car.drive(1.0, 1.0)
    throttle, steering = pulses_ms(pins)
    assert throttle == 1.6  # a fifth of the top speed
    assert steering < 1.5  # to the left
    car.stop()
    assert pulses_ms(pins) == (1.5, steering)  # the wheels stay as they are


@pytest.mark.parametrize(('linear', 'angular', 'expected'), [
    (100.0, 0.0, (1.65, 1.5)), (-100.0, 0.0, (1.35, 1.5)),  # the most that it gives
    (1.0, 100.0, (1.6, 1.0)), (1.0, -100.0, (1.6, 2.0)),  # the ends of the servo
    (-1.0, 100.0, (1.4, 2.0)),  # backwards, to the right, turns it to the left
    (0.0, 1.0, (1.5, 1.5))])
def test_limits_hold(make, pins, linear, angular, expected):
    make().drive(linear, angular)
    assert pulses_ms(pins) == expected


def test_the_angle_is_that_of_a_car(make, pins):
    make(most_steering=0.5, wheelbase=0.25, left=1).drive(2.0, 2.0 * math.tan(0.25) / 0.25)
    assert pulses_ms(pins)[1] == 1.75  # half of the way


def test_it_is_as_serve_wants_it(pins, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    car = create_motors('rc_car:RcCar')
    car.stop()
    assert pulses_ms(pins) == (1.5, 1.5)
    car._throttle.close()
    car._steering.close()
