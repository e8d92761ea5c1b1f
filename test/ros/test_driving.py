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

"""
A page drives a car, and whatever goes wrong, the car stands.

Camera and bridge are real and run in a domain of their own; one of each serves all tests that do
not end them. How late a stop is, is told by the stamps that the bridge gave it.
"""

from contextlib import contextmanager
from itertools import pairwise
import json
import math
import signal
import ssl
import time
from urllib.parse import urlencode

import aiohttp
from benchmarks.common import networks
from nav_msgs.msg import Odometry
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.nodes.bridge.vehicle_buttons import create_buttons
import pytest
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger
from support.car import Car
from support.domains import own_domain
from support.driver import Driver, Hands
from support.driving_link import driving_over
from support.guest import Guest
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.publishing import Repeater
from support.web import ask

TOKEN = 'correct-horse-battery'
BEARER = {'Authorization': f'Bearer {TOKEN}'}
BUTTONS = 'horn bool /horn, lights set_bool /lights, dock trigger /dock'
FAST = {'teleop__enabled': 'true', 'teleop__insecure': 'true', 'teleop__max_linear': 2.0,
        'teleop__max_angular': 2.0, 'teleop__linear_acceleration': 20.0}
COMMAND_AGE_S, VIDEO_AGE_S = 0.3, 0.5
# By then it stands however busy the machine is; `benchmarks driving` measures what is promised.
STANDS_S = 3.0
OWN_TOPIC = '/own/cmd_vel'


