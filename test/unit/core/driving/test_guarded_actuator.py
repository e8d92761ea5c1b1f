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

"""A vehicle's own class may raise and hang, and is stopped all the same."""

from contextlib import contextmanager
import threading

from pi_camera_stream.core.driving.guarded_actuator import GuardedActuator
import pytest
from support.processes import WAIT_S, wait_until

IMPATIENT_S = 0.05


class Motors:
    """Remembers what it is told, and by which thread; does what the test wants it to do."""

    def __init__(self):
        self.calls, self.threads = [], []
        self.on_drive = self.on_stop = lambda: None

    def drive(self, linear, angular):
        self._note((linear, angular))
        self.on_drive()

    def stop(self):
        self._note('stop')
        self.on_stop()

    def _note(self, call):
        self.threads.append(threading.current_thread().name)
        self.calls.append(call)


@contextmanager
def guarded(motors, patience_s=WAIT_S):
    actuator = GuardedActuator(motors, patience_s)
    actuator.start()
    try:
        yield actuator
    finally:
        motors.on_drive = motors.on_stop = lambda: None
        actuator.close(used=True)


def failing(error):
    def fail():
        raise error
    return fail


@pytest.fixture
def motors():
    return Motors()


def test_it_begins_and_ends_with_a_stop(motors):
    with guarded(motors) as actuator:
        wait_until(lambda: motors.calls == ['stop'])
        actuator.drive(1.0, -0.5)
        wait_until(lambda: motors.calls == ['stop', (1.0, -0.5)])
        assert actuator.fault() == ''
    assert motors.calls == ['stop', (1.0, -0.5), 'stop']
    assert set(motors.threads) == {'vehicle'}


def test_what_never_began_is_stopped_all_the_same(motors):
    GuardedActuator(motors, WAIT_S).close(used=False)
    assert motors.calls == ['stop']


def test_while_it_is_busy_newer_words_replace_older_ones(motors):
    busy, going_on = threading.Event(), threading.Event()

    def wait():
        busy.set()
        going_on.wait(WAIT_S)

    motors.on_drive = wait
    with guarded(motors) as actuator:
        actuator.drive(1.0, 0.0)
        assert busy.wait(WAIT_S)
        for number in range(2, 6):
            actuator.drive(float(number), 0.0)
        going_on.set()
        wait_until(lambda: (5.0, 0.0) in motors.calls)
    assert [call for call in motors.calls if call != 'stop'] == [(1.0, 0.0), (5.0, 0.0)]


@pytest.mark.parametrize('error', [OSError('no answer'), SystemExit(3)], ids=repr)
def test_what_raises_is_stopped_and_driven_again_when_all_is_well(motors, error):
    motors.on_drive = failing(error)
    with guarded(motors) as actuator:
        actuator.drive(1.0, 0.0)
        wait_until(actuator.fault)
        assert actuator.fault() == f'its drive() raises {error!r}'
        failed_at = motors.calls.index((1.0, 0.0))
        actuator.drive(2.0, 0.0)  # which is not told to it
        wait_until(lambda: motors.calls[failed_at + 1:].count('stop') > 3)
        assert set(motors.calls[failed_at + 1:]) == {'stop'}
        motors.on_drive = lambda: None
        wait_until(lambda: not actuator.fault())
        actuator.drive(3.0, 0.0)
        wait_until(lambda: (3.0, 0.0) in motors.calls)
    assert (2.0, 0.0) not in motors.calls


def test_a_stop_that_raises_is_said_and_tried_again_until_it_works(motors):
    motors.on_drive, motors.on_stop = failing(OSError('bus')), failing(ValueError('stuck'))
    with guarded(motors) as actuator:
        wait_until(actuator.fault)
        assert actuator.fault() == "its stop() raises ValueError('stuck')"
        tries = motors.calls.count('stop')
        wait_until(lambda: motors.calls.count('stop') > tries + 3)
        motors.on_stop = lambda: None
        wait_until(lambda: not actuator.fault())
        motors.on_stop = failing(ValueError('stuck'))
        actuator.drive(1.0, 0.0)
        wait_until(lambda: ';' in actuator.fault())
        assert actuator.fault() == \
            "its drive() raises OSError('bus'); its stop() raises ValueError('stuck')"


