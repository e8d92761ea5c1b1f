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

"""A class of the user's is driven from a real page, by one process without ROS."""

import re

import pytest
from support.processes import Program, wait_until

CAR = """
from pathlib import Path

TROUBLE = Path(__file__).with_name('trouble')

class Car:
    def drive(self, linear, angular):
        print(f'told {linear:.2f} {angular:.2f}', flush=True)
        if TROUBLE.exists():
            raise OSError(121, 'Remote I/O error')

    def stop(self):
        print('told stop', flush=True)
"""


@pytest.fixture
def serving(tmp_path, viewer):
    """Run it with a car in the current directory."""
    (tmp_path / 'my_car.py').write_text(CAR)
    program = Program(
        'serve', '--vehicle', 'my_car:Car', '--teleop.insecure', 'true', '--source', 'pattern',
        '--size', '640x360', '--fps', '15', '--address', '127.0.0.1', '--port', '0', cwd=tmp_path)
    viewer.address = program.wait_for(r'Open (http://\S+/)').group(1)
    yield program
    viewer.page.goto('about:blank')
    assert program.stop() == 0
    assert last(program) == 'stop'


def last(program):
    return re.findall('^told (.*)$', program.output, re.MULTILINE)[-1]


def wait_for_motion(program, turning=False):
    def moves():
        linear, _, angular = last(program).partition(' ')
        return angular and float(linear) > 0.1 and (float(angular) > 0.1) is turning
    wait_until(moves)


def test_keys_move_it_and_what_it_raises_is_on_the_page(serving, viewer, tmp_path):
    viewer.open()
    viewer.wait_for_pictures()
    page = viewer.page
    page.get_by_role('button', name='Take the wheel').click()
    page.get_by_role('button', name='Leave the wheel').wait_for()
    page.keyboard.down('w')
    wait_for_motion(serving)
    page.keyboard.down('a')
    wait_for_motion(serving, turning=True)
    page.keyboard.up('a')
    page.keyboard.up('w')
    wait_until(lambda: last(serving) == 'stop')
    (tmp_path / 'trouble').touch()
    page.keyboard.down('w')
    page.get_by_text(
        'The vehicle has failed and is being stopped: its drive() raises OSError').wait_for()
    wait_until(lambda: last(serving) == 'stop')
    (tmp_path / 'trouble').unlink()
    page.keyboard.up('w')
    page.get_by_text('Hold W A S D').wait_for()
    page.keyboard.down('w')
    wait_for_motion(serving)
