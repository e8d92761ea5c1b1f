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

"""How the machine is, as nodes and their pages tell it."""

import json

import pytest
from support.processes import parameters, running, wait_until
from support.web import bridge, get


@pytest.mark.parametrize(('program', 'values'), [
    ('camera', {'source': 'pattern'}), ('bridge', {'port': 0, 'address': '127.0.0.1'})])
def test_it_stands_in_the_diagnostics(guest, program, values):
    with running(program, *parameters(**values)):
        values = guest.diagnostics(': machine', lambda v: 'load of each core' in v)
        assert float(values['load of each core']) >= 0
        assert values['message']


def test_it_stands_in_the_state():
    with bridge() as program:
        machine = wait_until(lambda: json.load(get(f'{program.url}state'))['machine'].get('load')
                             is not None and json.load(get(f'{program.url}state'))['machine'])
        assert isinstance(machine['problems'], list)
