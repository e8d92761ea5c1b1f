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


from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.core.driving.lease import IDLE_S, Lease, SILENCE_S


def test_one_drives_and_the_other_may_ask():
    lease = Lease()
    assert lease.take('a', 0.0)
    assert not lease.take('b', 1.0)
    assert (lease.driver, lease.asking) == ('a', 'b')
    assert lease.leave('a')
    assert lease.take('b', 1.5)
    assert (lease.driver, lease.asking) == ('b', '')


def test_who_is_silent_for_five_seconds_loses_the_seat():
    lease = Lease()
    lease.take('a', 0.0)
    assert lease.renew('a', 4.0)
    assert not lease.take('b', 4.0 + SILENCE_S)
    assert lease.take('b', 4.1 + SILENCE_S)
    assert not lease.renew('a', 4.2 + SILENCE_S)


def test_who_does_not_drive_cannot_leave():
    lease = Lease()
    lease.take('a', 0.0)
    lease.take('b', 0.0)
    assert not lease.leave('b')
    assert (lease.driver, lease.asking) == ('a', '')


@given(st.lists(st.tuples(st.sampled_from(['take', 'renew', 'leave', 'expire']),
                          st.sampled_from('abc'), st.floats(0, 6))))
def test_there_is_never_more_than_one_driver_and_never_a_silent_one(course):
    lease, now_s, heard = Lease(), 0.0, {}
    for what, who, wait_s in course:
        now_s += wait_s
        before = lease.driver
        if what == 'take':
            if lease.take(who, now_s):
                assert before in ('', who) or now_s - heard[before] > SILENCE_S
                heard[who] = now_s
        elif what == 'renew':
            if lease.renew(who, now_s):
                assert before == who
                assert now_s - heard[who] <= SILENCE_S
                heard[who] = now_s
        elif what == 'leave':
            assert lease.leave(who) == (before == who)
        else:
            lease.expire(now_s)
            assert not lease.driver or now_s - heard[lease.driver] <= SILENCE_S


def test_who_moves_nothing_only_holds_the_wheel():
    lease = Lease()
    assert not lease.idle(100.0)
    lease.take('a', 100.0)
    assert not lease.idle(100.0 + IDLE_S)
    for second in range(1, 15):
        lease.renew('a', 100.0 + second)
        lease.take('a', 100.0 + second)  # again, which is no motion either
    assert lease.idle(114.0)
    lease.renew('a', 115.0, moves=True)
    assert not lease.idle(115.0 + IDLE_S)
    lease.leave('a')
    assert not lease.idle(200.0)
