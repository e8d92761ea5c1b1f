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

from pi_camera_stream.core.pacing import Once, Pacer, RateLimit
import pytest


class Time:
    def __init__(self):
        self.now = 100.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_the_schedule_does_not_drift():
    time = Time()
    pacer = Pacer(time.clock, time.sleep)
    moments = []
    for _ in range(50):
        assert pacer.wait(0.1, timeout_s=1)
        moments.append(time.now)
        time.now += 0.03  # the work on a picture
    assert moments[-1] - moments[0] == pytest.approx(4.9)


def test_a_stall_is_not_followed_by_a_burst():
    time = Time()
    pacer = Pacer(time.clock, time.sleep)
    pacer.wait(0.1, timeout_s=1)
    time.now += 5
    stalled = time.now
    for _ in range(3):
        pacer.wait(0.1, timeout_s=1)
    assert time.now - stalled == pytest.approx(0.2)


def test_waiting_ends_at_the_time_out():
    time = Time()
    pacer = Pacer(time.clock, time.sleep)
    assert pacer.wait(10, timeout_s=1)
    assert not pacer.wait(10, timeout_s=1)
    assert time.now == pytest.approx(101)


def test_a_rate_that_grows_counts_at_once():
    time = Time()
    pacer = Pacer(time.clock, time.sleep)
    assert pacer.wait(100, timeout_s=1)
    assert pacer.wait(0.1, timeout_s=1)
    assert time.now == pytest.approx(100.1)
    limit = RateLimit()
    assert limit.admits(10**15, 0.01)
    assert not limit.admits(10**15 + 10**8, 30)  # it learns of the new rate
    assert limit.admits(10**15 + 14 * 10**7, 30)  # and keeps it from here on


@pytest.mark.parametrize(('incoming', 'limit', 'expected'), [
    (30, 0, 30), (30, 30, 30), (30, 15, 15), (60, 30, 30), (30, 10, 10), (40, 30, 30),
    (12, 30, 12),
])
def test_the_limit_admits_the_wanted_rate_in_spite_of_jitter(incoming, limit, expected):
    rate_limit, kept = RateLimit(), 0
    for number in range(incoming * 10):
        jitter_ns = (number * 7919 % 5 - 2) * 10**6
        stamp_ns = 10**15 + number * 10**9 // incoming + jitter_ns
        kept += rate_limit.admits(stamp_ns, limit)
    assert kept / 10 == pytest.approx(expected, abs=0.3)
    assert rate_limit.skipped == incoming * 10 - kept


def test_each_thing_is_said_once_and_no_more_things_than_may_be():
    once = Once(2)
    assert [once.due(thing) for thing in 'aabac'] == [True, False, True, False, False]
