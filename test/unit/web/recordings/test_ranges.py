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

"""The forms that a range may have (RFC 9110, 14.1), of a file of 100 bytes."""

from pi_camera_stream.web.recordings.download import read_range
import pytest

SIZE = 100
FAR = 5000 * '9'  # Python makes no number of so many digits


@pytest.mark.parametrize(('text', 'expected'), [
    ('bytes=0-', (0, 100)), ('bytes=0-0', (0, 1)), ('bytes=5-9', (5, 10)),
    ('bytes=99-', (99, 100)), ('bytes=5-100', (5, 100)), (f'bytes=5-{FAR}', (5, 100)),
    ('bytes=-7', (93, 100)),
    ('bytes=-100', (0, 100)), (f'bytes=-{FAR}', (0, 100)), ('Bytes= 5-9 ,', (5, 10)),
    (f'bytes={5000 * "0"}5-9', (5, 10))])
def test_one_that_can_be_had(text, expected):
    assert read_range(text, SIZE) == expected


@pytest.mark.parametrize('text', ['bytes=-0', 'bytes=100-', 'bytes=100-200', f'bytes={FAR}-',
                                  f'bytes={FAR}-{FAR}', f'bytes={30 * "9"}-'])
def test_one_that_is_not_there_is_empty(text):
    begin, end = read_range(text, SIZE)
    assert begin >= end


def test_of_an_empty_file_there_is_none():
    for text in ('bytes=0-', 'bytes=-5', 'bytes=0-0'):
        begin, end = read_range(text, 0)
        assert begin >= end


@pytest.mark.parametrize('text', [
    '', 'bytes', 'bytes=', 'bytes=-', 'bytes=9-5', 'bytes=x', 'bytes=+1-2', 'bytes=1--2',
    'bytes=٣-٤', 'bytes=5 - 9', 'bytes=0-1,3-4', 'pages=1-2', '=1-2', f'bytes={FAR}-5'])
def test_what_makes_no_sense_or_is_several_is_answered_by_all(text):
    assert read_range(text, SIZE) is None
