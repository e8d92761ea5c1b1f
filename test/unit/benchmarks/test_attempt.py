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

from benchmarks.video.attempt import Outcome, replace_page, tell, with_one_that_decodes
from benchmarks.video.page import Watch
from benchmarks.video.pictures import Picture
from benchmarks.video.server import Told, Used

S = 1_000_000_000


def picture(page, came_s):
    return Picture(page, came_s * S, 0, came_s * S - 1, 'full', 0, False, 1, 10)


def told(**others):
    return Told(**{'pictures': [], 'asked_ns': [], 'reasons': [None, ''], 'broken': [0, 0],
                   'stale': [0, 0], 'lost': [], 'cpu_s': 0.0, **others})


def test_only_the_first_page_decodes_and_has_a_process_of_its_own():
    (first,), rest = with_one_that_decodes(Watch('tier=full'), 4)
    assert first == Watch('tier=full', decodes=True)
    assert rest == 3 * (Watch('tier=full'),)
    assert with_one_that_decodes(Watch('tier=full'), 1) == ((first,),)


def test_pages_of_a_second_process_count_on():
    assert replace_page(picture(2, 1), 5) == picture(7, 1)


def test_figures_begin_later_if_they_are_to():
    outcome = Outcome([picture(0, 1), picture(0, 2), picture(1, 3)], [told()], Used(0, {}, 4.0),
                      1 * S, 5 * S, range(2))
    assert outcome.figures().count == 3
    assert outcome.figures(after_s=1).count == 2
    assert outcome.figures([0], after_s=1).per_s == 1 / 3


def test_what_makes_figures_doubtful_is_told():
    outcome = Outcome([], [told(), told(broken=[0, 3], reasons=['too slow', 'too slow'],
                                        lost=['page 1: gone'])], Used(0, {}, 1.0), 0, S, range(4))
    assert outcome.faults() == ['3 pictures of page 1 could not be decoded',
                                'no H.264: too slow', 'page 1: gone']


def test_a_goal_is_reached_or_missed(capsys):
    assert tell('age', 20.0, 25.0, ' ms')
    assert not tell('age', 25.1, 25.0, ' ms')
    assert tell('pictures/s', 29.5, 29.0, '', at_least=True)
    assert not tell('SSIM', 0.9649, 0.965, '', at_least=True, digits=4)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '  age: 20.0 ms, goal at most 25 ms'
    assert lines[3] == '  SSIM: 0.9649, goal at least 0.965  <- MISSED'
    assert [line.endswith('MISSED') for line in lines] == [False, True, False, True]
