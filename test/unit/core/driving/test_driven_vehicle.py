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

"""The thread that drives, and an actuator that remembers what it is told."""

import threading

from pi_camera_stream.core.driving.actuator import Actuator
from pi_camera_stream.core.driving.driven_vehicle import Button, DrivenVehicle
from pi_camera_stream.core.driving.limits import Limits
from pi_camera_stream.core.driving.safety_chain import Command, SafetyChain
import pytest
from support.processes import WAIT_S, wait_until

FAST = Limits(linear_acceleration=1000.0, angular_acceleration=1000.0)


class Remembering(Actuator):
    def __init__(self):
        self.told, self.trouble, self.reason = [], '', ''
        self.error = None

    def start(self):
        self.told.append('start')

    def drive(self, linear, angular):
        self.told.append((linear, angular))
        if self.error is not None:
            raise self.error

    def stop(self):
        self.told.append('stop')

    def fault(self):
        return self.trouble

    def refusal(self):
        return self.reason

    def close(self, used):
        self.told.append('used' if used else 'unused')


class Hands(threading.Thread):
    """Somebody who drives, 30 times a second, until `stop`."""

    def __init__(self, vehicle):
        super().__init__()
        self._vehicle, self._ended = vehicle, threading.Event()
        self.throttle, self.given = 1.0, 0

    def run(self):
        while not self._ended.wait(1 / 30):
            now_s = self._vehicle.now_s()
            hold = self.throttle
            self._vehicle.on_command(Command(self.given, now_s, now_s, hold,
                                             None if hold is None else 0.0))
            self.given += 1

    def stop(self):
        self._ended.set()
        self.join(WAIT_S)


@pytest.fixture
def actuator():
    return Remembering()


@pytest.fixture
def lines():
    return []


@pytest.fixture
def presses():
    return []


@pytest.fixture
def vehicle(actuator, lines, presses):
    vehicle = DrivenVehicle(SafetyChain(FAST, 0.5), actuator, lines.append,
                            [Button('horn', presses.append)])
    yield vehicle
    vehicle.stop()


@pytest.fixture
def hands(vehicle):
    vehicle.start()
    hands = Hands(vehicle)
    hands.start()
    yield hands
    hands.stop()


def test_where_nobody_drives_nothing_is_told(vehicle, actuator):
    vehicle.start()
    vehicle.stop()
    assert actuator.told == ['start', 'unused']


def test_the_last_word_is_said_once_even_if_it_never_began(vehicle, actuator):
    vehicle.stop()
    vehicle.stop()
    assert actuator.told == ['unused']


def test_a_fault_at_the_end_is_said(vehicle, actuator, lines):
    vehicle.start()
    actuator.trouble = 'its stop() raises OSError()'
    vehicle.stop()
    assert lines[-1] == 'the vehicle may still be moving at the end: its stop() raises OSError()'


def test_what_is_sent_is_told_to_who_records_it(vehicle, actuator, hands):
    sent = []
    vehicle.on_sent = lambda *velocity: sent.append(velocity)
    wait_until(lambda: (0.5, 0.0) in sent)
    vehicle.stop()
    told = [velocity for velocity in actuator.told if isinstance(velocity, tuple)]
    assert [velocity for velocity in sent if velocity != (0.0, 0.0)] == told[-len(sent):]


def test_it_moves_while_somebody_drives_and_the_end_is_told(vehicle, actuator, hands):
    wait_until(lambda: (0.5, 0.0) in actuator.told)
    vehicle.stop()
    assert actuator.told[-1] == 'used'
    told = len(actuator.told)
    assert not vehicle.state()['fault']
    vehicle.change_driver()
    assert len(actuator.told) == told


def test_silence_is_a_stop_and_then_nothing(vehicle, actuator, hands, lines):
    wait_until(lambda: (0.5, 0.0) in actuator.told)
    hands.stop()
    wait_until(lambda: vehicle.state()['reason'] == 'no commands come')
    wait_until(lambda: vehicle.state()['limit'] == 0.0)
    assert actuator.told[-1] == 'stop'
    assert any('the vehicle is stopped' in line for line in lines)


def test_a_fault_stops_it_and_has_to_be_let_go_of(vehicle, actuator, hands, lines):
    wait_until(lambda: (0.5, 0.0) in actuator.told)
    actuator.trouble = 'its drive() raises OSError()'
    wait_until(lambda: vehicle.state()['fault'] == actuator.trouble)
    wait_until(lambda: actuator.told[-1] == 'stop')
    state = vehicle.state()
    assert (state['reason'], state['linear']) == ('the vehicle does not do what it is told', 0.0)
    assert state['stops'] == {state['reason']: 1}
    for number in range(5):  # it is in the log once, however it changes
        actuator.trouble = f'its stop() raises OSError({number})'
        wait_until(lambda: vehicle.state()['fault'] == actuator.trouble)
    assert lines == ['the vehicle has failed and is being stopped: its drive() raises OSError()',
                     'the vehicle still cannot be driven: its stop() raises OSError(0)']
    actuator.trouble = ''
    wait_until(lambda: vehicle.state()['reason'] == 'released')
    assert actuator.told[-1] == 'stop'
    hands.throttle, given = None, hands.given
    wait_until(lambda: hands.given > given + 1)
    hands.throttle = 1.0
    wait_until(lambda: actuator.told[-1] == (0.5, 0.0))
    assert 'responds again' in lines[2]


def test_while_nobody_may_have_the_wheel_it_is_silent_but_for_the_emergency_stop(
        vehicle, actuator, hands, lines):
    wait_until(lambda: (0.5, 0.0) in actuator.told)
    actuator.reason = 'others send'
    wait_until(vehicle.refusal)
    wait_until(lambda: actuator.told[-1] == 'stop')
    told, given = len(actuator.told), hands.given
    wait_until(lambda: hands.given > given + 10)
    assert actuator.told[told - 2] != 'stop'  # one, for who had the wheel, and nothing more
    assert len(actuator.told) == told
    assert lines == ['nobody can drive: others send']
    vehicle.latch(True)
    wait_until(lambda: len(actuator.told) > told + 5)
    assert set(actuator.told[told:]) == {'stop'}
    vehicle.latch(False)
    wait_until(lambda: vehicle.state()['reason'] == 'nobody drives')
    actuator.reason = ''
    wait_until(lambda: not vehicle.refusal())
    hands.throttle, given = None, hands.given
    wait_until(lambda: hands.given > given + 1)
    hands.throttle = 1.0
    wait_until(lambda: actuator.told[-1] == (0.5, 0.0))


def test_what_an_actuator_raises_does_not_end_the_thread(vehicle, actuator, hands, lines):
    actuator.error = ValueError('not like that')
    wait_until(lambda: lines)
    assert lines == ["cannot send commands to the vehicle: ValueError('not like that')"]
    actuator.error = None
    told = len(actuator.told)
    wait_until(lambda: (0.5, 0.0) in actuator.told[told:])


def test_buttons_are_released_when_the_driver_goes(vehicle, presses, hands):
    vehicle.press('horn', True)
    vehicle.press('trumpet', True)
    vehicle.change_driver()
    vehicle.press('horn', False)
    assert presses == [True, False]


def test_the_emergency_stop_is_told_again_and_again(vehicle, actuator, hands):
    vehicle.latch(True)
    wait_until(lambda: vehicle.state()['reason'] == 'emergency stop')
    told = len(actuator.told)
    wait_until(lambda: len(actuator.told) > told + 5)
    assert set(actuator.told[told:]) == {'stop'}
