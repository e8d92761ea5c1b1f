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

from pi_camera_stream.core.statistics import Recent
from pi_camera_stream.sources.silence import FEW, longest_silence_s
import pytest


def recent(*intervals_s):
    values = Recent()
    for interval_s in intervals_s:
        values.add(interval_s)
    return values


@pytest.mark.parametrize(('intervals_s', 'expected_s'), [
    ([], 20.0),
    ([0.0, 8.0], 20.0),
    ([0.03] * FEW, 1.0),
    ([2.0] * FEW, 10.0),
    ([0.0, 8.0] * FEW, 20.0),  # each is sent twice
    ([0.0, 8.0, 0.0] * FEW, 16.0),
])
def test_silence_may_last_by_what_came(intervals_s, expected_s):
    assert longest_silence_s(recent(*intervals_s), 20.0) == pytest.approx(expected_s)
