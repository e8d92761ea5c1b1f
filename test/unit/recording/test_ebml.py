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

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.recording import ebml
import pytest


@pytest.mark.parametrize(('length', 'encoded'), [
    (0, '80'), (126, 'fe'), (127, '407f'), (16382, '7ffe'), (16383, '203fff')])
def test_a_size_is_never_all_ones(length, encoded):
    assert ebml.size(length).hex() == encoded


@given(st.lists(st.tuples(st.sampled_from([0xA3, 0x4489, 0x2AD7B1, 0x1549A966]),
                          st.binary(max_size=300)), max_size=5))
def test_elements_are_found_again(contents):
    data = b''.join(ebml.element(name, content) for name, content in contents)
    assert [(name, data[begin:end]) for name, begin, end in ebml.elements(data)] == contents


def test_one_of_unknown_size_ends_with_the_file():
    data = ebml.opened(0x18538067) + b'rest'
    assert [data[begin:end] for _, begin, end in ebml.elements(data)] == [b'rest']


def test_room_is_as_large_as_asked_for():
    assert [len(ebml.void(room)) for room in (9, 11, 64)] == [9, 11, 64]


@given(st.binary(max_size=200))
def test_whatever_is_read_ends(data):
    for _, begin, _ in ebml.elements(data):
        assert begin <= len(data) + 9
