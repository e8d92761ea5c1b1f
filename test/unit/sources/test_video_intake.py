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

from pi_camera_stream.codecs import h264
from pi_camera_stream.sources.records import VideoRecord
from pi_camera_stream.sources.video_intake import VideoIntake
import pytest
from support import h264_streams

UNITS = h264_streams.access_units()
GROUP = 10
SETS = h264.join([unit for unit in h264.nal_units(UNITS[0])
                  if h264.unit_type(unit) in (h264.SPS, h264.PPS)])


def taken(intake, units, first=1, step_ns=0):
    """Return what comes of some access units, each with its number as the stamp."""
    return [intake.take(VideoRecord(data, number * (step_ns or 1), number))
            for number, data in enumerate(units, first)]


def test_all_are_handed_on_from_the_first_key_frame_on():
    found = taken(VideoIntake(), UNITS[3:])
    assert found[:7] == [None] * 7
    assert [unit.data for unit in found[7:]] == UNITS[10:]
    assert [unit.key for unit in found[7:]] == [True] + [False] * 9
    assert {(unit.width, unit.height) for unit in found[7:]} == {(320, 240)}
    assert [unit.monotonic_ns for unit in found[7:]] == list(range(8, 18))


def test_behind_a_gap_all_are_left_out_up_to_the_next_key_frame():
    intake = VideoIntake()
    before = taken(intake, UNITS[:5])
    behind = taken(intake, UNITS[6:], 7)
    assert None not in before
    assert [unit is not None for unit in behind] == [False] * 4 + [True] * 10
    assert intake.left_out == 4
    h264_streams.decode([unit.data for unit in [*before, *behind] if unit is not None])


def test_what_the_sender_has_lost_is_a_gap_too():
    found = taken(VideoIntake(), [*UNITS[:5], *UNITS[6:]])
    assert [unit is not None for unit in found] == [True] * 5 + [False] * 4 + [True] * 10


@pytest.mark.parametrize('broken', [
    b'', b'\xff\xd8\xff', b'\0\0\0\1\xff\xff', b'\0\0\0\1\x67\x64',
    *h264_streams.access_units(1, pixels='yuv444p'),
    *h264_streams.access_units(1, pixels='yuv420p10le'),
    *h264_streams.access_units(1, codec='libx265')])
def test_what_cannot_be_shown_is_left_out_with_all_that_builds_on_it(broken):
    intake = VideoIntake()
    found = taken(intake, [*UNITS[:5], broken, *UNITS[6:]])
    assert [unit is not None for unit in found] == [True] * 5 + [False] * 5 + [True] * 10
    assert intake.why_not is None  # it may have been lost on the way


def test_of_another_size_is_no_fault():
    other = h264_streams.access_units(size=(160, 120))
    found = taken(VideoIntake(), [*UNITS[:5], *other])
    assert [unit.width for unit in found] == [320] * 5 + [160] * 20


@pytest.mark.parametrize(('units', 'sentence'), [
    (UNITS[1:GROUP], 'parameter sets have not come yet: have the sender put them'),
    ([SETS + UNITS[1]] * 9, 'no key frame for 12 s: have the sender make one'),
    (h264_streams.access_units(9, pixels='yuv444p'), 'is not passed on: it is H.264 with 4:4:4'),
    (h264_streams.access_units(9, codec='libx265'), 'H.265'),
])
def test_what_never_becomes_a_stream_is_given_up_with_one_sentence(units, sentence):
    intake = VideoIntake()
    intake.tell('', False)
    assert taken(intake, units, step_ns=10**9) == [None] * 9
    assert intake.why_not == ''
    taken(intake, units, 10, step_ns=10**9)
    assert sentence in intake.why_not
    intake.tell('', False)  # the worker has another one
    assert intake.why_not == ''
    assert None not in taken(intake, UNITS, 19)
