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

from benchmarks.common.multipart import Part
from benchmarks.load.record import percentile, Record
import pytest


def test_percentiles_are_values_that_occurred():
    values = [float(value) for value in range(1, 101)]
    for percent in (1, 50, 95, 99, 100):
        assert percentile(values, percent) == percent
    assert percentile([3.0, 7.0], 50) == 3.0
    assert percentile([3.0, 7.0], 51) == 7.0
    assert percentile([5.0], 99) == 5.0


def test_nothing_has_no_percentiles():
    assert math.isnan(percentile([], 50))


def test_the_figures_are_those_of_all_viewers():
    record = Record()
    for number in range(40):
        record.add(3, Part(1000, 10.0), 10.0 + number / 1000)
    for _ in range(10):
        record.add(4, Part(6000, 10.0), 10.1)
    figures = record.figures([3, 4, 5], span_s=2.0)
    assert figures.frames == record.frames == 50
    assert figures.frames_of_each == [40, 10, 0]
    assert figures.frames_per_s_min == 0
    assert figures.frames_per_s_mean == pytest.approx(50 / 3 / 2)
    assert figures.frames_per_viewer == pytest.approx(50 / 3)
    assert figures.frame_kb == pytest.approx(2.0)
    assert figures.age_median_ms == pytest.approx(24)
    assert figures.age_p95_ms == pytest.approx(100)
    assert figures.age_max_ms == pytest.approx(100)


def test_figures_of_nothing_are_unknown():
    figures = Record().figures([0], span_s=1.0)
    assert figures.frames_per_s_mean == 0
    assert figures.age_median_ms is figures.age_max_ms is figures.frame_kb is None
