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
What two machines say to each other to compare their clocks, whatever carries it.

The answer is one line of JSON: `machine`, the name of the machine and its boot, and `arrived` and
`answered`, the moments between which the question was dealt with, in ns of the clock of the stamps
since the epoch.
"""

import json

from .clock import NowNs
from .json_object import integer, name, read_fields
from .machine import machine_name

HEADER = 'X-Clock'
"""In the head of an answer with pictures: where, from there, the clock of their stamps is."""
PLACE = 'clock'
_ANSWER = {'machine': name, 'arrived': integer, 'answered': integer}


def write_answer(arrived_ns: int, now_ns: NowNs) -> str:
    """Return the answer to a question that arrived at that moment of the clock `now_ns`."""
    return json.dumps({'machine': machine_name(), 'arrived': arrived_ns, 'answered': now_ns()})


def read_answer(text: str) -> tuple[str, int, int]:
    """Return (machine, arrived, answered) of an answer; ValueError when it is none."""
    fields = read_fields(text, _ANSWER)
    return fields['machine'], fields['arrived'], fields['answered']
