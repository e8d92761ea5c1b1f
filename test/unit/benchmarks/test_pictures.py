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

from benchmarks.video.pictures import (
    figures,
    first,
    largest_share,
    longest_gap_ms,
    Picture,
    soonest_ms,
)
import pytest

MS = 1_000_000
S = 1000 * MS


def picture(page=0, came_ms=0.0, age_ms=10.0, shown_ms=0.0, **others):
    came_ns = 5 * S + round(came_ms * MS)
    shown_ns = came_ns + round(shown_ms * MS) if shown_ms else 0
    return Picture(**{'page': page, 'came_ns': came_ns, 'shown_ns': shown_ns,
                      'stamp_ns': came_ns - round(age_ms * MS), 'tier': 'full', 'codec': 0,
                      'key': False, 'sequence': 1, 'size': 1000, **others})


def test_figures_are_of_the_pages_and_the_span():
    pictures = [picture(0, 40 * number, age_ms=number) for number in range(50)]
    pictures += [picture(1, 80 * number, age_ms=100, tier='h264', size=3000, codec=1)
                 for number in range(25)]
    pictures += [picture(2, 1), picture(0, -1), picture(0, 2000)]
    got = figures(pictures, [0, 1], 5 * S, 7 * S)
    assert got.count == 75
    assert got.per_s == pytest.approx(75 / 2 / 2)
    assert got.least_per_s == pytest.approx(12.5)
    assert got.came_ms.median == pytest.approx(37)
    assert got.came_ms.p95 == got.came_ms.most == pytest.approx(100)
    assert math.isnan(got.shown_ms.median)
    assert got.gap_ms == pytest.approx(80)
    assert got.kb == pytest.approx((50 + 75) / 75)
    assert got.mbps == pytest.approx(125_000 * 8 / 2 / 1e6)
    assert got.tiers == {'full': pytest.approx(2 / 3), 'h264': pytest.approx(1 / 3)}
    assert '18.8/s each (least 12.5)' in str(got)


def test_figures_of_a_page_that_got_nothing_are_unknown():
    got = figures([], [0], 0, S)
    assert got.per_s == got.least_per_s == got.mbps == 0
    assert math.isnan(got.came_ms.p95)
    assert math.isnan(got.kb)
    assert got.gap_ms == 1000
    assert str(got)


def test_a_gap_counts_where_it_is_in_the_span_and_from_when_a_picture_could_be_seen():
    pictures = [picture(0, 0), picture(0, 100, shown_ms=50), picture(0, 400), picture(1, 250)]
    assert longest_gap_ms(pictures, 0, 5 * S, 5 * S + 450 * MS) == pytest.approx(250)
    assert longest_gap_ms(pictures, 0, 5 * S + 300 * MS, 5 * S + 600 * MS) == pytest.approx(200)
    assert longest_gap_ms(pictures, 0, 5 * S + 360 * MS, 5 * S + 410 * MS) == pytest.approx(40)


def test_the_soonest_are_those_of_the_first_page_that_had_a_picture():
    pictures = [picture(0, 20, age_ms=15), picture(1, 15, age_ms=10), picture(1, 50, age_ms=30),
                picture(0, 2000, age_ms=1)]
    soonest = soonest_ms(pictures, 5 * S, 6 * S)
    assert (soonest.median, soonest.most) == (pytest.approx(10), pytest.approx(30))


def test_the_first_that_fits_is_found():
    pictures = [picture(0, 0), picture(1, 10, codec=1), picture(0, 20, codec=1)]
    assert first(pictures, 0, 5 * S, lambda one: one.codec == 1) is pictures[2]
    assert first(pictures, 0, 5 * S + 1) is pictures[2]
    assert first(pictures, 0, 6 * S) is None


def test_the_largest_is_told_of_what_the_rate_allows():
    assert largest_share([picture(size=8000), picture(size=12_500)], 2e6, 30) \
        == pytest.approx(1.5)
