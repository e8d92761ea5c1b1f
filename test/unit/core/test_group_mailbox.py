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

import threading

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.core.group_mailbox import GroupMailbox
from pi_camera_stream.core.mailbox import Mailbox
import pytest

MOST, BEHIND_S = 3, 1.0

# Frames come (key or not, after some time) and go; what is taken, is taken at once.
courses = st.lists(st.one_of(
    st.tuples(st.just('put'), st.booleans(), st.floats(0, 0.8)), st.just(('take',))), max_size=60)


def run(course):
    """Return (number, key) of what was put and taken, the mailbox, and the requests."""
    requests = []
    mailbox = GroupMailbox(MOST, BEHIND_S, lambda: requests.append(len(put)))
    put, taken, now_s = [], [], 0.0
    for kind, *values in course:
        if kind == 'put':
            key, after_s = values
            now_s += after_s
            put.append((len(put), key))
            mailbox.put(put[-1], lambda key=key: key, now_s)
        elif mailbox._buffer._waiting:
            taken.append(mailbox.take())
    return put, taken, mailbox, requests


@given(courses)
def test_a_key_frame_is_asked_for_just_while_one_is_missed(course):
    _, _, mailbox, requests = run([*course, ('put', True, 0.0)])
    assert not mailbox._buffer.until_key
    asked = len(requests)
    mailbox.put((-1, False), lambda: False, 1e9)
    mailbox.put((-1, True), lambda: True, 1e9)
    assert len(requests) in (asked, asked + 1)


def test_who_is_far_behind_asks_and_goes_on_with_the_next_key_frame():
    frames = [('put', number == 0, 0.4) for number in range(7)]
    put, _, mailbox, requests = run([*frames, ('put', True, 0.1), ('put', False, 0.1)])
    assert requests == [4, 5, 6, 7]
    assert [item for _, item in mailbox._buffer._waiting] == put[-2:]
    assert mailbox.dropped == 7


def test_who_waits_is_woken_by_a_frame_and_by_the_end():
    mailbox, got = GroupMailbox(MOST, BEHIND_S), []

    def work():
        while True:
            try:
                got.append(mailbox.take())
            except Mailbox.Closed:
                return

    thread = threading.Thread(target=work)
    thread.start()
    mailbox.put('frame', lambda: True, 0.0)
    while not got:
        pass
    mailbox.close()
    thread.join(60)
    assert not thread.is_alive()
    assert got == ['frame']


def test_after_the_end_nothing_is_given_out():
    mailbox = GroupMailbox(MOST, BEHIND_S)
    mailbox.put('frame', lambda: True, 0.0)
    mailbox.close()
    with pytest.raises(Mailbox.Closed):
        mailbox.take()


def test_after_a_jump_the_next_one_is_a_key_frame():
    mailbox = GroupMailbox(MOST, BEHIND_S)
    mailbox.put('key', lambda: True, 0.0)
    mailbox.put('builds on it', lambda: False, 0.1)
    mailbox.jump()
    mailbox.put('builds on a lost one', lambda: False, 0.2)
    mailbox.put('next key', lambda: True, 0.3)
    assert mailbox.take() == 'next key'
    assert mailbox.dropped == 3
