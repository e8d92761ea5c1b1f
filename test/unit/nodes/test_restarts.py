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

import signal

from pi_camera_stream.core.exit_codes import FAULT, MISTAKE
from pi_camera_stream.nodes.restarts import Restarts
import pytest


@pytest.mark.parametrize('code', [FAULT, -signal.SIGKILL])
def test_a_node_that_died_is_started_again(code):
    restarts = Restarts()
    assert [restarts.refusal(code, now_s) for now_s in range(0, 600, 30)] == [''] * 20


@pytest.mark.parametrize(('code', 'words'), [
    (0, 'finished'), (-signal.SIGTERM, 'finished'), (MISTAKE, 'fix what it reported')])
def test_one_that_came_to_its_end_or_was_given_nonsense_is_not(code, words):
    assert words in Restarts().refusal(code, 0.0)


def test_one_that_dies_at_once_each_time_is_given_up():
    restarts = Restarts()
    assert [restarts.refusal(-signal.SIGSEGV, now_s) for now_s in (0, 3, 6, 9)] == [''] * 4
    assert 'died 5 times' in restarts.refusal(-signal.SIGSEGV, 12)


def test_deaths_of_long_ago_do_not_count():
    restarts = Restarts()
    moments_s = (0, 3, 6, 9, 3600, 3603, 3606, 3609)
    assert [restarts.refusal(FAULT, now_s) for now_s in moments_s] == [''] * 8
