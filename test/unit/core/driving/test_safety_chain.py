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


"""The safety chain, for every course of events that hypothesis can think of."""

from dataclasses import replace
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from pi_camera_stream.core.driving.limits import Limits, STANDING
from pi_camera_stream.core.driving.safety_chain import (
    Command,
    COMMAND_AGE_S,
    Reason,
    SafetyChain,
    SILENCE_S,
)
import pytest

PERIOD_S = 0.05
VIDEO_S = 0.5
LIMITS = Limits(max_linear=2.0, max_angular=3.0, linear_acceleration=1000.0,
                angular_acceleration=1000.0)


def command(sequence, now_s, throttle=1.0, steering=0.0, seen_s=None, share=1.0):
    return Command(sequence, now_s, now_s if seen_s is None else seen_s, throttle, steering,
                   share)


def chain(limits=LIMITS):
    return SafetyChain(limits, VIDEO_S)


def test_a_fresh_command_with_a_fresh_picture_moves_it():
    it = chain()
    assert it.output(0.0) is None
    assert it.on_command(1.0, command(1, 1.0, throttle=0.5, steering=-0.5))
    out = it.output(1.0)
    assert (out.velocity.linear, out.velocity.angular) == (1.0, -1.5)
    assert (out.reason, out.limit) == (Reason.NONE, 1.0)


def test_an_old_command_is_zero_then_silence_is_zero_then_nothing():
    it = chain()
    it.on_command(1.0, command(1, 1.0))
    assert it.output(0.95 + COMMAND_AGE_S).velocity != STANDING
    late = it.output(1.31)
    assert (late.velocity, late.reason) == (STANDING, Reason.COMMAND_LATE)
    last = it.output(1.0 + SILENCE_S + 0.01)
    assert (last.velocity, last.reason) == (STANDING, Reason.SILENT)
    assert it.output(1.6) is None


def test_letting_go_is_zero_at_once():
    it = chain(replace(LIMITS, linear_acceleration=0.1))
    for tick in range(20):
        it.on_command(tick * PERIOD_S, command(tick, tick * PERIOD_S))
        moving = it.output(tick * PERIOD_S)
    assert moving.velocity.linear > 0.05
    it.on_command(1.0, command(99, 1.0, throttle=None, steering=None))
    assert it.output(1.0).velocity == STANDING


def test_an_old_picture_slows_it_to_nothing():
    shares = {}
    for age_s in (0.0, 0.5, 0.525, 0.56, 5.0, math.nan, -3.0):
        it = chain()
        it.on_command(10.0, command(1, 10.0, seen_s=10.0 - age_s))
        shares[age_s] = it.output(10.0).velocity.linear / LIMITS.max_linear
    assert [round(share, 3) for share in shares.values()] == [1, 1, 0.5, 0, 0, 0, 0]


def test_the_emergency_stop_holds_until_it_is_released():
    it = chain()
    it.on_command(1.0, command(1, 1.0))
    it.latch(True)
    for tick in range(100):
        now_s = 1.0 + tick * PERIOD_S
        it.on_command(now_s, command(2 + tick, now_s))
        out = it.output(now_s)
        assert (out.velocity, out.reason) == (STANDING, Reason.EMERGENCY)
    it.latch(False)
    it.on_command(6.9, command(998, 6.9, throttle=None, steering=None))
    it.on_command(7.0, command(999, 7.0))
    assert it.output(7.0).velocity.linear > 0


@pytest.mark.parametrize('change', [
    {'sequence': 5}, {'sequence': 4}, {'given_s': 0.5}, {'given_s': 9.0}, {'given_s': math.nan},
    {'throttle': math.inf}, {'steering': math.nan}, {'share': math.nan}])
def test_late_replayed_and_impossible_commands_are_dropped_and_counted(change):
    it = chain()
    assert it.on_command(1.0, command(5, 1.0, throttle=0.5))
    assert not it.on_command(1.0, replace(command(6, 1.0), **change))
    assert it.dropped == 1
    assert it.output(1.0).velocity.linear == 1.0


@pytest.mark.parametrize(('limits', 'velocity'), [
    ({'max_linear': 0.5}, (0.5, 3.0)), ({'max_angular': 0.2}, (2.0, 0.2)),
    ({'max_linear': 50.0, 'linear_acceleration': 10.0}, (2.5, 3.0)),  # on its way there
    ({'wheelbase': 1.0, 'max_steering': 0.01}, (2.0, pytest.approx(0.02, abs=1e-3)))])
