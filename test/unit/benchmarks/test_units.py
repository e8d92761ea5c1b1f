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

import argparse

from benchmarks.load import units
import pytest


@pytest.mark.parametrize(('text', 'expected'), [
    ('148k', 148_000), ('148kB', 148_000), ('1.2M', 1_200_000), ('148000', 148_000),
    ('90b', 90)])
def test_sizes(text, expected):
    assert units.size_bytes(text) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('50mbit', 50_000_000), ('50Mbit', 50_000_000), ('2.5gbit', 2_500_000_000),
    ('800kbit', 800_000), ('9600bit', 9600)])
def test_rates(text, expected):
    assert units.rate_bps(text) == expected


@pytest.mark.parametrize('text', ['', 'k', '-1k', '148q', '1e3', '0', '148 k b', '5mbit'])
def test_what_is_no_size_is_explained(text):
    with pytest.raises(argparse.ArgumentTypeError, match='is not a size: write it as 148k'):
        units.size_bytes(text)


@pytest.mark.parametrize('text', ['', '50', 'fast', '50mb', '-5mbit', '0mbit', 'mbit'])
def test_what_is_no_rate_is_explained(text):
    with pytest.raises(argparse.ArgumentTypeError, match='is not a rate: write it as 50mbit'):
        units.rate_bps(text)


def test_numbers_have_their_bounds():
    assert units.positive('0.5') == 0.5
    assert units.not_negative('0') == 0
    assert units.count('0') == 0
    assert units.at_least_one('7') == 7


@pytest.mark.parametrize(('function', 'text'), [
    (units.positive, '0'), (units.positive, 'nan'), (units.positive, 'inf'),
    (units.positive, 'many'), (units.not_negative, '-1'), (units.count, '-1'),
    (units.count, '1.5'), (units.at_least_one, '0')])
def test_numbers_out_of_bounds_are_refused(function, text):
    with pytest.raises(argparse.ArgumentTypeError, match=text):
        function(text)


def test_a_rate_is_printed_as_people_read_it():
    assert units.rate_text(50_000_000) == '50 Mbit/s'
    assert units.rate_text(800_000) == '0.8 Mbit/s'
