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


"""Which of several changes a source refused, for every order that hypothesis can think of."""

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.nodes.camera.live_settings import LiveSettings

START = {'mode': 'good', 'flip': False, 'width': 1, 'fps': 30}


def works(values):
    return values['mode'] != 'bad' and values['width'] != 13


class Bench:
    """Settings, a source that refuses some, and parameters as `ros2 param get` shows them."""

    def __init__(self):
        self.live = LiveSettings(START)
        self.shown = dict(START)
        self.source = dict(START)
        self.pending = False  # whether the source has been started, and has said nothing yet

    def set(self, **values):
        self.shown.update(values)
        if self.live.add(values):
            self.source, self.pending = self.live.trying, True

    def answer(self):
        """Let the source work, or refuse."""
        if works(self.source):
            back, more = {}, self.live.accept()
        else:
            back, more = self.live.refuse()
        self.shown.update(back)
        self.source, self.pending = self.live.trying, more

    def settle(self):
        while self.pending:
            self.answer()


def test_one_that_is_refused_is_taken_back():
    bench = Bench()
    bench.set(mode='bad')
    bench.settle()
    assert bench.shown == bench.source == START


def test_a_bad_one_does_not_take_good_ones_down_with_it():
    bench = Bench()
    bench.set(mode='bad')
    bench.set(flip=True)
    bench.set(width=2)
    bench.settle()
    assert bench.shown == bench.source == {**START, 'flip': True, 'width': 2}


def test_what_is_set_together_is_refused_together():
    bench = Bench()
    bench.set(mode='bad', flip=True)
    bench.set(width=2)
    bench.settle()
    assert bench.shown == bench.source == {**START, 'width': 2}


def test_one_that_is_set_again_in_time_need_not_be_taken_back():
    bench = Bench()
    bench.set(mode='bad')
    bench.set(mode='better')
    bench.settle()
    assert bench.shown == bench.source == {**START, 'mode': 'better'}


def test_what_is_in_use_at_once_stays():
    bench = Bench()
    bench.set(mode='bad', fps=60)
    bench.live.use({'fps': 5})
    bench.shown['fps'] = 5
    bench.settle()
    assert bench.shown == {**START, 'fps': 5}


CHANGES = st.fixed_dictionaries({}, optional={
    'mode': st.sampled_from(['good', 'better', 'bad']), 'flip': st.booleans(),
    'width': st.sampled_from([1, 2, 13])}).filter(bool)


@given(st.lists(st.one_of(st.none(), CHANGES), max_size=8))
def test_in_the_end_what_is_shown_is_what_is_used_and_works(steps):
    """None lets the source answer; all else is set meanwhile."""
    bench = Bench()
    expected = dict(START)
    for step in steps:
        if step is None:
            if bench.pending:
                bench.answer()
        else:
            bench.set(**step)
            if works({**expected, **step}):
                expected.update(step)
    bench.settle()
    assert bench.shown == bench.source == bench.live.wanted
    assert works(bench.source)
    if all(step is None or works({**START, **step}) for step in steps):
        assert bench.shown == expected
