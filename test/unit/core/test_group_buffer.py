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
from pi_camera_stream.core.group_buffer import GroupBuffer
import pytest

MOST, BEHIND_S = 3, 1.0

# Frames come (key or not, after some time) and go; what is taken, is taken at once.
courses = st.lists(st.one_of(
    st.tuples(st.just('put'), st.booleans(), st.floats(0, 0.8)), st.just(('take',)),
    st.just(('jump',))), max_size=60)


def run(course, until_key=False):
    """Return (number, key) of what was put and taken, and the buffer."""
    buffer = GroupBuffer(MOST, BEHIND_S, until_key)
    put, taken, now_s = [], [], 0.0
    for kind, *values in course:
        if kind == 'put':
            key, after_s = values
            now_s += after_s
            put.append((len(put), key))
            dropped = buffer.dropped
            kept = buffer.put(put[-1], lambda key=key: key, now_s)
            assert kept == ((buffer._waiting and buffer._waiting[-1][1] == put[-1]) or False)
            assert kept or buffer.dropped > dropped
        elif kind == 'jump':
            buffer.jump()
        elif buffer:
            taken.append(buffer.take())
    return put, taken, buffer


@given(courses, st.booleans())
def test_what_is_taken_builds_on_what_was_taken_before(course, until_key):
    _, taken, _ = run(course, until_key)
    for (before, _), (number, key) in zip([(-1, True), *taken], taken, strict=False):
        assert number == before + 1 or (key and number > before)
    if until_key and taken:
        assert taken[0][1]


@given(courses)
def test_everything_is_taken_or_waits_or_was_counted(course):
    put, taken, buffer = run(course)
    assert len(put) == len(taken) + len(buffer) + buffer.dropped


@given(courses)
def test_little_waits_and_no_key_frame_waits_behind_many(course):
    _, _, buffer = run(course)
    waiting = [item for _, item in buffer._waiting]
    # Up to `BEHIND_S` more than MOST may wait for their group's end; a key frame never does.
    assert not any(key for _, key in waiting[MOST:])
    put, _, buffer = run([*course, ('put', True, 0.0)])
    waiting = [item for _, item in buffer._waiting]
    assert waiting[-1] == put[-1]
    assert len(waiting) <= MOST


@given(courses)
def test_a_key_frame_ends_what_is_left_out(course):
    _, _, buffer = run([*course, ('put', True, 0.0)])
    assert not buffer.until_key
    assert buffer.put((-1, False), lambda: False, 0.0) or buffer.until_key


def test_whether_it_is_a_key_frame_is_asked_only_where_that_matters():
    buffer = GroupBuffer(MOST, BEHIND_S)
    for number in range(MOST):
        buffer.put(number, pytest.fail, 0.0)


def test_where_nothing_waits_there_is_nothing_to_take():
    with pytest.raises(IndexError):
        GroupBuffer(MOST, BEHIND_S).take()
