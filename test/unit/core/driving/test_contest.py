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

"""Whose words they are, told without anything that says so."""

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.core.driving.contest import Contest, SILENT_S, Word
import pytest

PERIOD_S = 0.05
ZERO, AHEAD = Word((0.0,) * 6), Word((1.0, 0.0, 0.0, 0.0, 0.0, 0.0))


def speak(contest, now_s, ours, *others):
    """Let us say a word, or none, and be heard with those of others."""
    if ours is not None:
        contest.said(now_s, ours)
    for word in (*others, *(() if ours is None else (ours,))):
        contest.heard(now_s + 0.01, word)


def test_our_own_words_are_nobody_elses():
    contest = Contest()
    for tick in range(100):
        speak(contest, tick * PERIOD_S, ZERO if tick % 3 else AHEAD)
        assert not contest.others_send(tick * PERIOD_S)


@pytest.mark.parametrize(('ours', 'theirs', 'moves'), [
    (None, ZERO, False), (None, AHEAD, True), (ZERO, ZERO, False), (ZERO, AHEAD, True),
    (AHEAD, ZERO, False), (AHEAD, AHEAD, True)])
def test_words_of_others_are_told_from_the_same_ones_of_ours(ours, theirs, moves):
    contest = Contest()
    for tick in range(3):
        speak(contest, tick * PERIOD_S, ours)
        assert contest.heard(tick * PERIOD_S + 0.01, theirs)
    assert contest.others_send(0.2)
    assert contest.others_move(0.2) is moves
    assert not contest.others_send(0.2 + SILENT_S)
    assert not contest.others_move(0.2 + SILENT_S)


def test_one_word_alone_is_no_sender():
    contest = Contest()
    for moment_s in (0.0, 10.0, 20.0):
        contest.heard(moment_s, AHEAD)
        assert not contest.others_send(moment_s)


def test_a_slow_sender_is_one():
    contest = Contest()
    for tick in range(5):
        contest.heard(float(tick), AHEAD)
    assert contest.others_send(4.9)


def test_words_that_come_back_late_are_ours():
    contest = Contest()
    for tick in range(20):  # the executor is busy for a second
        contest.said(tick * PERIOD_S, AHEAD)
    for _ in range(20):
        contest.heard(1.0, AHEAD)
    assert not contest.others_send(1.0)


def test_words_that_never_came_back_hide_nobody_for_long():
    contest = Contest()
    for tick in range(20):
        contest.said(tick * PERIOD_S, ZERO)  # the subscription was not there yet
    for tick in range(20, 100):
        speak(contest, tick * PERIOD_S, None, ZERO)
    assert contest.others_send(5.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_nobody_is_accused_whatever_is_lost_and_however_it_is_mixed(ticks):
    contest, waiting = Contest(), []
    for number, (moving, lost, delayed) in enumerate(ticks):
        now_s = number * PERIOD_S
        word = AHEAD if moving else ZERO
        contest.said(now_s, word)
        if not lost:
            waiting.insert(0 if moving else len(waiting), word)  # in any order
        if not delayed or len(waiting) > 20:
            for late in waiting:
                contest.heard(now_s, late)
            waiting.clear()
        assert not contest.others_send(now_s)
