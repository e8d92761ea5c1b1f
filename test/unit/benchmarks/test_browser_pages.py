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

from benchmarks.video.browser_pages import note, pictures_of
import pytest

WRAP = 1 << 32


@pytest.fixture
def told():
    """Return what a browser tells whose server is at RTP time 900 now, stamped 10 s."""
    return {'clock': {'rtp_timestamp': 900, 'stamp_ms': 10_000.0, 'tier': 'h264',
                      'estimate_bps': None},
            'frames': [[9_950.0, 9_945.0, WRAP - 8_100, 1280], [10_030.0, 10_020.0, 900, 640]],
            'polls': [[9_900.0, 1_000, 1], [9_960.0, 21_000, 5], [10_100.0, 23_000, 7]],
            'statistics': {'packetsLost': 3, 'pliCount': 1}}


def test_ages_are_told_by_rtp_times_which_begin_anew(told):
    before, after = pictures_of(4, told)
    assert (before.page, before.tier, before.size) == (4, 'h264', 5_000)
    assert before.stamp_ns == pytest.approx(9.9e9)
    assert before.came_ns - before.stamp_ns == pytest.approx(45e6)
    assert before.shown_ns - before.stamp_ns == pytest.approx(50e6)
    assert (after.tier, after.size) == ('640 wide', 1_000)
    assert after.came_ns - after.stamp_ns == pytest.approx(20e6)


def test_nothing_is_told_of_ages_that_nobody_knows(told):
    assert pictures_of(0, {**told, 'clock': {}}) == []
    assert pictures_of(0, {**told, 'frames': []}) == []


def test_what_the_browser_counted_is_said(told):
    assert '3 lost' in note(told) and '1 PLIs' in note(told) and 'tier h264' in note(told)
