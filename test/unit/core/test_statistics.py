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

import math

from pi_camera_stream.core.statistics import RateMeter, Recent
import pytest


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_rate_is_that_of_the_last_seconds():
    clock = Clock()
    meter = RateMeter(window_s=2.0, clock=clock)
    for tick in range(1, 101):
        clock.now = tick / 10
        meter.add(1000)
    assert meter.per_second() == pytest.approx(10)
    assert meter.bytes_per_second() == pytest.approx(10_000)
    clock.now = 11.0
    assert meter.per_second() == pytest.approx(5)
    clock.now = 13.0
    assert meter.per_second() == 0
    assert meter.total == 100


def test_a_young_meter_divides_by_its_age():
    clock = Clock()
    meter = RateMeter(window_s=2.0, clock=clock)
    for tick in range(1, 6):
        clock.now = tick / 10
        meter.add()
    assert meter.per_second() == pytest.approx(10)


def test_the_median_is_that_of_the_last_values():
    recent = Recent(count=3)
    assert math.isnan(recent.median())
    for value in (100, 1, 3, 2):
        recent.add(value)
    assert recent.median() == 2


def test_the_largest_is_that_of_the_last_values():
    recent = Recent(count=3)
    assert math.isnan(recent.largest())
    for value in (100, 1, 3, 2):
        recent.add(value)
    assert (recent.largest(), len(recent)) == (3, 3)
