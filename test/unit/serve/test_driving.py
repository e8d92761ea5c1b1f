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

"""Pages drive a class of the user's, by the program without ROS."""

from contextlib import contextmanager
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import threading
import urllib.request

from pi_camera_stream.core.exit_codes import MISTAKE
import pytest
from support import pictures
from support.driver import Driver
from support.processes import Program, wait_until

EXAMPLES = Path(__file__).parents[3] / 'examples'
TOKEN = 'correct-horse-battery'
# What it is told it prints, with the thread that told it; the file `trouble` says what goes wrong.
CAR = """
from pathlib import Path
import threading
import time

TROUBLE = Path(__file__).with_name('trouble')

def trouble():
    try:
        return TROUBLE.read_text()
    except FileNotFoundError:
        return ''

class Car:
    def drive(self, linear, angular):
        print(f'told {linear:.2f} {angular:.2f} by {threading.current_thread().name}', flush=True)
        if trouble() == 'drive raises':
            raise OSError(121, 'Remote I/O error')
        while trouble() == 'drive hangs':
            time.sleep(0.01)

    def stop(self):
        print(f'told stop by {threading.current_thread().name}', flush=True)
        if trouble() == 'stop raises':
            raise OSError(121, 'Remote I/O error')
"""
FAST = ('--teleop.max-linear', '2', '--teleop.linear-acceleration', '100',
        '--teleop.insecure', 'true')
PATTERN = ('--source', 'pattern', '--size', '320x180', '--fps', '30')


@contextmanager
def serving(folder, *words, source=PATTERN, stdin=subprocess.DEVNULL):
    program = Program('serve', '--address', '127.0.0.1', '--port', '0', *source, *words,
                      cwd=folder, stdin=stdin)
    try:
        program.url = program.wait_for(r'Open (http://\S+/)').group(1)
        yield program
    finally:
        program.stop(signal.SIGKILL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / 'my_car.py').write_text(CAR)
    # Which is not its own any more.
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        str(Path(path).resolve()) for path in os.environ.get('PYTHONPATH', '').split(os.pathsep)
        if path))
    return tmp_path


def told(program):
    return re.findall(r'^told (.*) by (\S+)$', program.output, re.MULTILINE)


def last(program):
    return told(program)[-1][0]


def driving(program):
    return json.load(urllib.request.urlopen(f'{program.url}state', timeout=60))['driving']


def go(driver, program):
    driver.sit_down()
    wait_until(lambda: driver.heard)
    driver.hold()
    wait_until(lambda: last(program) == '2.00 0.00')


def test_a_page_drives_it_and_it_stands_when_let_go(folder):
    with serving(folder, '--vehicle', 'my_car:Car', *FAST) as program, \
            Driver(program.url) as driver, Driver(program.url, watch=False) as spectator:
        program.wait_for('driving is enabled without an access token')
        assert last(program) == 'stop'  # before anybody has come
        go(driver, program)
        assert driving(program)['linear'] == 2.0
        driver.let_go()
        wait_until(lambda: last(program) == 'stop')
        driver.hold(throttle=0.5, steering=1.0)
        wait_until(lambda: last(program) == '1.00 1.00')
        spectator.tell(type='stop')
        driver.wait_for(latched=True, reason='emergency stop')
        wait_until(lambda: last(program) == 'stop')
        driver.tell(type='release')
        driver.wait_for(latched=False, reason='released')
        assert driver.state['battery'] is None
        assert driver.state['buttons'] == []
        assert {thread for _, thread in told(program)} == {'vehicle'}
        program.wait_for('emergency stop by')


def test_a_picture_that_stands_still_stops_it(folder):
    reader, writer = os.pipe()
    ended, frozen = threading.Event(), threading.Event()

    def feed():
        while not ended.wait(0.03):
            if not frozen.is_set():
                os.write(writer, pictures.jpeg(64, 48))

    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        with serving(folder, '--vehicle', 'my_car:Car', *FAST, source=('--source', 'stdin'),
                     stdin=reader) as program, Driver(program.url) as driver:
            go(driver, program)
            frozen.set()
            driver.wait_for(reason='the picture is too old', limit=0.0)
            wait_until(lambda: last(program) == 'stop')
            frozen.clear()
            wait_until(lambda: last(program) == '2.00 0.00')
    finally:
        ended.set()
        feeding.join()
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_program_is_a_stop(folder, number):
    with serving(folder, '--vehicle', 'my_car:Car', *FAST) as program, \
            Driver(program.url) as driver:
        go(driver, program)
        assert program.stop(number) == 0
    assert last(program) == 'stop'
    assert 'Traceback' not in program.output


