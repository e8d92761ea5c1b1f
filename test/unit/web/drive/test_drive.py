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
from functools import wraps
import json
import logging
import math
import time

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from pi_camera_stream.core.driving.lease import IDLE_S
from pi_camera_stream.core.driving.pressers import AGAIN
from pi_camera_stream.web.access.access_rules import Role
from pi_camera_stream.web.access.identity import note
from pi_camera_stream.web.access.sessions import LIFE_S, Session
from pi_camera_stream.web.access.tokens import Token
from pi_camera_stream.web.drive.drive import Drive
import pytest

SEEN_MS = 1234.5  # the stamp of the only picture that was ever taken
ORIGIN = object()


class Vehicle:
    """Remembers what it is told; its clock stands at 100 s."""

    def __init__(self):
        self.commands, self.latches, self.presses, self.seats = [], [], [], 0
        self.refused = ''

    def now_s(self):
        return 100.0

    def refusal(self):
        return self.refused

    def change_driver(self):
        self.seats += 1

    def on_command(self, command):
        self.commands.append(command)
        return command.sequence >= 0

    def latch(self, latched):
        self.latches.append(latched)

    def press(self, button, pressed):
        self.presses.append((button, pressed))

    def state(self):
        return {'latched': bool(self.latches and self.latches[-1]), 'reason': ''}