def test_lower_limits_count_at_once_and_higher_ones_are_reached_gently(limits, velocity):
    it = chain()
    for tick in range(10):
        it.on_command(tick * PERIOD_S, command(tick, tick * PERIOD_S, steering=1.0))
        out = it.output(tick * PERIOD_S)
    assert (out.velocity.linear, out.velocity.angular) == (2.0, 3.0)
    # However slowly it would change by itself.
    it.set_limits(replace(LIMITS, **{'linear_acceleration': 0.01, 'angular_acceleration': 0.01,
                                     **limits}), VIDEO_S)
    it.on_command(10 * PERIOD_S, command(10, 10 * PERIOD_S, steering=1.0))
    out = it.output(10 * PERIOD_S)
    assert (out.velocity.linear, out.velocity.angular) == pytest.approx(velocity, abs=1e-3)


def test_what_may_not_go_backwards_any_more_stands():
    it = chain()
    it.on_command(0.0, command(1, 0.0, throttle=-1.0))
    assert it.output(0.0).velocity.linear == -2.0
    it.set_limits(replace(LIMITS, reverse=False), VIDEO_S)
    assert it.output(0.01).velocity == STANDING


def test_how_old_the_picture_may_be_changes_at_once():
    it = chain()
    it.on_command(1.0, command(1, 1.0, seen_s=0.7))
    assert it.output(1.0).velocity != STANDING
    it.set_limits(LIMITS, 0.1)
    assert (it.output(1.0).velocity, it.ends_s()) == (STANDING, math.inf)


def test_a_burst_after_a_stall_is_not_played_back():
    it = chain()
    it.on_command(0.0, command(1, 0.0))
    it.output(0.0)
    for number in range(100):  # all that was held back for five seconds
        it.on_command(5.0, command(2 + number, number * PERIOD_S))
    # Only those of the last 0.3 s are commands still.
    assert 93 <= it.dropped <= 94
    assert it.output(5.0).velocity != STANDING
    assert it.output(5.3).velocity == STANDING


def test_one_axis_that_is_let_go_stops_at_once_and_so_does_the_way_back():
    it = chain(replace(LIMITS, linear_acceleration=1.0))
    for tick in range(40):
        now_s = tick * PERIOD_S
        it.on_command(now_s, command(tick, now_s, throttle=1.0, steering=1.0))
        out = it.output(now_s)
    assert out.velocity.linear > 1.5
    it.on_command(2.0, command(50, 2.0, throttle=0.0, steering=1.0))
    out = it.output(2.0)
    assert out.velocity.linear == 0
    assert out.velocity.angular > 0
    for tick in range(40):
        it.on_command(2 + tick * PERIOD_S, command(60 + tick, 2 + tick * PERIOD_S))
        it.output(2 + tick * PERIOD_S)
    it.on_command(4.0, command(200, 4.0, throttle=-1.0))
    assert -0.1 < it.output(4.0).velocity.linear <= 0


def test_letting_go_is_never_too_late():
    it = chain()
    it.on_command(10.0, command(1, 10.0))
    assert it.output(10.0).velocity != STANDING
    assert it.on_command(10.1, Command(2, 500.0, math.nan, None, None))
    assert it.output(10.1).velocity == STANDING


def test_after_an_emergency_stop_the_driver_has_to_let_go_first():
    it = chain()
    it.on_command(1.0, command(1, 1.0))
    it.latch(True)
    it.latch(False)
    it.on_command(1.1, command(2, 1.1))
    assert it.output(1.1).velocity == STANDING
    it.on_command(1.2, command(3, 1.2, throttle=None, steering=None))
    it.on_command(1.3, command(4, 1.3))
    assert it.output(1.3).velocity.linear > 0


def test_a_vehicle_that_fails_is_not_moved_and_then_the_driver_has_to_let_go_first():
    it = chain()
    it.fail(True)
    assert it.output(0.9) is None  # nobody drives: it is not told anything
    it.on_command(1.0, command(1, 1.0))
    out = it.output(1.0)
    assert (out.velocity, out.reason, out.limit) == (STANDING, Reason.FAULT, 0.0)
    it.fail(False)
    it.on_command(1.1, command(2, 1.1))
    assert it.output(1.1).velocity == STANDING
    it.on_command(1.2, command(3, 1.2, throttle=None, steering=None))
    it.fail(True)
    it.fail(False)  # and who has let go before need not do so again
    it.on_command(1.3, command(4, 1.3))
    assert it.output(1.3).velocity.linear > 0


