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

"""What is told of players: how late their pictures are, and what has come."""

import struct

from benchmarks.players.crowds import Got
from benchmarks.players.marked import ages, Seen
from benchmarks.players.rtsp_client import Counted
import pytest

MS = 1_000_000


def test_pictures_are_as_late_as_since_they_were_sent_last():
    round_ns = 5_000 * MS
    sent = [Seen(number, turn * round_ns + number * 33 * MS)
            for turn in range(2) for number in range(3)]
    seen = [Seen(0, 4 * MS), Seen(1, 40 * MS), Seen(2, 65 * MS),  # the last one too soon
            Seen(7, 80 * MS), Seen(1, round_ns + 43 * MS)]
    found = ages(sent, seen, 10 * MS, round_ns + 10 * MS)
    assert found.ms == pytest.approx([7, -1])
    assert ages(sent, seen, round_ns, 2 * round_ns).ms == pytest.approx([10])


def test_packets_that_come_late_or_again_are_not_missing():
    counted = Counted()
    for sequence, marker in ((65534, 0), (65535, 1), (2, 0), (1, 0), (2, 0), (3, 1)):
        counted.packet(struct.pack('>BBH', 0x80, 96 | marker << 7, sequence))
    assert counted.missing == 2  # 0 and 1, when 2 came
    assert len(counted.frames_ns) == 2


def test_what_came_counts_in_the_span_that_was_measured():
    got = Got([[0, 100 * MS, 200 * MS, 900 * MS], [150 * MS, 300 * MS]], 0, [], 100 * MS, 500 * MS)
    assert (got.count(), got.most()) == (4, 2)
    assert got.least_per_s() == pytest.approx(5)
    assert got.longest_gap_ms() == pytest.approx(300)
