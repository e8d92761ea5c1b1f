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

import math

from pi_camera_stream.core.parameters import markdown_table, Parameter, yaml_file
import pytest

WIDTH = Parameter('width', 0, 'Width', 'pixels', 0, 8192)
FPS = Parameter('fps', 0.0, 'Rate', 'frames/s', 0, 240, live=True)
SOURCE = Parameter('source', 'auto', 'Where from', choices=('auto', 'file', 'stdin'))
ON = Parameter('on', True, 'Whether')


@pytest.mark.parametrize(('parameter', 'value'), [
    (WIDTH, 640), (WIDTH, 8192), (FPS, 29.97), (SOURCE, 'file'), (ON, False),
])
def test_good_values_pass(parameter, value):
    assert parameter.check(value) == value


def test_a_whole_number_is_a_double_where_one_is_wanted():
    value = FPS.check(30)
    assert (value, type(value)) == (30.0, float)


@pytest.mark.parametrize(('parameter', 'value', 'sentence'), [
    (WIDTH, 9000, "parameter 'width' must be 0 to 8192 pixels, not 9000"),
    (WIDTH, -1, "parameter 'width' must be 0 to 8192 pixels, not -1"),
    (WIDTH, 'wide', "parameter 'width' must be of type integer, not 'wide': set it to, for "
                    'example, 0'),
    (WIDTH, True, "parameter 'width' must be of type integer, not True: set it to, for example, "
                  '0'),
    (WIDTH, 1.5, "parameter 'width' must be of type integer, not 1.5: set it to, for example, 0"),
    (FPS, math.nan, "parameter 'fps' must be 0 to 240 frames/s, not nan"),
    (SOURCE, 'film', "parameter 'source' must be auto, file or stdin, not 'film'"),
    (ON, 1, "parameter 'on' must be of type bool, not 1: set it to, for example, True"),
    (ON, None, "parameter 'on' must be of type bool, not None: set it to, for example, True"),
])
def test_bad_values_are_refused_in_one_sentence(parameter, value, sentence):
    with pytest.raises(ValueError) as refused:
        parameter.check(value)
    assert str(refused.value) == sentence


def test_the_tables_are_written_from_the_rows():
    assert markdown_table([FPS]).splitlines()[-1] == (
        '| `fps` | double | `0.0` | 0 to 240 frames/s | yes | Rate |')
    assert yaml_file({'camera': [FPS, ON]}, 'Head') == (
        '# Head\n\n/**/camera:\n  ros__parameters:\n'
        '    fps: 0.0  # Rate (0 to 240 frames/s)\n    on: true  # Whether\n')