def test_a_fault_does_not_make_good_for_an_emergency_stop():
    it = chain()
    it.latch(True)
    it.latch(False)
    it.fail(True)
    it.fail(False)
    it.on_command(1.0, command(1, 1.0))
    assert it.output(1.0).velocity == STANDING


def test_nothing_is_younger_than_now():
    it = chain()
    it.on_command(1.0, command(1, 1.09, seen_s=1.09))
    assert it.output(1.0 + COMMAND_AGE_S + 0.001).velocity == STANDING


def test_another_driver_begins_his_own_count():
    it = chain()
    it.on_command(1.0, command(1000, 1.0))
    assert it.output(1.0).velocity != STANDING
    it.change_driver()
    assert it.output(1.0).velocity == STANDING
    assert it.output(1.05) is None
    assert it.on_command(1.1, command(1, 1.1))


def test_a_car_turns_as_sharply_as_it_can_steer():
    limits = replace(LIMITS, wheelbase=0.25, max_steering=0.5, max_angular=50.0)
    it = chain(limits)
    it.on_command(1.0, command(1, 1.0, throttle=0.5, steering=1.0))
    out = it.output(1.0).velocity
    assert math.atan(out.angular * 0.25 / out.linear) == pytest.approx(0.5)
    assert chain(limits).limits.target(0.0, 1.0, 1.0) == STANDING


numbers = st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf]))
hands = st.one_of(st.none(), numbers)
events = st.lists(st.one_of(
    st.tuples(st.just('wait'), st.floats(0, 1.5)),
    st.tuples(st.just('tick'), st.just(None)),
    st.tuples(st.just('command'), st.tuples(
        st.integers(-2, 5), st.floats(-0.2, 1.0), st.floats(-0.2, 2.0), hands, hands, numbers)),
    st.tuples(st.just('latch'), st.booleans()),
    st.tuples(st.just('fail'), st.booleans()),
    st.tuples(st.just('change_driver'), st.just(None))), max_size=80)
some_limits = st.builds(
    Limits, st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0.01, 50), st.floats(0.01, 50),
    st.booleans(), st.one_of(st.just(0.0), st.floats(0.05, 1)), st.floats(0.1, 1.2))


@settings(max_examples=6 * settings.default.max_examples)
@given(limits=some_limits, course=events)
def test_nothing_moves_after_its_conditions_have_ended(limits, course):
    it = SafetyChain(limits, VIDEO_S)
    now_s = sequence = 0
    heard = []  # what a chain without any memory of its own may obey
    previous, previous_s = STANDING, -math.inf
    for kind, value in course:
        if kind == 'wait':
            now_s += value
        elif kind == 'command':
            step, age_s, video_s, throttle, steering, share = value
            sequence += step
            told = Command(sequence, now_s - age_s, now_s - video_s, throttle, steering, share)
            if it.on_command(now_s, told):
                assert all(told.sequence > other.sequence for _, other in heard)
                heard.append((now_s, told))
        elif kind == 'latch':
            it.latch(value)
        elif kind == 'fail':
            it.fail(value)
        elif kind == 'change_driver':
            it.change_driver()
            heard.clear()
        else:
            out = it.output(now_s)
            if out is None:
                previous = STANDING
                continue
            linear, angular = out.velocity.linear, out.velocity.angular
            if out.velocity != STANDING:
                arrived_s, last = heard[-1]
                assert not it.latched
                assert not it.failed
                assert now_s - min(last.given_s, arrived_s) <= COMMAND_AGE_S + 1e-9
                assert now_s - arrived_s <= SILENCE_S
                assert now_s - last.seen_s < VIDEO_S + 0.051
                assert last.throttle is not None
                assert last.steering is not None
                if not limits.reverse:
                    assert linear >= 0
            assert abs(linear) <= limits.max_linear * out.limit + 1e-9
            assert abs(angular) <= limits.max_angular * out.limit + 1e-9
            if out.reason is Reason.NONE and now_s > previous_s:
                elapsed_s = now_s - previous_s
                assert abs(linear) - abs(previous.linear) <= (
                    limits.linear_acceleration * elapsed_s + 1e-9)
            if limits.wheelbase:
                assert abs(angular) <= abs(linear) * math.tan(
                    limits.max_steering) / limits.wheelbase + 1e-9
            previous, previous_s = out.velocity, now_s