@pytest.mark.parametrize('method', ['drive', 'stop'])
def test_a_method_that_raises_is_said_once_and_then_it_can_be_driven_again(folder, method):
    with serving(folder, '--vehicle', 'my_car:Car', *FAST) as program, \
            Driver(program.url) as driver:
        go(driver, program)
        (folder / 'trouble').write_text(f'{method} raises')
        if method == 'stop':
            driver.let_go()
        sentence = f"its {method}() raises OSError(121, 'Remote I/O error')"
        driver.wait_for(fault=sentence, linear=0.0)
        wait_until(lambda: last(program) == 'stop')
        assert program.output.count('Remote I/O error') == 1
        program.wait_for(re.escape(f'the vehicle has failed and is being stopped: {sentence}'))
        (folder / 'trouble').unlink()
        driver.wait_for(fault='')
        driver.let_go()
        driver.wait_for(reason='released')
        before = len(told(program))
        heard = len(driver.heard)
        wait_until(lambda: len(driver.heard) > heard + 3)
        assert {what for what, _ in told(program)[before:]} == {'stop'}
        driver.hold()
        wait_until(lambda: last(program) == '2.00 0.00')


def test_a_drive_that_hangs_is_stopped_by_another_thread_also_at_the_end(folder):
    with serving(folder, '--vehicle', 'my_car:Car', *FAST) as program, \
            Driver(program.url) as driver:
        go(driver, program)
        (folder / 'trouble').write_text('drive hangs')
        driver.wait_for(fault='its drive() has not returned for 0.3 s', linear=0.0)
        wait_until(lambda: told(program)[-1] == ('stop', 'stop'))
        assert driving(program)['fault'] == driver.state['fault']
        (folder / 'trouble').unlink()
        driver.wait_for(fault='')
        assert told(program)[-1] == ('stop', 'vehicle')
        driver.let_go()
        heard = len(driver.heard)
        wait_until(lambda: len(driver.heard) > heard + 3)
        driver.hold()
        wait_until(lambda: last(program) == '2.00 0.00')
        (folder / 'trouble').write_text('drive hangs')
        wait_until(lambda: driver.state['fault'])
        stops = len(told(program))
        assert program.stop(signal.SIGTERM) == 0
    assert len(told(program)) > stops
    assert last(program) == 'stop'


def test_limits_and_token_come_from_a_parameter_file(folder):
    (folder / 'robot.yaml').write_text(f"""
/**/http_bridge:
  ros__parameters:
    access_token: {TOKEN}
    teleop.insecure: true
    teleop.max_linear: 1.25
    teleop.reverse: false
    teleop.linear_acceleration: 100.0
""")
    with serving(folder, '--vehicle', 'my_car:Car', '--params-file', 'robot.yaml') as program:
        program.wait_for('enabled without HTTPS')
        with pytest.raises(Exception, match='401'), Driver(program.url):
            pass
        with Driver(program.url, token=TOKEN) as driver:
            assert not driver.state['reverse']
            driver.sit_down()
            driver.hold()
            wait_until(lambda: last(program) == '1.25 0.00')


def test_the_example_goes_by_pulses(folder, monkeypatch, gpiozero):
    monkeypatch.setenv('GPIOZERO_PIN_FACTORY', 'mock')
    monkeypatch.setenv('GPIOZERO_MOCK_PIN_CLASS', 'mockpwmpin')
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join((str(EXAMPLES), os.environ['PYTHONPATH'])))
    (folder / 'watched.py').write_text("""
from rc_car import RcCar

class Car(RcCar):
    def drive(self, linear, angular):
        super().drive(linear, angular)
        self.show()

    def stop(self):
        super().stop()
        self.show()

    def show(self):
        print(f'pulses {self._throttle.value:.2f} {self._steering.value:.2f}', flush=True)
""")
    with serving(folder, '--vehicle', 'watched:Car', '--teleop.wheelbase', '0.26',
                 '--teleop.max-steering', '0.45', '--teleop.max-angular', '5', *FAST) as program, \
            Driver(program.url) as driver:
        program.wait_for('pulses 0.00 0.00')
        driver.sit_down()
        driver.hold(throttle=0.5, steering=1.0)
        program.wait_for('pulses 0.20 -1.00')
        assert program.stop(signal.SIGINT) == 0
    assert re.findall('pulses .*', program.output)[-1] == 'pulses 0.00 -1.00'


@pytest.mark.parametrize(('words', 'sentence'), [
    (('--vehicle', 'your_car:Car'), "there is no Python module 'your_car'"),
    (('--vehicle', 'my_car:Car', '--teleop.insecure', 'false'),
     "'--vehicle' needs an access token .* and HTTPS"),
    (('--vehicle', 'my_car:Car', '--teleop.max-linear', '99'), "'teleop.max_linear' must be"),
    (('--vehicle', 'my_car:Car', '--address', '203.0.113.1'), 'cannot listen on'),
])
def test_what_is_wrong_is_one_sentence(folder, words, sentence):
    program = Program('serve', '--address', '127.0.0.1', '--port', '0', *PATTERN, *FAST, *words,
                      cwd=folder)
    assert program.wait() == MISTAKE
    assert 'Traceback' not in program.output
    assert re.search(f'serve: error: .*{sentence}', program.output), program.output
    if 'cannot listen' in sentence:
        assert last(program) == 'stop'
