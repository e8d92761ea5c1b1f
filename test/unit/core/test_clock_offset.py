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


from hypothesis import given, strategies
from pi_camera_stream.core.clock_offset import Offset, OffsetEstimator, share_clocks
import pytest

MS = 1_000_000


def trip(estimator, start_ns, offset_ns, there_ns, back_ns, work_ns=1000):
    arrived_ns = start_ns + there_ns
    estimator.add(start_ns, arrived_ns + offset_ns, arrived_ns + work_ns + offset_ns,
                  arrived_ns + work_ns + back_ns)
    return arrived_ns + work_ns + back_ns


def test_even_delays_give_the_exact_offset():
    estimator = OffsetEstimator()
    now_ns = trip(estimator, 10**18, 5 * MS, 2 * MS, 2 * MS)
    best = estimator.best(now_ns)
    assert best.offset_ns == 5 * MS
    assert best.uncertainty_ns == 2 * MS


def test_nothing_is_known_before_the_first_trip():
    assert OffsetEstimator().best(0) is None


def test_the_shortest_trip_counts_until_it_is_old():
    estimator = OffsetEstimator()
    now_ns = trip(estimator, 10**18, 0, 1 * MS, 1 * MS)
    trip(estimator, now_ns, 0, 30 * MS, 10 * MS)
    assert estimator.best(now_ns).uncertainty_ns == 1 * MS
    # At 0.1 ms a second, it is as good as the other one after 190 s.
    assert 19 * MS < estimator.best(now_ns + 200 * 10**9).uncertainty_ns <= 41 * MS


@pytest.mark.parametrize('stamps', [(10, 0, 0, 9), (0, 10, 9, 10), (0, 0, 20, 10)])
def test_a_clock_that_was_set_is_found(stamps):
    with pytest.raises(ValueError, match='set'):
        OffsetEstimator().add(*stamps)


def test_what_was_known_before_a_clock_was_set_counts_no_more():
    estimator = OffsetEstimator()
    now_ns = 10**18
    for _ in range(5):
        now_ns = trip(estimator, now_ns, 5 * MS, 1 * MS, 1 * MS)
    trip(estimator, now_ns, 10**10, 3 * MS, 3 * MS)  # a longer one, but of the clock that is now
    assert abs(estimator.best(now_ns).offset_ns - 10**10) <= 3 * MS


def test_it_is_told_whether_a_trip_agrees_with_those_before():
    estimator = OffsetEstimator()
    assert estimator.add(10**18, 10**18 + MS, 10**18 + MS, 10**18 + 2 * MS)
    assert estimator.add(10**18, 10**18 + 9 * MS, 10**18 + 9 * MS, 10**18 + 10 * MS)
    assert not estimator.add(10**18, 10**18 + 90 * MS, 10**18 + 90 * MS, 10**18 + 10 * MS)


delays = strategies.integers(0, 500 * MS)


@given(offset_ns=strategies.integers(-10**18, 10**18),
       trips=strategies.lists(strategies.tuples(delays, delays), min_size=1, max_size=40))
def test_the_true_offset_is_never_outside_of_the_uncertainty(offset_ns, trips):
    estimator = OffsetEstimator()
    now_ns = 2 * 10**18
    for there_ns, back_ns in trips:
        now_ns = trip(estimator, now_ns, offset_ns, there_ns, back_ns)
    best = estimator.best(now_ns)
    assert abs(best.offset_ns - offset_ns) <= best.uncertainty_ns + 256  # doubles at 10**18


def test_the_nodes_of_a_machine_share_what_is_best_known_of_its_clock():
    near, far = Offset(5 * MS, 1 * MS), Offset(8 * MS, 4 * MS)
    simulated, elsewhere = Offset(-10**18, 2 * MS), Offset(5 * MS, 3 * MS)
    shared = share_clocks(
        {'near': near, 'far': far, 'simulated': simulated, 'elsewhere': elsewhere,
         'nowhere': far, 'silent': None},
        {'near': 'robot', 'far': 'robot', 'simulated': 'robot', 'elsewhere': 'laptop',
         'nowhere': '', 'silent': ''})
    assert shared == {'near': near, 'far': near, 'simulated': simulated, 'elsewhere': elsewhere,
                      'nowhere': far, 'silent': None}
