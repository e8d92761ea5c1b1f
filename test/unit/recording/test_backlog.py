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
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.recording.backlog import Arrival, Backlog, Note
import pytest

BEFORE_S, MOST_BYTES = 2.0, 3000

courses = st.lists(st.one_of(
    st.tuples(st.just('frame'), st.booleans(), st.integers(0, 900), st.floats(0, 1.5)),
    st.just(('note',)), st.just(('take',)), st.just(('begin',)), st.just(('end',)),
    st.just(('pause',)), st.just(('clear',))), max_size=80)


def frame(number, key=True, size=100):
    return Frame(bytes(size), number, number, 64, 48, codec='h264', key=key)


class Course:
    """What comes to a backlog, and what it gives."""

    def __init__(self, before_s=BEFORE_S, most_bytes=MOST_BYTES):
        self.backlog = Backlog(before_s, most_bytes)
        self.now_s, self.number = 0.0, 0
        self.taken, self.sent = [], []

    def frame(self, key=True, size=100, after_s=0.0):
        self.now_s += after_s
        self.number += 1
        arrival = Arrival(frame(self.number, key, size), self.now_s)
        self.sent.append(arrival)
        self.backlog.put(arrival)

    def note(self):
        self.backlog.put(Arrival(Note('found', '', self.number), self.now_s))

    def take(self):
        if self.backlog:
            self.taken.append(self.backlog.take())

    def run(self, course):
        for kind, *values in course:
            own = getattr(self, kind, None)
            if own is not None:
                own(*values)
            else:
                getattr(self.backlog, kind)()
            assert self.backlog.held_bytes <= 2 * MOST_BYTES
            assert self.backlog.held_bytes >= 0

    def take_all(self):
        while self.backlog:
            self.take()
        return self.numbers()

    def numbers(self):
        return [one.content.sequence for one in self.taken
                if one is not None and isinstance(one.content, Frame)]


@given(courses)
def test_what_is_written_builds_on_what_was_written_before(course):
    one = Course()
    one.run(course)
    one.take_all()
    begun, before = False, 0
    for arrival in one.taken:
        if arrival is None:
            begun = False
        elif isinstance(arrival.content, Frame):
            number = arrival.content.sequence
            assert number > before
            assert arrival.key or (begun and number == before + 1)
            begun, before = True, number
        else:
            assert begun  # a note stands behind the frame that it belongs to


@given(courses)
def test_what_is_kept_is_no_longer_than_asked_for_but_for_its_group(course):
    one = Course()
    one.run(course)
    kept = list(one.backlog._kept)
    frames = [arrival for arrival in kept if isinstance(arrival.content, Frame)]
    assert not kept or kept[0].key
    keys = [arrival.at_s for arrival in frames if arrival.key]
    assert all(at_s > frames[-1].at_s - BEFORE_S for at_s in keys[1:])
    assert sum(arrival.size for arrival in kept) <= MOST_BYTES


def test_the_seconds_before_stand_in_front():
    one = Course()
    for number in range(10):
        one.frame(key=number % 2 == 0, after_s=0.5)
    one.backlog.begin()
    one.frame(key=False)
    assert one.take_all() == [5, 6, 7, 8, 9, 10, 11]


def test_two_stretches_are_told_apart_and_share_nothing():
    one = Course()
    one.frame()
    one.backlog.begin()
    one.frame()
    one.backlog.end()
    one.frame()
    one.backlog.begin()
    one.take_all()
    assert [arrival and arrival.content.sequence for arrival in one.taken] == [1, 2, None, 3]


def test_without_room_it_goes_on_with_a_key_frame_and_counts():
    one = Course(0.0, 900)
    one.backlog.begin()
    assert one.backlog.wants_key
    one.frame(key=False)  # is in the midst of a group: nobody could show it
    assert one.backlog.left_out == 0
    one.frame()
    for _ in range(4):
        one.frame(key=False)
    assert one.backlog.wants_key
    one.take()
    one.frame(key=False)
    one.frame()
    assert one.take_all() == [2, 3, 4, 8]
    assert one.backlog.left_out == 3
    assert not one.backlog.wants_key


def test_a_long_group_lets_a_key_frame_be_asked_for():
    one = Course(BEFORE_S, 10**6)
    one.frame()
    one.frame(key=False, after_s=1.5)
    assert not one.backlog.wants_key
    one.frame(key=False, after_s=1.5)
    assert one.backlog.wants_key
    one.frame()
    assert not one.backlog.wants_key


def test_nothing_is_kept_where_nothing_is_wanted_before():
    one = Course(0.0)
    one.frame()
    assert one.backlog.held_bytes == 0
    with pytest.raises(IndexError):
        one.backlog.take()
