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

from pi_camera_stream.recording.trigger import Trigger
import pytest

AFTER_S = 10.0


def at(trigger, now_s=0.0):
    return trigger.mode, trigger.records(now_s)


def test_off_is_switched_on_and_off():
    trigger = Trigger('off', AFTER_S)
    assert at(trigger) == ('off', False)
    assert not trigger.active
    for _ in range(2):
        trigger.switch(True)
        assert at(trigger) == ('manual', True)
    for _ in range(2):
        trigger.switch(False)
        assert at(trigger) == ('off', False)


def test_always_comes_again_when_it_is_switched_on():
    trigger = Trigger('always', AFTER_S)
    assert at(trigger) == ('always', True)
    trigger.switch(False)
    assert at(trigger) == ('off', False)
    trigger.switch(True)
    assert at(trigger) == ('always', True)


@pytest.mark.parametrize(('mode', 'waiting'), [('ready', 'manual'), ('motion', 'motion')])
def test_it_waits_again_after_it_was_on(mode, waiting):
    trigger = Trigger(mode, AFTER_S)
    assert at(trigger) == (waiting, False)
    trigger.switch(True)
    assert at(trigger) == ('manual', True)
    trigger.switch(False)
    assert at(trigger) == (waiting, False)
    assert trigger.active
    trigger.switch(False)
    assert at(trigger) == ('off', False)
    trigger.find(0.0)
    assert not trigger.records(0.0)
    trigger.switch(True)
    assert at(trigger) == (waiting, False)


def test_motion_goes_on_for_a_while_after_the_last_find():
    trigger = Trigger('motion', AFTER_S)
    trigger.find(100.0)
    trigger.find(105.0)
    assert at(trigger, 114.9) == ('motion', True)
    assert at(trigger, 115.0) == ('motion', False)
    trigger.find(120.0)
    trigger.switch(False)  # whatever moves: nothing is recorded any more
    assert not trigger.records(120.0)


def test_what_moves_counts_where_it_is_waited_for_only():
    trigger = Trigger('ready', AFTER_S)
    trigger.find(0.0)
    assert not trigger.records(0.0)


@pytest.mark.parametrize(('mode', 'expected'), [
    ('off', ('off', False)), ('ready', ('manual', False)), ('motion', ('motion', False)),
    ('always', ('always', True))])
def test_another_mode_is_as_at_the_start(mode, expected):
    for before in ('off', 'always', 'motion'):
        trigger = Trigger(before, AFTER_S)
        trigger.find(0.0)
        trigger.switch(True)
        trigger.set_mode(mode)
        assert at(trigger) == expected
        trigger.find(0.0)
        assert trigger.records(0.0) == (mode in ('motion', 'always'))
