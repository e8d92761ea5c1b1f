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


from types import SimpleNamespace

from pi_camera_stream.core.clock_offset import Offset
from pi_camera_stream.nodes.latency_observer import HERE, Moments
from pi_camera_stream.tools.latency.evaluation import evaluate
import pytest

MS = 1_000_000
T0 = 1_800_000_000 * 10**9
CAMERA = '/camera/camera'


@pytest.mark.parametrize('ahead_ns', [0, 7 * 10**9])
def test_what_was_taken_after_the_end_counts_nowhere(ahead_ns):
    stamps = [T0 + ahead_ns + number * 33 * MS for number in range(10)]
    observer = SimpleNamespace(
        topic='/camera', publishers=lambda: [CAMERA],
        offsets=lambda: {CAMERA: Offset(ahead_ns, 0.0)},
        moments=[moments for stamp in stamps for moments in (
            Moments(CAMERA, stamp, {'published': stamp + MS}),
            Moments(HERE, stamp, {'received': stamp - ahead_ns + 2 * MS}),
            Moments(HERE, stamp, {'decoded': stamp - ahead_ns + 5 * MS}))],
        sizes=[(stamp, 1000 if number < 4 else 9000) for number, stamp in enumerate(stamps)],
        drawn=[(stamp, stamp) for stamp in stamps])
    result = evaluate(observer, 0.1, T0 + 100 * MS)
    assert (result.frames, result.size_bytes) == (4, 1000)
    assert {len(hop.times_ms) for hop in [*result.hops, result.pixels]} == {4}
    assert result.pixels.times_ms == [5.0] * 4
    assert result.claimed_minus_pixels_ms == 0
    assert result.warnings == []
