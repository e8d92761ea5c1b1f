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

from pi_camera_stream.core.backoff import Backoff


def test_what_brings_nothing_is_tried_less_and_less_often():
    backoff = Backoff()
    waits_s = [backoff.failed(0.0, worked=False) for _ in range(7)]
    assert waits_s == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_what_has_worked_for_a_while_is_tried_again_at_once():
    backoff = Backoff()
    assert [backoff.failed(3.0, worked=True) for _ in range(20)] == [0.0] * 20
    assert backoff.failed(0.1, worked=True) == 0.4  # but not more often than that


def test_after_a_healthy_minute_it_begins_anew():
    backoff = Backoff()
    for _ in range(5):
        backoff.failed(0.0, worked=False)
    assert backoff.failed(59.0, worked=True) == 0.0
    assert backoff.failed(0.0, worked=False) == 10.0
    assert backoff.failed(60.0, worked=True) == 0.0
    assert backoff.failed(0.0, worked=False) == 0.5
