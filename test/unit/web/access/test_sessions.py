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

import asyncio

from pi_camera_stream.web.access import sessions as module
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.sessions import LIFE_S, Sessions
from pi_camera_stream.web.access.tokens import Token
import pytest

ACCESS, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'
BOTH = AccessRules(access_token=ACCESS, driver_token=DRIVER)


class Clock:
    def __init__(self):
        self.now_s = 1.8e9

    def __call__(self):
        return self.now_s


class Transport:
    def __init__(self):
        self.aborted = 0

    def abort(self):
        self.aborted += 1


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(clock):
    return Sessions(BOTH, clock)


def test_a_cookie_is_good_for_the_next_run_and_for_no_other_token(sessions, clock):
    for token in Token:
        cookie = sessions.begin(token)
        assert Sessions(BOTH, clock).find(cookie).token is token
        other = AccessRules(access_token=ACCESS + '2', driver_token=DRIVER + '2')
        assert Sessions(other, clock).find(cookie) is None
        assert Sessions(AccessRules(), clock).find(cookie) is None


def test_a_new_token_ends_the_sessions_of_that_token_only(sessions, clock):
    access, driver = map(sessions.begin, Token)
    changed = Sessions(AccessRules(access_token=ACCESS, driver_token=DRIVER + '2'), clock)
    assert changed.find(access)
    assert not changed.find(driver)


def test_nothing_can_be_changed_in_a_cookie(sessions):
    cookie = sessions.begin(Token.ACCESS)
    kind, ends, number, signature = cookie.split('.')
    for forged in (f'driver.{ends}.{number}.{signature}', f'none.{ends}.{number}.{signature}',
                   f'{kind}.{int(ends) + 1}.{number}.{signature}',
                   f'{kind}.0{ends}.{number}.{signature}', f'{kind}.{ends}.{"0" * 32}.{signature}',
                   f'{kind}.{ends}.{number}.{"0" * 64}', cookie.upper(), cookie + ' ', '', '...',
                   cookie[:-1], '\udcff', ACCESS, f'{cookie}\n'):
        assert sessions.find(forged) is None, forged
    assert ACCESS not in cookie
    assert sessions.find(cookie).number == number


def test_two_logins_have_nothing_in_common(sessions):
    first, second = (sessions.find(sessions.begin(Token.ACCESS)) for _ in range(2))
    assert first.number != second.number


def test_a_session_has_an_end(sessions, clock):
    cookie = sessions.begin(Token.ACCESS)
    session = sessions.find(cookie)
    assert session.begun_s == clock.now_s
    clock.now_s += LIFE_S - 0.5
    assert sessions.find(cookie)
    clock.now_s += 0.5
    assert not sessions.find(cookie)


def test_one_that_was_ended_counts_no_more_while_the_others_do(sessions):
    first, second = (sessions.begin(Token.ACCESS) for _ in range(2))
    sessions.end(sessions.find(first))
    assert sessions.find(first) is None
    assert sessions.find(second)


def test_what_was_ended_is_forgotten_when_it_is_late_and_the_oldest_when_there_are_too_many(
        sessions, clock, monkeypatch):
    monkeypatch.setattr(module, '_MOST_ENDED', 10)
    cookies = [sessions.begin(Token.ACCESS) for _ in range(12)]
    for cookie in cookies:
        sessions.end(sessions.find(cookie))
    assert [bool(sessions.find(cookie)) for cookie in cookies] == [True] * 2 + [False] * 10
    clock.now_s += LIFE_S
    last = sessions.begin(Token.ACCESS)
    sessions.end(sessions.find(last))
    assert len(sessions._ended) == 1


def test_connections_are_cut_with_their_session(sessions, clock):
    async def run():
        mine, other = (sessions.find(sessions.begin(Token.ACCESS)) for _ in range(2))
        gone, cut, spared, late = (Transport() for _ in range(4))
        with sessions.connected(mine, gone):
            pass
        with sessions.connected(mine, cut), sessions.connected(other, spared):
            sessions.end(mine)
            assert (gone.aborted, cut.aborted, spared.aborted) == (0, 1, 0)
        clock.now_s = other.ends_s - 0.01
        with sessions.connected(other, late):
            while not late.aborted:
                await asyncio.sleep(0.005)
        assert sessions._connections == {}
    asyncio.run(run())
