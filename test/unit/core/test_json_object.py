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
import json

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.core.json_object import (
    integer,
    MOST_CHARACTERS,
    name,
    natural,
    number,
    parse_object,
    read_fields,
)
import pytest

SCHEMA = {'machine': name, 'at': integer, 'count': natural, 'share': number}
GOOD = {'machine': 'pi/1', 'at': -5, 'count': 3, 'share': 0.5}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def test_what_the_schema_names_is_returned():
    assert read_fields(json.dumps({**GOOD, 'new': [1]}), SCHEMA) == GOOD
    assert read_fields('{"a": 1, "b": 2}', {'a': integer}, others=natural) == {'a': 1, 'b': 2}


@pytest.mark.parametrize(('field', 'text'), [
    ('at', '1e400'), ('at', '1' * 400), ('at', '1' * 4000), ('at', '1.0'), ('at', 'true'),
    ('at', 'NaN'), ('at', '-Infinity'), ('at', '"5"'), ('at', 'null'), ('at', '[5]'),
    ('at', str(2**63)), ('at', str(-2**63 - 1)), ('count', '-1'), ('count', '1e3'),
    ('share', '1e400'), ('share', 'NaN'), ('share', '1' * 400), ('share', 'true'),
    ('share', '"1"'), ('share', '1e15'),
    ('machine', '5'), ('machine', '"' + 'x' * 201 + '"'), ('machine', r'"\ud800"'),
    ('machine', r'"\u0000"'), ('machine', '["x"]'),
])
def test_what_is_not_of_its_kind_is_refused(field, text):
    fields = {name: json.dumps(value) for name, value in GOOD.items()} | {field: text}
    whole = '{' + ', '.join(f'"{name}": {value}' for name, value in fields.items()) + '}'
    with pytest.raises(ValueError, match=r'.'):
        read_fields(whole, SCHEMA)


@pytest.mark.parametrize('text', [
    '', 'x', '5', '"x"', 'null', '[]', '{', '{"a": 1', '[' * 100_000, '{"a":' * 100_000,
    '[' * 4000, '{"a":' * 800, ' ' * (MOST_CHARACTERS + 1), '{"a": 1} x', '1' * 4096, '\ud800'])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError, match=r'.'):
        parse_object(text)
    with pytest.raises(ValueError, match=r'.'):
        read_fields(text, SCHEMA)


@pytest.mark.parametrize('missing', SCHEMA)
def test_a_field_that_is_missing_is_named(missing):
    with pytest.raises(ValueError, match=f"no field '{missing}'"):
        read_fields(json.dumps({field: value for field, value in GOOD.items()
                                if field != missing}), SCHEMA)


@given(st.text() | st.binary() | ANYTHING.map(json.dumps)
       | st.fixed_dictionaries(dict.fromkeys(SCHEMA, ANYTHING)).map(json.dumps))
def test_whatever_comes_nothing_but_value_error_is_raised(text):
    try:
        fields = read_fields(text, SCHEMA)
    except ValueError:
        return
    assert fields.keys() == SCHEMA.keys()