@pytest.mark.parametrize('method', ['drive', 'stop'])
def test_what_hangs_is_stopped_by_another_thread_and_again_when_it_returns(motors, method):
    hanging, going_on = threading.Event(), threading.Event()

    def hang():
        if threading.current_thread().name == 'vehicle':
            hanging.set()
            going_on.wait(WAIT_S)

    with guarded(motors, IMPATIENT_S) as actuator:
        wait_until(lambda: motors.calls)
        setattr(motors, f'on_{method}', hang)
        actuator.drive(1.0, 0.0)
        if method == 'stop':
            actuator.stop()
        assert hanging.wait(WAIT_S)
        wait_until(actuator.fault)
        assert actuator.fault() == f'its {method}() has not returned for {IMPATIENT_S:g} s'
        wait_until(lambda: 'stop' in motors.threads and motors.calls[-1] == 'stop')
        beside = motors.threads.index('stop')
        assert motors.calls[beside] == 'stop'
        setattr(motors, f'on_{method}', lambda: None)
        assert actuator.fault()
        going_on.set()
        wait_until(lambda: 'vehicle' in motors.threads[beside:])
        assert set(motors.calls[beside:]) == {'stop'}
        wait_until(lambda: not actuator.fault())
        actuator.drive(2.0, 0.0)
        wait_until(lambda: motors.calls[-1] == (2.0, 0.0))


def test_where_drive_hangs_at_the_end_it_is_stopped_beside(motors):
    hanging, going_on = threading.Event(), threading.Event()

    def hang():
        hanging.set()
        going_on.wait(WAIT_S)

    actuator = GuardedActuator(motors, IMPATIENT_S)
    actuator.start()
    motors.on_drive = hang
    actuator.drive(1.0, 0.0)
    assert hanging.wait(WAIT_S)
    actuator.close(used=True)
    assert motors.calls[-1] == 'stop'
    stops = motors.calls.count('stop')
    going_on.set()  # and what it does then is not the last word either
    wait_until(lambda: motors.calls.count('stop') > stops)


def test_a_stop_that_raises_at_the_end_is_tried_again(motors):
    actuator = GuardedActuator(motors, WAIT_S)
    actuator.start()
    wait_until(lambda: motors.calls)
    motors.on_stop = failing(OSError('bus'))
    closing = threading.Thread(target=actuator.close, args=(True,))
    closing.start()
    wait_until(lambda: len(motors.calls) > 3)
    motors.on_stop = lambda: None
    closing.join(WAIT_S)
    assert not closing.is_alive()


def test_what_an_exception_says_is_kept_short_and_may_be_nothing_at_all(motors):
    class Nameless(Exception):
        def __repr__(self):
            raise ValueError

    motors.on_stop = failing(OSError('x' * 10_000 + '\n'))
    with guarded(motors) as actuator:
        wait_until(actuator.fault)
        assert len(actuator.fault()) < 300
        motors.on_stop = failing(Nameless())
        wait_until(lambda: actuator.fault().endswith('raises Nameless'))


def test_a_class_whose_methods_all_hang_holds_nobody_up(motors):
    going_on = threading.Event()
    motors.on_drive = motors.on_stop = lambda: going_on.wait(WAIT_S)
    actuator = GuardedActuator(motors, IMPATIENT_S)
    actuator.start()
    wait_until(actuator.fault)
    actuator.drive(1.0, 0.0)
    actuator.close(used=True)
    assert 'stop() has not returned' in actuator.fault()
    going_on.set()
