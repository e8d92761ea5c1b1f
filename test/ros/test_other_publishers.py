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

"""Somebody else publishes `cmd_vel`, too: another bridge, or a planner."""

from contextlib import contextmanager
import json

from geometry_msgs.msg import Twist, TwistStamped, Vector3
import pytest
from support.car import Car
from support.driver import Driver
from support.guest import Guest
from support.processes import parameters, running, wait_until
from support.publishing import Repeater
from support.web import ask

TOPIC = '/camera/cmd_vel'
FAST = {'teleop__enabled': 'true', 'teleop__insecure': 'true', 'teleop__max_linear': 2.0,
        'teleop__linear_acceleration': 20.0}
PLANNED = Twist(linear=Vector3(x=0.25))


@pytest.fixture(autouse=True)
def camera():
    with running('camera', *parameters(source='pattern', width=320, height=180, fps=30.0)):
        yield


@pytest.fixture
def planner():
    """Return another node, such as Nav2 has."""
    guest = Guest('planner', '/nav')
    yield guest
    guest.close()


@pytest.fixture
def car(guest):
    return Car(guest, stamped=False)


@contextmanager
def bridge(name='http_bridge', **values):
    with running('bridge', *parameters(port=0, address='127.0.0.1', **(FAST | values)),
                 '-r', f'__node:={name}') as program:
        match = program.wait_for(r'at (http://\S+:(\d+)/)')
        program.url, program.port = match.group(1), int(match.group(2))
        yield program


def driving(program):
    return json.loads(ask(program.port, '/state')[2])['driving']


def go(driver, car):
    driver.sit_down()
    wait_until(lambda: driver.heard)
    driver.hold()
    wait_until(lambda: car.heard and car.heard[-1].linear > 1.9)


def hears(page, count=10):
    """Wait until the robot has told its state so many times more."""
    for _ in range(count):
        before = page.state
        wait_until(lambda before=before: page.state is not before)


@pytest.mark.parametrize('name', ['left_bridge', 'http_bridge'])
def test_with_two_bridges_a_stop_on_one_holds_and_both_pages_say_why(car, guest, name):
    with bridge() as first, bridge(name) as second, Driver(first.url) as driver, \
            Driver(second.url) as other:
        driver.wait_for(others=f'/camera/{name}', others_send=False)
        other.wait_for(others='/camera/http_bridge', others_send=False)
        go(driver, car)
        other.take()  # which is the first one's
        other.wait_for(others_send=True, you=False, driver='', others_move=True)
        assert other.state['refusal'].startswith(
            f"'{TOPIC}' gets commands of others: /camera/http_bridge; the wheel can be taken when")
        other.tell(type='stop')
        driver.wait_for(you=False, driver='')
        assert f'/camera/{name}' in driver.wait_for(others_send=True)['refusal']
        other.wait_for(latched=True, reason='emergency stop', others_send=False)
        assert car.standing
        count = len(car.heard)
        driver.take()  # in vain
        wait_until(lambda: len(car.heard) > count + 40)
        assert all(heard.standing for heard in car.heard[count:])
        assert driver.state['refusal'].startswith(
            f"'{TOPIC}' gets stops of others, such as an emergency stop: /camera/{name}; ")
        assert not driver.drives
        first.wait_for(f"'{TOPIC}' is published by others, too: /camera/{name}")
        first.wait_for(f'has lost the wheel .*/camera/{name}.*: nobody drives')
        if name != 'http_bridge':
            guest.diagnostics('http_bridge: driving', lambda values: values['message'] == (
                f'others send commands: /camera/{name}') and values['level'] == b'\0')
        other.tell(type='release')
        driver.wait_for(refusal='')
        driver.let_go()
        go(driver, car)


def test_a_planner_that_sends_keeps_the_wheel_and_a_stop_is_shown_to_be_contested(
        car, guest, planner):
    with bridge() as program, Driver(program.url) as driver, \
            Repeater(planner, TOPIC, PLANNED, 'reliable') as sending:
        driver.wait_for(others='/nav/planner', others_send=True)
        driver.take()
        hears(driver)
        assert not driver.drives
        assert driving(program)['driver'] == ''
        assert {heard.linear for heard in car.heard} == {0.25}  # no zero among them
        driver.tell(type='stop')
        driver.wait_for(latched=True, others_move=True)
        guest.diagnostics('http_bridge: driving', lambda values: values['message'] == (
            'emergency stop, contested by /nav/planner'))
        wait_until(lambda: {heard.linear for heard in car.heard[-10:]} == {0.0, 0.25})
        sending.message = Twist()
        driver.wait_for(latched=True, others_move=False, others_send=True)
        driver.tell(type='release')
        driver.wait_for(latched=False)
    assert program.output.count('nobody can drive') == 1


def test_who_drives_loses_the_wheel_when_a_planner_begins(car, planner):
    with bridge() as program, Driver(program.url) as driver:
        go(driver, car)
        with Repeater(planner, TOPIC, PLANNED, 'reliable'):
            driver.wait_for(you=False, others_send=True)
            hears(driver)
            wait_until(lambda: {heard.linear for heard in car.heard[-10:]} == {0.25})
            mixed = [heard.linear for heard in car.heard]
            assert mixed[max(index for index, linear in enumerate(mixed) if linear > 0.25):
                         ].count(0.0) == 1  # the last word, and nothing more
        driver.wait_for(refusal='')
        driver.let_go()
        go(driver, car)


def test_publishers_that_do_not_send_are_no_matter(car, planner, another_guest):
    silent = planner.node.create_publisher(Twist, TOPIC, 10)
    stamped = another_guest.node.create_publisher(TwistStamped, TOPIC, 10)
    with bridge() as program, Driver(program.url) as driver:
        driver.wait_for(others='/nav/planner')
        go(driver, car)
        silent.publish(PLANNED)  # one word is none
        hears(driver, 20)
        assert driver.drives
        assert not driver.state['refusal']
        assert car.heard[-1].linear > 1.9
        driver.let_go()
        wait_until(lambda: car.heard[-1].standing)
        hears(driver, 20)  # what it sends itself is nobody else's, also when it is always the same
        assert driver.drives
        planner.node.destroy_publisher(silent)
        driver.wait_for(others='')
        program.wait_for(f"'{TOPIC}' is published as TwistStamped by /another_guest, and as "
                         'Twist here')
    another_guest.node.destroy_publisher(stamped)


def test_who_wants_may_drive_beside_others_and_what_each_says_is_recorded_once(
        car, planner, tmp_path):
    with bridge(teleop__exclusive='false', record_folder=tmp_path, record='always') as program, \
            Driver(program.url) as driver, Repeater(planner, TOPIC, PLANNED, 'reliable'):
        driver.wait_for(others_send=True, refusal='')
        go(driver, car)
        assert driver.drives
        count = len(car.heard)
        wait_until(lambda: len(car.heard) > count + 40)
    notes, = tmp_path.glob('*.jsonl')
    driven = [line for line in map(json.loads, notes.read_text().splitlines())
              if line['type'] == 'driven']
    assert {line['linear'] for line in driven if line['from'] == 'topic'} == {0.25}
    assert max(line['linear'] for line in driven if line['from'] == 'page') > 1.9


def test_commands_with_stamps_are_told_apart_as_well(guest, planner):
    car = Car(guest)
    with bridge(teleop__stamped='true') as program, Driver(program.url) as driver:
        go(driver, car)
        with Repeater(planner, TOPIC, TwistStamped(), 'best effort'):
            driver.wait_for(you=False, others='/nav/planner', others_send=True, others_move=False)
        driver.wait_for(refusal='')
