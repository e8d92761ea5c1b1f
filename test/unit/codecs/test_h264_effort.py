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

import itertools

from pi_camera_stream.codecs.h264_effort import default_bitrate_bps, H264Effort
import pytest

PIXELS_PER_S = 1280 * 720 * 30
INTERVAL_S = 1 / 30


class Time:
    def __init__(self):
        self.now = 100.0

    def clock(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def effort(time):
    return H264Effort(2, time.clock)


def work(effort, time, took_s, for_s=4.0, pixels_per_s=PIXELS_PER_S):
    """Encode for some seconds; return the levels, and how often a reason was to be said."""
    levels, said = [], 0
    for _ in range(round(for_s / INTERVAL_S)):
        levels.append(effort.level(pixels_per_s))
        if levels[-1] < 2:
            said += effort.add(took_s[levels[-1]], INTERVAL_S)
        time.now += INTERVAL_S
    return levels, said


def test_bit_rate_follows_pixels_and_rate_up_to_the_most():
    assert default_bitrate_bps(1280, 720, 30, 6e6) == pytest.approx(2e6)
    assert default_bitrate_bps(1920, 1080, 30, 6e6) == pytest.approx(4.5e6)
    assert default_bitrate_bps(640, 360, 15, 6e6) == pytest.approx(250e3)
    assert default_bitrate_bps(3840, 2160, 60, 6e6) == 6e6
    assert default_bitrate_bps(160, 120, 1, 6e6) == 100e3
    assert default_bitrate_bps(1280, 720, 30, 50e3) == 50e3


def test_whoever_is_fast_enough_stays_at_the_whole_size(effort, time):
    levels, said = work(effort, time, (0.7 * INTERVAL_S, 0), for_s=30)
    assert set(levels) == {0} and said == 0 and effort.reason == ''


def test_a_few_slow_pictures_are_no_reason(effort, time):
    for number in range(300):
        assert effort.level(PIXELS_PER_S) == 0
        assert not effort.add((5 if number % 10 == 0 else 0.3) * INTERVAL_S, INTERVAL_S)
        time.now += INTERVAL_S


def test_too_slow_is_the_next_smaller_size_then_none_each_said_once(effort, time):
    levels, said = work(effort, time, (0.9 * INTERVAL_S, 0.3 * INTERVAL_S), for_s=40)
    assert levels[0] == 0 and levels[-1] == 1 and levels == sorted(levels) and said == 1
    assert effort.reason == ('H.264 is encoded in a smaller size, because this processor takes 30 '
                             'ms for a picture, and the next one comes after 33 ms')
    levels, said = work(effort, time, (0, 1.9 * INTERVAL_S), for_s=10)
    assert levels[-1] == 1 and said == 0  # half the rate is better than none
    levels, said = work(effort, time, (0, 2.1 * INTERVAL_S), for_s=10)
    assert levels[-1] == 2 and said == 1
    assert effort.reason.startswith('H.264 is not encoded, because this processor takes 70 ms')


def test_it_is_tried_again_less_and_less_often_and_not_said_again(effort, time):
    levels, said = work(effort, time, (INTERVAL_S, 0.1 * INTERVAL_S), for_s=600)
    tries = sum(now < before for before, now in itertools.pairwise(levels))
    assert (tries, said) == (3, 1)  # after 60, 120 and 240 s
    work(effort, time, (0.1 * INTERVAL_S, 0), for_s=1000)
    assert effort.level(PIXELS_PER_S) == 0 and effort.reason == ''


def test_less_to_do_is_tried_at_once(effort, time):
    work(effort, time, (INTERVAL_S, 3 * INTERVAL_S), for_s=20)
    assert effort.level(PIXELS_PER_S) == 2
    assert effort.level(PIXELS_PER_S / 2) == 0
