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
import time

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.web.stream.arrivals import Arrivals
import pytest

S = 10**9


def frame(stamp_ns):
    return Frame(b'', stamp_ns, 1, 2, 2)


@pytest.fixture
def clock(monkeypatch):
    """Return both clocks: the robot's, which can be set, and the one that nobody sets."""
    times = {'robot': 1000.0, 'monotonic': 50.0}
    monkeypatch.setattr(time, 'monotonic', lambda: times['monotonic'])
    return times


def test_a_picture_ages_by_a_clock_that_nobody_sets(clock):
    arrivals = Arrivals(lambda: round(clock['robot'] * S))
    arrivals.add(frame(round(999.9 * S)))
    assert arrivals.age_s(round(999.9 * S) + 200) == pytest.approx(0.1)  # as JavaScript rounds
    clock['monotonic'] += 2
    clock['robot'] -= 3600
    assert arrivals.age_s(round(999.9 * S)) == pytest.approx(2.1)


def test_a_picture_is_not_younger_than_its_first_arrival(clock):
    arrivals = Arrivals(lambda: round(clock['robot'] * S))
    for _ in range(5):  # a camera that says the same again and again, with a stamp yet to come
        arrivals.add(frame(1005 * S))
        clock['monotonic'] += 1
    assert arrivals.age_s(1005 * S) == 5


def test_a_picture_that_never_came_has_no_age(clock):
    assert math.isnan(Arrivals(lambda: 0).age_s(5))
