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
import math

from pi_camera_stream.tools.latency.hops import Hop
from pi_camera_stream.tools.latency.report import as_json, Result, table
import pytest


def result(uncertainty_ms, pixels=None):
    hop = Hop('this program', 'capture', 'decoded', [1.0, 1.0, 5.0], uncertainty_ms, 2)
    return Result('/camera', 10.0, 3, 46000, [hop], pixels, 0.5 if pixels else None,
                         {'/camera/camera': 'known'}, ['beware'])


@pytest.mark.parametrize(('uncertainty_ms', 'median', 'greatest'), [
    (0.0, 1.0, 5.0), (2.0, None, 5.0), (6.0, None, None), (math.inf, 1.0, 5.0)])
def test_what_is_smaller_than_its_uncertainty_is_no_fact(uncertainty_ms, median, greatest):
    hop, = json.loads(as_json(result(uncertainty_ms)))['hops']
    assert (hop['median_ms'], hop['max_ms']) == (median, greatest)
    line = next(line for line in table(result(uncertainty_ms)).splitlines()
                if 'capture -> decoded' in line)
    assert ('1.00' in line) == (median is not None)
    assert (f'< {2 * uncertainty_ms:.1f}' in line) == (median is None)


def test_the_table_says_all_that_is_to_be_known():
    pixels = Hop('this program', 'pixels', 'decoded', [1.5], 0.0, 0)
    text = table(result(2.0, pixels))
    for part in ('/camera: 3 pictures decoded in 10 s, 46 kB each', '± 2.00', 'beware',
                 '/camera/camera: known', '0.50 ms more age', '= pixels -> decoded'):
        assert part in text
