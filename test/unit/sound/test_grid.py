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

"""The sound card's clock and the machine's, on invented arrivals."""

from itertools import pairwise

import numpy as np
from pi_camera_stream.core.sound import PACKET_NS, PACKET_SAMPLES, RATE
from pi_camera_stream.sound.grid import Grid
from pi_camera_stream.sound.sample_clock import SampleClock
import pytest

BEGIN_NS = 5_000_000_000_000
CHUNK = 240


def arrivals(seconds, fast=0.0, lose_at_s=None, lost_s=0.0, latest_ms=4.0):
    """Yield (index of the first, samples, arrival in ns) of a card, late by chance."""
    random = np.random.default_rng(1)
    index, newest_ns = 0, 0
    while index < seconds * RATE:
        if lose_at_s is not None and index >= lose_at_s * RATE:
            index, lose_at_s = index + round(lost_s * RATE), None
        taken_ns = BEGIN_NS + (index + CHUNK) / RATE / (1 + fast) * 1e9
        newest_ns = max(newest_ns, round(taken_ns + random.uniform(0.05, latest_ms) * 1e6))
        yield index, (np.arange(index, index + CHUNK) % 1000).astype(np.int16), newest_ns
        index += CHUNK


def cut(grid, *args, **kw):
    return [piece for _, samples, now_ns in arrivals(*args, **kw)
            for piece in grid.cut(samples, now_ns)]


@pytest.mark.parametrize('fast', [0.0, 3e-4, -3e-4])
def test_pieces_tell_when_they_were_taken_whatever_the_card_takes_for_a_second(fast):
    grid = Grid()
    pieces = cut(grid, 60, fast)
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert grid.missing == 0
    assert {len(piece.samples) for piece in pieces} == {PACKET_SAMPLES}
    errors_ms = []
    for piece in pieces[len(pieces) // 2:]:
        if abs(np.diff(piece.samples[230:250])).max() > 10:
            continue  # where the counting begins anew
        index = (piece.taken_ns - BEGIN_NS) * 1e-9 * RATE * (1 + fast)  # that should be there
        error = (piece.samples[PACKET_SAMPLES // 2] - index - PACKET_SAMPLES // 2 + 500) % 1000
        errors_ms.append((error - 500) / RATE * 1e3)
    assert max(map(abs, errors_ms)) < 2.0


def test_what_is_lost_is_missing_among_the_numbers_and_the_rest_keeps_its_time():
    grid = Grid()
    pieces = cut(grid, 20, lose_at_s=5, lost_s=0.2)
    gaps = [after.number - before.number - 1
            for before, after in pairwise(pieces)]
    assert sum(gaps) == grid.missing == 20
    for piece in pieces:
        assert piece.taken_ns == pytest.approx(
            pieces[0].taken_ns + (piece.number - 1) * PACKET_NS, abs=1e4)


def test_a_program_that_was_stopped_has_lost_nothing():
    grid, late = Grid(), []
    pieces = []
    for index, samples, now_ns in arrivals(10):
        if 4 * RATE <= index < 4.2 * RATE:
            late.append(samples)
            continue
        pieces += grid.cut(np.concatenate([*late, samples]), now_ns)
        late = []
    assert grid.missing == 0
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))


def test_numbers_go_on_as_time_has_when_a_device_is_opened_again():
    grid = Grid()
    first = cut(grid, 1)
    grid.begin_anew()
    again = [piece for _, samples, now_ns in arrivals(1)
             for piece in grid.cut(samples, now_ns + 3_000_000_000)]
    assert again[0].number - first[0].number == pytest.approx(300, abs=1)
    assert grid.missing == 0


def test_the_soonest_arrival_tells_the_truth():
    clock = SampleClock()
    for _, samples, now_ns in arrivals(2, latest_ms=15.0):
        clock.arrived(len(samples), now_ns)
    assert clock.taken_ns(0) == pytest.approx(BEGIN_NS, abs=300_000)