class Page:
    def __init__(self, socket):
        self.socket = socket

    async def send(self, **message):
        await self.socket.send_json(message)

    async def receive(self, **expected):
        """Return the next message that has all these values."""
        while True:
            message = await self.socket.receive_json()
            if expected.items() <= message.items():
                return message

    async def settle(self):
        """Return when all that was sent has been dealt with."""
        await self.send(type='clock', client_ms=7)
        return await self.receive(type='clock', client_ms=7)

    async def ended(self):
        """Return the closing code."""
        while (await self.socket.receive()).type not in (
                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            pass
        return self.socket.close_code


class Scene:
    """A robot without wheels, and the pages that come; an async context manager."""

    def __init__(self):
        self.vehicle, self.now_s = Vehicle(), 1000.0
        self.preferred, self.lines = [], []
        self.drive = Drive(
            self.vehicle, lambda stamp_ns: 0.1 if stamp_ns == SEEN_MS * 1e6 else math.nan,
            self.preferred.append, self.lines.append, lambda: self.now_s)

    async def __aenter__(self):
        app = web.Application(middlewares=[_let_in])
        app.router.add_get('/drive', self.drive.answer)
        self.client = TestClient(TestServer(app), connector=aiohttp.TCPConnector(limit=0))
        await self.client.start_server()
        return self

    async def __aexit__(self, *_):
        await self.drive.close()
        await self.client.close()

    async def open(self, origin=ORIGIN, role=Role.EQUAL, session='', **headers):
        if origin is ORIGIN:
            origin = f'http://127.0.0.1:{self.client.port}'
        if origin:
            headers['Origin'] = origin
        headers |= {'X-Role': role.value, 'X-Session': session}
        return Page(await self.client.ws_connect('/drive', headers=headers))

    async def driver(self, **options):
        page = await self.open(**options)
        await page.send(type='take', viewer='v')
        await page.receive(type='state', you=True)
        return page


@web.middleware
async def _let_in(request, handler):
    """Be a door that believes everybody."""
    number = request.headers.get('X-Session', '')
    ends_s = int(time.time()) + LIFE_S - 3600  # begun an hour ago
    session = Session(Token.ACCESS, number, ends_s) if number else None
    note(request, Role(request.headers.get('X-Role', 'equal')), session)
    return await handler(request)


def scene(test):
    """Run an async test that takes a scene."""
    @wraps(test)
    def wrapped(*arguments, **named):
        async def run():
            async with Scene() as it:
                await asyncio.wait_for(test(it, *arguments, **named), 60)
        asyncio.run(run())
    del wrapped.__wrapped__  # or pytest would look for its arguments
    return wrapped


def command(sequence=1, **changed):
    return {'type': 'drive', 'sequence': sequence, 'time_ms': 99_950, 'seen_ms': SEEN_MS,
            'throttle': 0.5, 'steering': -0.25, 'share': 0.8} | changed


@scene
async def test_a_driver_is_heard(it):
    page = await it.driver()
    await page.send(**command(5, round_trip_ms=12.5))
    await page.receive(type='heard', sequence=5)
    heard, = it.vehicle.commands
    assert (heard.sequence, heard.given_s) == (5, 99.95)
    assert heard.seen_s == pytest.approx(99.9)
    assert (heard.throttle, heard.steering, heard.share) == (0.5, -0.25, 0.8)
    state = it.drive.state()
    assert (state['round_trip_ms'], state['refused'], state['pages']) == (12.5, 0, 1)
    assert it.lines == [f"{state['driver']} drives"]
    assert it.preferred == ['v']
    assert (await page.settle())['server_ms'] == 100_000


@scene
async def test_what_is_out_of_range_is_clamped_and_what_was_not_seen_is_none(it):
    page = await it.driver()
    await page.send(**command(1, throttle=7, steering=-1e9, seen_ms=SEEN_MS + 1))
    await page.send(**command(2, throttle=None, steering=None, seen_ms=None))
    await page.receive(sequence=2)
    first, second = it.vehicle.commands
    assert (first.throttle, first.steering) == (1, -1)
    assert math.isnan(first.seen_s)
    assert (second.throttle, second.steering) == (None, None)
    assert math.isnan(second.seen_s)


@scene
async def test_only_who_has_the_wheel_is_heard(it):
    driver, other = await it.driver(), await it.open()
    await other.send(**command(round_trip_ms=9))
    await other.send(type='button', name='horn', pressed=True)
    await other.settle()
    assert (it.vehicle.commands, it.vehicle.presses) == ([], [])
    assert it.drive.state()['refused'] == 2
    assert it.drive.state()['round_trip_ms'] is None
    await driver.send(type='button', name='horn', pressed=True)
    await driver.settle()
    assert it.vehicle.presses == [('horn', True)]


@scene
async def test_while_it_is_refused_nobody_gets_the_wheel_and_who_had_it_loses_it(it):
    driver = await it.driver()
    it.vehicle.refused = 'others send'
    await driver.receive(type='state', you=False, driver='')
    name = it.lines[0].removesuffix(' drives')
    assert it.lines[-1] == f'{name} has lost the wheel (others send): nobody drives'
    assert it.preferred[-1] == ''
    refused = it.drive.state()['refused']
    await driver.send(type='take')
    await driver.settle()
    assert (it.drive.state()['driver'], it.drive.state()['refused']) == ('', refused + 1)
    await driver.send(type='stop')  # which everyone may all the same
    await driver.settle()
    assert it.vehicle.latches == [True]
    it.vehicle.refused = ''
    await driver.send(type='take')
    await driver.receive(type='state', you=True)


@scene
async def test_to_let_go_of_a_button_is_never_too_many(it):
    driver = await it.driver()
    for _ in range(40):
        await driver.send(type='button', name='horn', pressed=True)
    await driver.send(type='button', name='horn', pressed=False)
    await driver.settle()
    assert it.vehicle.presses.count(('horn', True)) < 40
    assert it.drive.state()['refused'] > 0
    assert it.vehicle.presses[-1] == ('horn', False)


@scene
async def test_the_wheel_is_asked_for_and_handed_over(it):
    first, second = await it.driver(), await it.open()
    await second.send(type='take', viewer='w')
    name = (await first.receive(type='state'))['driver']
    asking = (await second.receive(type='state', asking=it.drive.state()['asking']))['asking']
    while not asking:
        asking = (await second.receive(type='state'))['asking']
    assert asking != name
    await first.send(type='leave')
    await second.receive(type='state', driver='')
    await second.send(type='take', viewer='w')
    await second.receive(type='state', you=True, driver=asking, asking='')
    await first.receive(type='state', you=False, driver=asking)
    assert it.preferred == ['v', '', 'w']
    assert it.lines == [f'{name} drives', f'{name} has given up the wheel: nobody drives',
                        f'{asking} drives']
    assert it.vehicle.seats == 3


@scene
async def test_who_asks_and_goes_asks_no_more(it):
    first, second = await it.driver(), await it.open()
    await second.send(type='take')
    await second.settle()
    assert it.drive.state()['asking']
    await second.socket.close()
    await first.receive(type='state', asking='')
    assert it.preferred == ['v']


@scene
async def test_who_is_silent_loses_the_wheel_even_if_he_comes_back(it):
    page, other = await it.driver(), await it.open()
    it.now_s += 4.9
    await page.send(**command(1))
    await page.receive(sequence=1)
    it.now_s += 5.1
    await page.send(**command(2))  # maybe before anything else notices
    await other.receive(type='state', driver='')
    await page.settle()
    assert [one.sequence for one in it.vehicle.commands] == [1]
    assert it.preferred == ['v', '']
    assert it.lines[-1].endswith('was silent for 5 s: nobody drives')
    assert it.vehicle.seats == 2


@scene
async def test_who_takes_the_wheel_again_may_look_elsewhere(it):
    page = await it.driver()
    await page.send(type='take', viewer='another')
    await page.settle()
    assert it.preferred == ['v', 'another']
    assert it.vehicle.seats == 1
    await page.socket.close()
    while it.drive.state()['pages']:
        await asyncio.sleep(0)
    assert it.preferred == ['v', 'another', '']
    assert it.vehicle.seats == 2


@scene
async def test_everyone_may_stop_and_some_may_release(it):
    driver, stopper, third = await it.driver(), await it.open(), await it.open()
    await stopper.send(type='stop')
    await third.receive(type='state', latched=True)
    await third.send(type='stop')
    await third.send(type='release')
    await third.settle()
    assert it.vehicle.latches == [True]
    assert it.drive.state()['latched_by'] != it.drive.state()['driver']
    await stopper.send(type='release')
    await driver.receive(type='state', latched=False, latched_by='')
    await stopper.send(type='stop')
    await driver.receive(type='state', latched=True)
    await driver.send(type='release')
    await third.receive(type='state', latched_by='')
    await stopper.send(type='stop')
    await stopper.settle()
    await stopper.socket.close()
    await driver.socket.close()
    await third.receive(type='state', driver='')
    await third.send(type='release')  # who could release it has gone
    await third.settle()
    assert it.vehicle.latches == [True, False] * 3
    assert len([line for line in it.lines if line.startswith('emergency stop by')]) == 4


@scene
async def test_each_who_stopped_it_takes_back_his_own_and_the_driver_all(it):
    driver, first, second = await it.driver(), await it.open(), await it.open()
    for page in (first, second):
        await page.send(type='stop')
        await page.settle()
    await first.send(type='release')
    await first.settle()
    assert it.vehicle.latches == [True]
    assert ',' not in it.drive.state()['latched_by']
    await second.send(type='release')
    await second.settle()
    assert it.vehicle.latches == [True, False]
    for page in (first, second):
        await page.send(type='stop')
        await page.settle()
    await driver.send(type='release')
    await driver.settle()
    assert it.vehicle.latches == [True, False] * 2


@scene
async def test_who_stopped_it_and_went_is_named_as_long_as_the_list_is_short(it):
    watching = await it.open()
    for _ in range(30):
        page = await it.open()
        await page.send(type='stop')
        await page.settle()
        await page.socket.close()
    while it.drive.state()['pages'] > 1:
        await asyncio.sleep(0)
    told = await watching.receive(type='state', latched_by=it.drive.state()['latched_by'])
    assert told['latched_by'].count('#') == 8 and told['latched_by'].endswith(' and others')
    assert len(it.drive._latched_by) < 12
    await watching.send(type='release')  # since who could has gone
    await watching.receive(type='state', latched=False, latched_by='')


@scene
async def test_pings_are_answered_and_too_many_are_a_flood(it):
    page = await it.open()
    await page.socket.ping(b'x')
    await page.settle()
    try:
        for _ in range(3000):
            await page.socket.ping()
    except ConnectionError:
        pass
    assert await page.ended() in (1008, 1006)


@scene
async def test_a_page_whose_connection_was_lost_takes_the_wheel_from_its_own_ghost(it):
    ghost, thief, same = await it.open(), await it.open(), await it.open()
    await ghost.send(type='take', tab='secret')
    await ghost.receive(type='state', you=True)
    await thief.send(type='take', tab='guess')
    await thief.settle()
    await thief.receive(type='state', you=False)
    await same.send(type='take', tab='secret')
    await same.receive(type='state', you=True)


@scene
async def test_a_flood_is_refused_and_ended_but_a_stop_in_it_is_heard(it):
    page = await it.driver()
    for number in range(500):  # at one moment
        await page.send(**command(number))
    await page.send(type='stop')
    await page.receive(type='state', latched=True)
    assert len(it.vehicle.commands) < 120
    assert it.vehicle.latches == [True]
    for number in range(1000):
        await page.send(**command(number))
    assert await page.ended() == 1008
    assert 990 < it.drive.state()['refused'] < 1010


@scene
async def test_a_steady_flood_is_ended_too(it):
    page = await it.open()
    try:
        for _ in range(50_000):
            it.now_s += 1e-4  # ten thousand a second
            await page.send(**command())
            await asyncio.sleep(0)
    except (ConnectionError, aiohttp.ClientError):
        pass
    assert await page.ended() in (1008, 1006)  # the latter where it had no ear for it
    assert 1000 < it.drive.state()['refused'] < 2000


@scene
async def test_as_much_as_a_page_sends_is_no_flood(it):
    page = await it.driver()
    for number in range(2000):
        it.now_s += 0.01
        await page.send(**command(number))
        await page.receive(type='heard', sequence=number)
    assert it.drive.state()['refused'] == 0


@scene
async def test_only_pages_of_this_robot_are_let_in(it):
    for origin in ('', 'null', 'https://evil.example', 'http://127.0.0.1:1'):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await it.open(origin)
        assert refusal.value.status == 403
    own = {'Origin': f'http://127.0.0.1:{it.client.port}'}
    assert (await it.client.get('/drive', headers=own)).status == 426
    assert it.drive.state()['pages'] == 0


@scene
async def test_no_more_than_fifty_pages_of_one_address_are_let_in(it):
    pages = [await it.open() for _ in range(50)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await it.open()
    assert refusal.value.status == 503
    await pages[0].socket.close()
    while it.drive.state()['pages'] == 50:
        await asyncio.sleep(0)
    await (await it.open()).settle()


@scene
async def test_at_the_end_all_pages_are_told(it):
    pages = [await it.driver(), await it.open()]
    closing = asyncio.create_task(it.drive.close())
    assert [await page.ended() for page in pages] == [1001, 1001]
    await closing


# Roles


@scene
async def test_who_only_watches_gets_no_wheel_and_nothing_by_it(it):
    viewer = await it.open(role=Role.WATCHES)
    for message in ({'type': 'take'}, command(), {'type': 'leave'},
                    {'type': 'button', 'name': 'horn', 'pressed': True}):
        await viewer.send(**message)
    await viewer.settle()
    state = await viewer.receive(type='state')
    assert (state['may_drive'], state['you'], state['driver'], state['asking']) == (
        False, False, '', '')
    assert (it.vehicle.commands, it.vehicle.presses, it.vehicle.seats) == ([], [], 0)
    assert it.drive.state()['refused'] == 3
    driver = await it.driver(role=Role.LEADS)
    await viewer.send(type='take')  # nor may it ask
    await viewer.settle()
    assert (await driver.receive(type='state', may_drive=True))['asking'] == ''


@scene
async def test_viewers_leave_places_to_who_has_the_driver_token(it):
    for _ in range(50):
        await it.open(role=Role.WATCHES)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await it.open(role=Role.WATCHES)
    await it.driver(role=Role.LEADS)


@scene
async def test_who_only_watches_may_stop_and_take_back_that_stop_only(it):
    driver = await it.driver(role=Role.LEADS)
    first, second = [await it.open(role=Role.WATCHES) for _ in range(2)]
    await first.send(type='stop')
    await driver.receive(type='state', latched=True)
    await second.send(type='release')
    await second.settle()
    assert it.vehicle.latches == [True]
    await first.send(type='release')
    await driver.receive(type='state', latched=False)
    await first.send(type='stop')
    await first.settle()
    for page in (first, driver):
        await page.socket.close()
    await second.receive(type='state', driver='', may_release=False)
    await second.send(type='release')  # who could release it has gone, and will come back
    await second.settle()
    assert it.vehicle.latches == [True, False, True]
    other = await it.open(role=Role.LEADS)
    await other.send(type='release')  # without the wheel
    await second.receive(type='state', latched=False)


@scene
async def test_a_wheel_that_is_only_held_goes_to_who_has_the_driver_token(it):
    holder = await it.driver(role=Role.LEADS)
    other = await it.open(role=Role.LEADS)
    for number in range(int(IDLE_S) + 1):
        await holder.send(**command(number, throttle=None, steering=0))
        await holder.receive(type='heard', sequence=number)
        it.now_s += 1
        await other.send(type='take')
        await other.settle()
    await other.receive(type='state', you=True)
    await holder.receive(type='state', you=False)
    assert 'was only holding the wheel' in it.lines[-2]
    assert it.preferred == ['v', '', '']


@pytest.mark.parametrize(('role', 'throttle'), [(Role.LEADS, 0.01), (Role.EQUAL, None)])
def test_a_wheel_that_is_used_is_not_taken_nor_by_one_who_may_what_all_may(role, throttle):
    @scene
    async def test(it):
        holder = await it.driver(role=role)
        other = await it.open(role=role)
        for number in range(int(IDLE_S) + 2):
            await holder.send(**command(number, throttle=throttle, steering=None))
            await holder.receive(type='heard', sequence=number)
            it.now_s += 1
            await other.send(type='take')
            await other.settle()
        await other.receive(type='state', you=False, may_take=False)
        assert len(it.lines) == 1
    test()


@scene
async def test_one_who_stops_it_again_and_again_is_named_and_can_be_muted(it):
    driver = await it.driver(role=Role.LEADS)
    nuisance, honest = [await it.open(role=Role.WATCHES, session=name) for name in 'ab']
    for _ in range(AGAIN):
        await nuisance.send(type='stop')
        await driver.receive(type='state', latched=True)
        await driver.send(type='release')
        await driver.receive(type='state', latched=False)
    await driver.settle()
    (name, count), = (await driver.receive(type='state', latched=False))['again'].items()
    assert count == AGAIN
    assert (await honest.receive(type='state'))['again'] == {}
    for page in (honest, nuisance):  # which is for drivers
        await page.send(type='mute', name=name)
        await page.settle()
    await nuisance.receive(type='state', muted=False, may_mute=False)
    await driver.send(type='mute', name=name)
    await nuisance.receive(type='state', muted=True)
    await nuisance.send(type='stop')
    await nuisance.settle()
    again = await it.open(role=Role.WATCHES, session='a')  # by another page
    await again.send(type='stop')
    await again.settle()
    assert it.vehicle.latches == [True, False] * AGAIN
    await honest.send(type='stop')
    await driver.receive(type='state', latched=True, again={})


@scene
async def test_who_stops_it_and_goes_each_time_can_be_muted_too(it):
    driver = await it.driver(role=Role.LEADS)
    for _ in range(AGAIN):
        page = await it.open(role=Role.WATCHES, session='a')
        await page.send(type='stop')
        await page.settle()
        await page.socket.close()
        await driver.send(type='release')
        await driver.settle()
    (name, _), = (await driver.receive(type='state', latched=False))['again'].items()
    await driver.send(type='mute', name=name)
    await (await it.open(role=Role.WATCHES, session='a')).receive(type='state', muted=True)


@scene
async def test_the_driver_token_cannot_be_muted(it):
    driver, other = await it.driver(role=Role.LEADS), await it.open(role=Role.LEADS)
    for _ in range(AGAIN):
        await other.send(type='stop')
        await other.settle()
        await driver.send(type='release')
        await driver.settle()
    assert (await driver.receive(type='state', latched=False))['again'] == {}


# Any JSON

numbers = st.one_of(st.integers(), st.floats(), st.integers(10**15, 10**300), st.booleans())
anything = st.recursive(
    st.one_of(st.none(), numbers, st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4),
                            st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=10)
KINDS = ('take', 'leave', 'drive', 'stop', 'release', 'button', 'mute', 'clock', 'state',
         'heard', '')
FIELDS = ('sequence', 'time_ms', 'seen_ms', 'throttle', 'steering', 'share', 'round_trip_ms',
          'viewer', 'name', 'pressed', 'client_ms')
nearly = st.builds(
    lambda kind, valid, fields: {'type': kind} | (command() if valid else {}) | fields
    | {'type': kind},
    st.one_of(st.sampled_from(KINDS), anything), st.booleans(),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4))
deep = st.builds(lambda bracket, depth: bracket * depth, st.sampled_from('[{"\\'),
                 st.integers(1, 3000))
texts = st.one_of(st.builds(json.dumps, st.one_of(nearly, anything)), st.text(max_size=200), deep)
messages = st.lists(st.one_of(texts, st.binary(max_size=200)), min_size=1, max_size=5)


@pytest.fixture(scope='module')
def robot():
    """Return a loop, a scene, a page that watches all the time, and what the server logs."""
    failures = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = failures.append
    logging.getLogger('aiohttp').addHandler(handler)
    loop = asyncio.new_event_loop()
    it = Scene()
    loop.run_until_complete(it.__aenter__())
    watcher = loop.run_until_complete(it.open())
    yield loop, it, watcher, failures
    logging.getLogger('aiohttp').removeHandler(handler)
    loop.run_until_complete(it.__aexit__())
    loop.run_until_complete(asyncio.wait_for(ended(asyncio.all_tasks(loop)), 10))
    loop.close()


async def ended(tasks):
    await asyncio.gather(*tasks, return_exceptions=True)


@settings(max_examples=3 * settings.default.max_examples)
@given(sent=messages, drives=st.booleans())
def test_whatever_is_sent_is_a_message_or_the_end(robot, sent, drives):
    loop, it, watcher, failures = robot

    async def run():
        before = len(it.vehicle.commands)
        it.now_s += 10
        page = await it.open()
        if drives:
            await page.send(type='take')
        try:
            for data in sent:
                await (page.socket.send_str if isinstance(data, str) else
                       page.socket.send_bytes)(data)
        except (ConnectionError, UnicodeEncodeError):  # it was ended; a text that is none
            pass
        refused = it.drive.state()['refused']
        await page.socket.send_json({'type': 'clock', 'client_ms': 8}) \
            if not page.socket.closed else None
        while True:
            received = await page.socket.receive()
            if received.type is not aiohttp.WSMsgType.TEXT:
                assert page.socket.close_code in (1002, 1007, 1008, 1009, 1006)
                assert it.drive.state()['refused'] > refused - 1
                break
            if json.loads(received.data) == {'type': 'clock', 'client_ms': 8,
                                             'server_ms': 100_000.0}:
                break
        await page.socket.close()
        for heard in it.vehicle.commands[before:]:
            assert drives
            assert math.isfinite(heard.given_s)
            assert math.isfinite(heard.share)
            assert all(value is None or -1 <= value <= 1
                       for value in (heard.throttle, heard.steering))
        await asyncio.wait_for(watcher.settle(), 10)  # others are undisturbed
        assert failures == []

    loop.run_until_complete(run())
