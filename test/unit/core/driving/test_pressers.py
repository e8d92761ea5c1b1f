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

from pi_camera_stream.core.driving import pressers as module
from pi_camera_stream.core.driving.pressers import AGAIN, MUTED_S, Person, Pressers
import pytest

HOUSE, SHOP = '192.0.2.1', '192.0.2.2'


class Clock:
    def __init__(self):
        self.now_s = 1.8e9

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pressers(clock):
    return Pressers(clock)


def settled(clock, session, address=HOUSE):
    return Person(address, session, clock.now_s - 3600)


def press(pressers, person, name, times=AGAIN):
    for _ in range(times):
        pressers.press(person, name)


def test_one_who_presses_again_and_again_is_named_and_others_are_not(pressers, clock):
    press(pressers, settled(clock, 'a'), 'a #1', AGAIN - 1)
    press(pressers, settled(clock, 'b'), 'b #2')
    assert pressers.again() == {'b #2': AGAIN}
    clock.now_s += 61
    assert pressers.again() == {}


def test_who_is_muted_stays_so_for_a_while(pressers, clock):
    a, b = settled(clock, 'a'), settled(clock, 'b')
    press(pressers, a, 'a #1')
    assert pressers.mute('a #1')
    assert pressers.again() == {}
    clock.now_s += MUTED_S - 1
    assert (pressers.muted(a), pressers.muted(b)) == (True, False)
    clock.now_s += 1
    assert not pressers.muted(a)


def test_nobody_is_muted_who_has_not_pressed(pressers):
    assert not pressers.mute('a #1')
    assert not pressers.mute('')


def test_who_logs_in_anew_is_the_same_person(pressers, clock):
    for number in range(AGAIN):
        clock.now_s += 5
        pressers.press(Person(HOUSE, f'login {number}', clock.now_s), f'a #{number}')
    assert pressers.again() == {f'a #{AGAIN - 1}': AGAIN}
    assert pressers.mute(f'a #{AGAIN - 1}')
    clock.now_s += 5
    assert pressers.muted(Person(HOUSE, 'another login', clock.now_s))
    # Others behind the same router were there before, and elsewhere nobody is meant.
    assert not pressers.muted(settled(clock, 'b'))
    assert not pressers.muted(Person(SHOP, 'new', clock.now_s))


def test_who_has_no_session_is_known_by_the_address(pressers, clock):
    press(pressers, Person(HOUSE), 'a #1')
    assert pressers.mute('a #1')
    assert pressers.muted(Person(HOUSE))
    assert not pressers.muted(Person(SHOP))


def test_not_more_are_remembered_than_some(pressers, clock, monkeypatch):
    monkeypatch.setattr(module, '_MOST', 5)
    for number in range(50):
        press(pressers, settled(clock, f's{number}', f'192.0.2.{number}'), f'#{number}')
        if number % 2:
            pressers.mute(f'#{number}')
    assert len(pressers.again()) <= 5
    assert len(pressers._muted_s) <= 10
    assert pressers.muted(settled(clock, 's49'))
