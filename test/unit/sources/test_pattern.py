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

import time

from pi_camera_stream.core import block_code
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.pattern import PatternSource
import pytest


@pytest.mark.parametrize(('width', 'height'), [(1280, 720), (640, 480), (100, 100), (32, 24)])
def test_a_program_reads_number_and_time_from_the_picture(width, height):
    source = PatternSource(SourceSettings('pattern', width=width, height=height, fps=240))
    source.start()
    before_us = time.time_ns() // 1000
    first, second = source.read(5), source.read(5)
    assert first.content.shape == (height, width, 3)
    if height >= 100:
        codes = [block_code.read(capture.content) for capture in (first, second)]
        assert [code.number for code in codes] == [1, 2]
        assert before_us <= codes[0].time_us <= codes[1].time_us <= time.time_ns() // 1000


def test_it_moves():
    source = PatternSource(SourceSettings('pattern', width=320, height=240, fps=240))
    source.start()
    upper = slice(0, 72)
    first, second = source.read(5).content[upper], source.read(5).content[upper]
    assert (first != second).any()


def test_the_size_and_rate_have_defaults():
    source = PatternSource(SourceSettings('pattern'))
    assert source.nominal_fps == 30
    assert source.title == 'test pattern 1280x720'
    assert PatternSource(SourceSettings('pattern', width=320)).title == 'test pattern 320x180'
    source.fps = 12.5
    assert source.nominal_fps == 12.5
