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

"""A microphone is made where one is asked for, and nothing of it is imported otherwise."""

import subprocess
import sys
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.sound_settings import create_microphone, create_sound
from pi_camera_stream.parameters.tables import HTTP_BRIDGE
import pytest

AUDIO = next(row for row in HTTP_BRIDGE if row.name == 'audio')


@pytest.mark.parametrize('given', ['off', False, ''])
def test_off_is_off_however_yaml_reads_it(given):
    name = AUDIO.check(given)
    assert create_microphone({'audio': name}.__getitem__, time.time_ns, print) is None
    assert create_sound(None, time.time_ns) is None


def test_nothing_is_imported_while_it_is_off():
    program = """
import sys
import time
from pi_camera_stream.serve import command
from pi_camera_stream.parameters.sound_settings import create_microphone
assert create_microphone(lambda name: 'off', time.time_ns, print) is None
print(*(name for name in sys.modules if 'sound' in name.split('.') or name == 'av'))
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                          check=True)
    assert done.stdout.split() in ([], ['pi_camera_stream.core.sound'])


@pytest.mark.parametrize('name', ['-x', 'a\nb', 'ü', 'x' * 200])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(PermanentError, match='arecord -L'):
        create_microphone({'audio': name}.__getitem__, time.time_ns, print)


def test_a_name_makes_one_and_what_pages_hear_of_it():
    values = {'audio': ' plughw:1 ', 'ice_servers': ''}
    microphone = create_microphone(values.__getitem__, time.time_ns, print)
    assert microphone.state()['device'] == 'plughw:1'
    assert create_sound(microphone, time.time_ns).state()['listeners'] == 0