@pytest.fixture(scope='module')
def environment():
    with own_domain() as number:
        yield {'ROS_DOMAIN_ID': str(number), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


@pytest.fixture(scope='module', autouse=True)
def camera(environment):
    """Run the camera of all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with running('camera', *parameters(source='pattern', width=320, height=180, fps=30.0)
                     ) as program:
            yield program


@pytest.fixture(autouse=True)
def _domain(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope='module')
def shared(camera, environment):
    """Run the bridge of all tests that do not end it; its car is `car`."""
    values = FAST | {'access_token': TOKEN, 'allowed_origins': 'https://friend.example',
                     'teleop__stamped': 'true', 'teleop__buttons': BUTTONS}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with run_bridge(**values) as program:
            yield program


@pytest.fixture(scope='module')
def garage(shared, environment):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        guest = Guest('car')
    yield Car(guest)
    guest.close()


@pytest.fixture
def bridge(shared):
    """Return the shared bridge, once nobody is at the wheel."""
    wait_until(lambda: driving(shared)['pages'] == 0)
    return shared


@pytest.fixture
def car(bridge, garage):
    """Return the shared bridge's car, at the origin."""
    garage.reset()
    return garage


@contextmanager
def run_bridge(*remaps, **values):
    with running('bridge', *parameters(port=0, address='127.0.0.1', **values), *remaps) as program:
        find(program)
        yield program


def own_bridge(*words, **values):
    """Run a bridge beside the shared one, for a car of its own."""
    return run_bridge('-r', f'cmd_vel:={OWN_TOPIC}', *words, **values)


def find(program):
    match = program.wait_for(r'at (https?://\S+:(\d+)/)')
    program.url, program.port = match.group(1), int(match.group(2))
    return program


def driving(program):
    """Return what the bridge says of driving."""
    return json.loads(ask(program.port, '/state', **BEARER)[2])['driving']


def page(program, **options):
    return Driver(program.url, token=TOKEN, **options)


def go(driver, car, **hands):
    """Take the wheel and drive, until the car does as it should."""
    driver.sit_down()
    wait_until(lambda: driver.heard)  # with empty hands: that is wanted after an emergency stop
    driver.hold(**hands)
    wait_until(lambda: car.heard and abs(car.heard[-1].linear) > 1.9)


def settle(driver):
    """Return when the bridge has dealt with all that this page has sent."""
    sent_ms = time.time() * 1e3
    driver.tell(type='clock', client_ms=sent_ms)
    wait_until(lambda: driver.clock_ms and driver.clock_ms[0] >= sent_ms)


def stop_after(car, moment_s):
    """Return the first stop that was published after a moment, as soon as it is there."""
    def find_stop():
        return next((heard for heard in list(car.heard)
                     if heard.stamp_s > moment_s and heard.standing), None)
    return wait_until(find_stop)


def last_given(driver):
    """Return when the last command was given that the bridge has confirmed."""
    return driver.given[next(reversed(driver.heard))]


def refused(program, more_than):
    return wait_until(lambda: driving(program)['refused'] > more_than)


# Where it goes


def test_it_drives_and_stands_where_it_should(bridge, car, guest):
    odometry = guest.listen(Odometry, '/odom')
    with page(bridge) as driver:
        go(driver, car, share=1.0)
        wait_until(lambda: car.x > 1.0)
        driver.let_go()
        wait_until(lambda: car.heard[-1].standing)
        assert car.standing
        rest = car.x
        assert abs(car.y) < 1e-9
        assert sum(one.linear * min(after.came_s - one.came_s, car.timeout_s) for one, after in
                   pairwise(list(car.heard))) == pytest.approx(rest, abs=0.2)
        driver.hold(throttle=-0.5, share=0.5)
        wait_until(lambda: car.x < rest - 0.1)
        assert min(one.linear for one in car.heard) == pytest.approx(-0.5, abs=0.01)
        driver.hold(throttle=0.0, steering=1.0)
        wait_until(lambda: car.yaw > 0.5)  # to the left (REP 103)
        driver.hold(throttle=0.0, steering=-1.0)
        wait_until(lambda: car.yaw < 0)
        driver.let_go()
        wait_until(lambda: car.heard[-1].standing)
        while odometry.get(timeout=WAIT_S).pose.pose.position.x != car.x:
            pass
        assert {'linear': 0.0, 'angular': 0.0, 'reason': 'released', 'latched': False}.items() <= (
            driver.wait_for(reason='released').items())
    assert max(abs(one.linear) for one in car.heard) <= 2.0
    steps = [after.linear - one.linear for one, after in pairwise(car.heard)
             if not after.standing]
    assert max(steps) <= 20.0 * 0.05 + 1e-9  # its acceleration


def test_who_drives_and_how_is_seen_and_recorded(bridge, car, guest):
    with page(bridge) as driver:
        go(driver, car)
        name = driver.state['driver']
        wait_until(lambda: driving(bridge)['round_trip_ms'] is not None
                   and driving(bridge)['commands_per_s'] > 15)
        state = driving(bridge)
        assert (state['driver'], state['pages'], state['reason']) == (name, 1, '')
        values = guest.diagnostics('http_bridge: driving', lambda v: v['driver'] == name)
        assert values['message'] == f'{name} drives'
        assert {'commands_per_s', 'round_trip_ms', 'refused', 'dropped', 'reason', 'limit'
                } <= values.keys()
        bridge.wait_for(f'{name} drives')
        sent_ms, robot_ms, received_ms = driver.clock_ms
        assert sent_ms - 1 <= robot_ms <= received_ms + 1
    bridge.wait_for(f'{name} has gone: nobody drives')
    guest.diagnostics('http_bridge: driving', lambda v: v['message'] == 'nobody drives')


# The safety chain


def test_a_command_that_is_too_old_is_a_stop(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        stops = driving(bridge)['stops'].get('the last command is too old', 0)
        driver.behind_s = COMMAND_AGE_S + 0.1
        began_s = time.time()
        stop = stop_after(car, began_s)
        good = [given_s for given_s in driver.given.values() if given_s > began_s - 1]
        assert stop.stamp_s - max(s for s in good if s < stop.stamp_s - COMMAND_AGE_S) < STANDS_S
        driver.wait_for(reason='no commands come')  # those that come are none
        assert driving(bridge)['stops']['the last command is too old'] == stops + 1
        assert driving(bridge)['dropped'] > 0
        bridge.wait_for('the vehicle is stopped: the last command is too old')


def test_without_commands_there_is_a_stop_and_then_nothing(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        driver.silent = True
        driver.wait_for(reason='no commands come')
        settle(driver)
        count, given_s = len(car.heard), last_given(driver)
        assert car.heard[-1].standing
        assert stop_after(car, given_s).stamp_s - given_s < STANDS_S
        assert car.heard[-1].stamp_s - given_s < STANDS_S
        time.sleep(0.3)  # six periods, in which something could come
        assert len(car.heard) == count
        driver.silent = False
        wait_until(lambda: car.heard[-1].linear == 2.0)


def test_a_frozen_picture_is_a_stop_while_commands_go_on(bridge, car, camera):
    with page(bridge) as driver:
        go(driver, car)
        camera.process.send_signal(signal.SIGSTOP)
        try:
            last_s = driver.pictures[-1][1]
            stop = stop_after(car, last_s)
            last_s = driver.pictures[-1][1]  # it may have been under way
            assert [one for one in car.heard if one.stamp_s > last_s + VIDEO_AGE_S + 0.1
                    and one.linear == 2.0] == []
            driver.wait_for(reason='the picture is too old', limit=0.0)
            heard = len(driver.heard)
            wait_until(lambda: len(driver.heard) > heard + 10)
            assert all(one.standing for one in car.heard if one.stamp_s >= stop.stamp_s)
            moving = [one for one in car.heard if last_s + VIDEO_AGE_S + 0.01 < one.stamp_s
                      and not one.standing]
            assert all(0 < one.linear < 2.0 for one in moving)  # on its way to rest
        finally:
            camera.process.send_signal(signal.SIGCONT)
        wait_until(lambda: car.heard[-1].linear == 2.0)
        bridge.wait_for('the vehicle is stopped: the picture is too old')


def test_who_sees_nothing_does_not_move(bridge, car):
    with page(bridge, watch=False) as driver, page(bridge) as other:
        wait_until(lambda: other.pictures)
        driver.sit_down()
        driver.hold()
        for seen_ms in (None, 1.0, time.time() * 1e3, time.time() * 1e3 + 5000):  # never taken
            driver.seen_ms = seen_ms
            heard = len(driver.heard)
            wait_until(lambda heard=heard: len(driver.heard) > heard + 5)
            driver.wait_for(reason='the picture is too old', limit=0.0)
        assert all(one.standing for one in car.heard)

        def moves():
            driver.seen_ms = other.pictures[-1][1] * 1e3
            return not car.heard[-1].standing
        wait_until(moves)


def test_the_emergency_stop_is_everybodys(bridge, car):
    with page(bridge) as driver, page(bridge, watch=False) as spectator, \
            page(bridge, watch=False) as third:
        go(driver, car)
        spectator.tell(type='stop')
        stop_after(car, time.time() - 1)
        state = driver.wait_for(latched=True, reason='emergency stop')
        assert state['latched_by'] != state['driver']
        third.tell(type='release')  # he has not stopped it
        settle(third)
        assert driving(bridge)['latched']
        count = len(car.heard)
        wait_until(lambda: len(car.heard) > count + 10)
        assert all(one.standing for one in car.heard[count - 1:])
        driver.tell(type='release')
        driver.wait_for(latched=False, reason='released')  # what he still holds moves nothing
        held, driver.hands = driver.hands, Hands()
        heard = len(driver.heard)
        wait_until(lambda: len(driver.heard) > heard + 3)
        driver.hands = held
        wait_until(lambda: car.heard[-1].linear == 2.0)
        spectator.tell(type='stop')
        driver.wait_for(latched=True)
        spectator.tell(type='release')
        driver.wait_for(latched=False)
        bridge.wait_for(f"emergency stop by {state['latched_by']}")
        bridge.wait_for(f"emergency stop released by {state['driver']}")
        driver.tell(type='stop')
        spectator.wait_for(latched=True)
        wait_until(lambda: car.heard[-1].standing)
    with page(bridge, watch=False) as newcomer:  # those who could release it have gone
        newcomer.wait_for(latched=True)
        newcomer.tell(type='release')
        newcomer.wait_for(latched=False, latched_by='')


def test_late_and_repeated_commands_are_dropped(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        driver.silent = True
        dropped = driving(bridge)['dropped']
        first = driver.command()
        driver.tell(**first)
        for backwards in (first, driver.command(sequence=first['sequence'] - 1),
                          driver.command(time_ms=time.time() * 1e3 - 400),
                          driver.command(time_ms=time.time() * 1e3 + 5000)):
            driver.tell(**(backwards | {'throttle': -1.0}))
        settle(driver)
        assert driving(bridge)['dropped'] == dropped + 4
        driver.wait_for(reason='no commands come')
    assert min(one.linear for one in car.heard) == 0.0


def test_a_burst_after_a_stall_is_not_played_back(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        driver.silent = True
        driver.wait_for(reason='no commands come')
        dropped, now_ms = driving(bridge)['dropped'], time.time() * 1e3
        for number in range(90):  # of three seconds: backwards, and none at the end
            old = number < 80
            driver.tell(**driver.command(
                time_ms=now_ms - 3000 + number * 1000 / 30, throttle=-1.0 if old else None))
        settle(driver)
        assert driving(bridge)['dropped'] >= dropped + 80
        assert all(one.linear >= 0 for one in car.heard)
        # As many at once as a page has no reason to send: the last word is heard all the same.
        driver.send(json.dumps(driver.command()), times=200)
        driver.tell(type='stop')
        driver.wait_for(latched=True)
        driver.tell(type='release')
        wait_until(lambda: not driver.tell(type='release') and not driving(bridge)['latched'])


# One driver


def test_two_compete_for_the_wheel(bridge, car):
    with page(bridge) as first, page(bridge) as second:
        go(first, car)
        name = first.state['driver']
        second.take()
        state = wait_until(lambda: first.state.get('asking') and first.state)
        assert state['asking'] != name == state['driver']
        second.wait_for(driver=name, you=False, asking=state['asking'])
        before = driving(bridge)['refused']
        for _ in range(5):
            second.tell(**second.command(throttle=-1.0, steering=1.0))
        refused(bridge, before + 4)
        first.tell(type='leave')
        stop_after(car, time.time() - 1)
        first.wait_for(driver='', you=False)
        assert all(one.linear >= 0 for one in car.heard)
        go(second, car, throttle=-1.0)
        first.wait_for(driver=state['asking'], asking='', you=False)
        assert car.heard[-1].linear < 0
        bridge.wait_for(f'{name} has given up the wheel: nobody drives')


def test_who_is_silent_loses_the_wheel(bridge, car, guest):
    with page(bridge) as driver, page(bridge, watch=False) as other:
        go(driver, car)
        name = driver.state['driver']
        driver.silent = True
        other.wait_for(driver='')
        bridge.wait_for(f'{name} was silent for 5 s: nobody drives')
        wait_until(lambda: all(one.standing for one in car.heard[-5:]))
        other.take()
        other.wait_for(you=True)
        before, heard = driving(bridge)['refused'], len(car.heard)
        driver.silent = False
        driver.tell(**driver.command())  # he does not know it yet
        refused(bridge, before)
        wait_until(lambda: len(car.heard) >= heard + 5)
        assert all(one.standing for one in car.heard[heard:])


def test_the_same_cookie_is_another_page(bridge, car):
    answer = ask(bridge.port, '/login', 'POST', urlencode({'token': TOKEN}),
                 **{'Content-Type': 'application/x-www-form-urlencoded'})
    cookie = answer[1]['Set-Cookie'].partition(';')[0]
    with Driver(bridge.url, cookie=cookie) as driver, Driver(bridge.url, cookie=cookie) as tab:
        go(driver, car)
        before = driving(bridge)['refused']
        wait_until(lambda: tab.seen_ms)
        for _ in range(20):
            tab.tell(**tab.command(throttle=-1.0, sequence=10**9))
        tab.tell(type='button', name='horn', pressed=True)
        refused(bridge, before + 20)
        wait_until(lambda: car.heard[-1].linear == 2.0)
        assert all(one.linear > 0 for one in car.heard if not one.standing)
        assert driver.drives


# Bad input


@pytest.mark.parametrize('changed', [
    {'throttle': 1e9, 'share': 1e9}, {'throttle': -1e12, 'steering': -1e12},
    {'share': -5.0}, {'throttle': 0.1, 'share': 1e14}], ids=str)
def test_what_is_out_of_range_is_clamped(bridge, car, changed):
    with page(bridge) as driver:
        driver.sit_down()
        driver.silent = True
        for _ in range(10):
            driver.tell(**driver.command(**({'throttle': 1.0, 'steering': 0.0} | changed)))
            time.sleep(0.02)
        wait_until(lambda: car.heard)
        driver.wait_for(reason='no commands come')
    assert all(abs(one.linear) <= 2.0 and abs(one.angular) <= 2.0 for one in car.heard)
    if 'share' in changed and changed['share'] < 0:
        assert all(one.standing for one in car.heard)


GARBAGE = ['', '{', '[]', '"drive"', 'null', '[' * 1000, '{"type": "drive"}', '{"type": []}',
           '{"type": "fly"}', 'x' * 5000, b'', b'\x00\xff' * 100, b'{"type": "stop"}',
           '{"type": "clock", "client_ms": NaN}', '{"type": "button", "name": 1, "pressed": 1}',
           '{"type": "drive", "sequence": 1, "time_ms": %s, "seen_ms": null, "throttle": 1, '
           '"steering": 0, "share": 1}' % ('9' * 400)]


def test_garbage_ends_its_connection_and_disturbs_nobody(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        began_s, before = time.time(), driving(bridge)['refused']
        nan = [json.dumps(driver.command(**{key: value})) for key, value in (
            ('throttle', math.nan), ('steering', math.inf), ('share', -math.inf),
            ('time_ms', math.nan), ('seen_ms', math.nan), ('throttle', '1'), ('share', None),
            ('sequence', 1.5), ('sequence', True), ('time_ms', [1]), ('round_trip_ms', 'x'))]
        for data in GARBAGE + nan:
            with page(bridge, watch=False) as spectator:
                spectator.send(data)
                wait_until(lambda spectator=spectator: spectator.code)
                assert spectator.code in (1008, 1009), data
        wait_until(lambda: driving(bridge)['refused'] >= before + len(GARBAGE + nan))
        undisturbed(driver, car, began_s)
        driver.send(nan[0])  # and the driver's own is no better
        wait_until(lambda: driver.code == 1008)
        stop_after(car, began_s)
    assert 'Traceback' not in bridge.output


def undisturbed(driver, car, began_s):
    """See that the car went on as commanded, but where driver or bridge had no processor."""
    ended_s = time.time()
    given = [s for s in driver.given.values() if began_s - 0.5 < s]
    published = [one.stamp_s for one in car.heard if began_s - 0.5 < one.stamp_s]
    late = [one for times_s in (given, published) for one, after in pairwise(times_s)
            if after - one > 0.2]
    for one in list(car.heard):
        if began_s < one.stamp_s < ended_s:
            assert one.linear == 2.0 or any(s < one.stamp_s < s + 2 for s in late), one


def test_a_flood_of_a_spectator_disturbs_nobody(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        began_s, before = time.time(), driving(bridge)['refused']
        sent = 0
        while sent < 10_000:
            with page(bridge, watch=False) as spectator:
                flood = json.dumps(spectator.command(throttle=-1.0))
                while spectator.code is None and spectator.send(flood, times=100):
                    sent += 100
                assert wait_until(lambda spectator=spectator: spectator.code) == 1008
        refused(bridge, before + 1000)
        undisturbed(driver, car, began_s)
        assert driver.drives


def test_a_flood_of_the_driver_is_no_faster_than_others(bridge, car):
    with page(bridge) as driver:
        go(driver, car)
        before, began_s = driving(bridge)['refused'], time.time()
        driver.silent = True
        for _ in range(100):
            texts = [json.dumps(driver.command(throttle=number % 2)) for number in range(100)]
            if not all(driver.send(text) for text in texts):
                break
        assert wait_until(lambda: driver.code) == 1008
        refused(bridge, before + 1000)
        stop_after(car, began_s)
        wait_until(lambda: driving(bridge)['driver'] == '')
    span = [one for one in car.heard if one.stamp_s > began_s]
    assert all(0 <= one.linear <= 2.0 for one in span)


# Who may


def test_only_the_robots_own_page_with_the_token_may_drive(bridge):
    for status, options in (
            (401, {'token': ''}), (401, {'token': 'wrong-horse-battery'}),
            (401, {'token': '', 'cookie': 'pi_camera_stream=x'}),
            (403, {'origin': 'https://evil.example'}), (403, {'origin': 'null'}),
            (403, {'origin': 'https://friend.example'})):  # who may watch
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal, \
                Driver(bridge.url, **({'token': TOKEN} | options)):
            pass
        assert refusal.value.status == status, options
    upgrade = {'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
               'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=='}
    status, _, text = ask(bridge.port, '/drive', **BEARER, **upgrade)  # of no page at all
    assert (status, text) == (403, 'only the viewer page of this robot can drive it\n')
    own = {'Origin': bridge.url.rstrip('/'), **BEARER}
    assert ask(bridge.port, '/drive', **own)[0] == 426
    odd_key = {'Sec-WebSocket-Key': 'n\xf6'}
    assert ask(bridge.port, '/drive', **{**own, **upgrade, **odd_key})[0] in (400, 426)
    assert driving(bridge)['pages'] == 0
    assert 'Traceback' not in bridge.output


@pytest.mark.parametrize(('values', 'missing_words'), [
    ({}, r'an access token \(.*\) and HTTPS'), ({'access_token': TOKEN}, 'needs HTTPS')])
def test_without_token_or_https_driving_is_refused_in_one_sentence(values, missing_words):
    program = Program('bridge', *parameters(port=0, teleop__enabled='true', **values))
    assert program.wait() == 1
    line, = program.output.strip().splitlines()
    assert line.startswith("http_bridge_node: error: 'teleop.enabled' needs")
    program.wait_for(missing_words)


def test_by_default_nothing_can_be_driven():
    with own_bridge() as program:
        assert ask(program.port, '/drive', Origin=program.url.rstrip('/'))[0] == 404
        assert 'driving' not in json.loads(ask(program.port, '/state')[2])


def test_with_token_and_https_it_drives(certificate, guest):
    car, (certfile, keyfile) = Car(guest, OWN_TOPIC), certificate
    values = {name: value for name, value in FAST.items() if name != 'teleop__insecure'}
    with own_bridge(certfile=certfile, keyfile=keyfile, access_token=TOKEN,
                    teleop__stamped='true', **values) as program:
        trusting = ssl.create_default_context(cafile=certfile)
        with Driver(program.url, token=TOKEN, tls=trusting) as driver:
            go(driver, car)
        wait_until(lambda: car.heard[-1].standing)


# The end of the bridge


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_orderly_end_is_a_stop(guest, number):
    car = Car(guest, OWN_TOPIC, timeout_s=math.inf)
    program = find(start_bridge())
    with Driver(program.url) as driver:
        go(driver, car)
        assert program.stop(number) == 0
        wait_until(lambda: car.heard[-1].standing)
        assert car.heard[-2].linear > 1.9
        assert car.standing
    assert 'Traceback' not in program.output, program.output


def test_when_the_bridge_dies_nothing_is_repeated_and_the_cars_timeout_stops_it(guest):
    car = Car(guest, OWN_TOPIC)
    program = find(start_bridge())
    with Driver(program.url) as driver:
        go(driver, car)
        program.process.kill()
        program.wait()
        wait_until(lambda: car.standing)
        assert car.heard[-1].linear > 1.9
        count, x = len(car.heard), car.x
        time.sleep(0.2)  # in which something could come
        assert (len(car.heard), car.x) == (count, x)


def test_when_the_cable_is_pulled_the_car_stands(missing):
    if reason := networks.unavailable():
        missing(reason)
    with networks.two_hosts() as (robot, desk), \
            driving_over(robot, desk, networks.ADDRESSES[0]) as drive:
        for _ in range(5):
            after_s, moved = drive.cut(seconds=0.7)
            assert after_s < STANDS_S
            assert moved == []


def start_bridge():
    return Program('bridge', *parameters(port=0, address='127.0.0.1', teleop__stamped='true',
                                         **FAST), '-r', f'cmd_vel:={OWN_TOPIC}')


# What there is beside


def test_a_car_that_steers_and_does_not_go_backwards(guest):
    car = Car(guest, OWN_TOPIC, stamped=False)
    with own_bridge(**FAST, teleop__wheelbase=0.5, teleop__max_steering=0.4,
                    teleop__reverse='false', teleop__angular_acceleration=100.0) as program, \
            Driver(program.url) as driver:
        assert not driver.state['reverse']
        assert driver.state['car']
        go(driver, car, steering=-1.0)
        last = car.heard[-1]
        assert math.isnan(last.stamp_s)  # a plain Twist
        assert last.angular == pytest.approx(-last.linear * math.tan(0.4) / 0.5)
        driver.hold(throttle=-1.0, steering=1.0)
        wait_until(lambda: car.heard[-1].standing)
        driver.hold(throttle=0.0, steering=1.0)
        heard = len(driver.heard)
        wait_until(lambda: len(driver.heard) > heard + 5)
        assert all(one.linear >= 0 and (one.linear or not one.angular) for one in car.heard)
        assert all(one.standing for one in car.heard[-3:])


def test_limits_that_are_lowered_count_at_once_and_the_page_is_told(guest):
    car = Car(guest, OWN_TOPIC, stamped=False)
    with own_bridge('-r', '__node:=limited', **FAST) as program, \
            Driver(program.url) as driver:
        node = '/camera/limited'
        go(driver, car)
        before = len(car.heard)
        assert guest.set_parameter(node, 'teleop.max_linear', 0.5).successful
        wait_until(lambda: car.heard[-1].linear == 0.5)
        # Although by its acceleration it would take two steps more.
        assert {one.linear for one in car.heard[before:]} <= {2.0, 0.5}
        driver.wait_for(max_linear=0.5)
        assert guest.set_parameter(node, 'teleop.reverse', False).successful
        driver.wait_for(reverse=False)
        driver.hold(throttle=-1.0)
        wait_until(lambda: car.heard[-1].standing)
        refused = guest.set_parameter(node, 'teleop.max_linear', 51)
        assert refused.reason == "parameter 'teleop.max_linear' must be 0.01 to 50 m/s, not 51.0"
        refused = guest.set_parameter(node, 'teleop.stamped', True)
        assert 'read-only' in refused.reason


def test_buttons_switch_things(bridge, guest):
    horn, switched = guest.listen(Bool, '/horn'), []

    def lights(request, response):
        switched.append(request.data)
        return response

    def dock(_, response):
        switched.append('dock')
        return response

    guest.node.create_service(SetBool, '/lights', lights)
    guest.node.create_service(Trigger, '/dock', dock)
    with page(bridge) as driver:
        driver.sit_down()
        assert driver.state['buttons'] == ['horn', 'lights', 'dock']

        def press(name, expected):
            def pressed():
                if expected():
                    return True
                driver.tell(type='button', name=name, pressed=True)
                settle(driver)
                driver.tell(type='button', name=name, pressed=False)
                time.sleep(0.1)
                return expected()
            wait_until(pressed)

        press('lights', lambda: True in switched and False in switched)
        press('dock', lambda: 'dock' in switched)
        press('horn', lambda: not horn.empty())
        assert horn.get().data is True
        assert horn.get(timeout=10).data is False
        time.sleep(1)  # after as many presses as it took, for those that follow to be heard
        driver.tell(type='button', name='nothing', pressed=True)
        driver.tell(type='button', name='horn', pressed=True)
        assert horn.get(timeout=10).data is True
    assert horn.get(timeout=10).data is False  # nobody holds it any more


def test_the_battery_is_shown(bridge, guest):
    with page(bridge, watch=False) as driver, Repeater(
            guest, '/camera/battery_state', BatteryState(percentage=0.5, voltage=7.4)) as repeater:
        wait_until(lambda: driver.state.get('battery') == {'percentage': 0.5, 'voltage': 7.4})
        repeater.message = BatteryState(percentage=math.nan, voltage=math.inf)
        wait_until(lambda: driver.state.get('battery') == {'percentage': None, 'voltage': None})


@pytest.mark.parametrize('text', [
    'horn', 'horn bool', 'horn honk /horn', 'horn bool /a b', 'horn bool a//b', 'h:n bool /horn',
    'horn bool /1', 'horn bool {nonsense}', 'horn bool /a, horn bool /b',
    'x' * 17 + ' bool /x', 'a bool /a, b bool /b, c bool /c, d bool /d, e bool /e'])
def test_a_bad_text_for_buttons_is_explained(guest, text):
    with pytest.raises(PermanentError, match=r"parameter 'teleop\.buttons'"):
        create_buttons(guest.node, text)


def test_no_buttons_are_none(guest):
    assert create_buttons(guest.node, ' , ') == []
