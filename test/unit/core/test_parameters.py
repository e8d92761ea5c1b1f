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

from pi_camera_stream.core.parameters import (
    clash,
    markdown_table,
    nearest,
    Parameter,
    yaml_file,
)
import pytest

WIDTH = Parameter('width', 0, 'Width', 'pixels', 0, 8192)
FPS = Parameter('fps', 0.0, 'Rate', 'frames/s', 0, 240, live=True)
SOURCE = Parameter('source', 'auto', 'Where from', choices=('auto', 'file', 'stdin'))
ON = Parameter('on', True, 'Whether')
NOISE = Parameter('noise', 'auto', 'Noise', choices=('auto', 'off', 'fast'))
LIGHT = Parameter('light', 'no', 'Light', choices=('no', 'yes'))
FILE = Parameter('file', '', 'File; empty for none')
TOPIC = Parameter('topic', 'battery', 'Topic; empty for none', may_be_empty=True)
NAME = Parameter('name', 'lens', 'Name')
TOKEN = Parameter('token', '', 'Secret', secret=True)


@pytest.mark.parametrize(('parameter', 'value'), [
    (WIDTH, 640), (WIDTH, 8192), (FPS, 29.97), (SOURCE, 'file'), (ON, False),
])
def test_good_values_pass(parameter, value):
    assert parameter.check(value) == value


def test_a_whole_number_is_a_double_where_one_is_wanted():
    value = FPS.check(30)
    assert (value, type(value)) == (30.0, float)


@pytest.mark.parametrize(('parameter', 'value', 'meant'), [
    (NOISE, False, 'off'), (LIGHT, False, 'no'), (LIGHT, True, 'yes'), (FILE, False, ''),
    (TOPIC, False, ''), (FILE, 1, '1'), (NAME, 4.5, '4.5'), (TOKEN, 12345678, '12345678'),
])
def test_what_yaml_has_made_of_a_word_is_taken_for_it(parameter, value, meant):
    assert parameter.check(value) == meant


@pytest.mark.parametrize(('parameter', 'value', 'sentence'), [
    (NAME, False, 'put it in quotes, as in name: "off"'),
    (NOISE, True, 'put it in quotes, as in noise: "off"'),
    (NOISE, 3, "parameter 'noise' must be auto, off or fast, not '3'"),
    (TOKEN, False, 'put it in quotes, as in token: "off"'),
    # Of 1e10 and 10000000000.0, nobody can tell any more which one it was.
    (TOKEN, 1e10, 'put its value in quotes'),
    (TOKEN, ['secret'], 'put its value in quotes'),
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
    assert str(refused.value).startswith(f"parameter '{parameter.name}' must be ")
    assert sentence in str(refused.value)


def test_the_tables_are_written_from_the_rows():
    assert markdown_table([FPS]).splitlines()[-1] == (
        '| `fps` | double | `0.0` | 0 to 240 frames/s | yes | Rate |')
    assert yaml_file({'camera': [FPS, ON]}, 'Head') == (
        '# Head\n\n/**/camera:\n  ros__parameters:\n'
        '    fps: 0.0  # Rate (0 to 240 frames/s)\n    on: true  # Whether\n')


@pytest.mark.parametrize(('name', 'meant'), [
    ('hheight', 'height'), ('JPEG-Quality', 'jpeg_quality'), ('fsp', 'fps'), ('zebra', '')])
def test_the_nearest_name_is_found(name, meant):
    assert nearest(name, ['width', 'height', 'fps', 'jpeg_quality']) == meant


@pytest.mark.parametrize(('names', 'clashing'), [
    (['a', 'a.b'], ('a', 'a.b')), (['b.c.d', 'a', 'b'], ('b', 'b.c.d')),
    (['a', 'ab.c', 'a_b'], None), ([], None)])
def test_a_name_below_another_one_is_found(names, clashing):
    assert clash(names) == clashing
