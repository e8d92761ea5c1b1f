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

import time

from pi_camera_stream.core.reception import BROKEN, Reception, SHOWN, SILENT, WAITING
import pytest


class Clock:
    now_s = 50.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, 'monotonic', lambda: clock.now_s)
    return clock


def come(reception, clock, count=5, every_s=0.1):
    for _ in range(count):
        clock.now_s += every_s
        reception.accept(1000)
        reception.show()


def test_a_topic_is_silent_by_its_own_interval(clock):
    reception = Reception()

    def is_silent(after_s):
        clock.now_s += after_s
        silent = reception.is_silent(2.0)
        clock.now_s -= after_s
        return silent

    def come(count, every_s):
        for _ in range(count):
            clock.now_s += every_s
            reception.accept(1)

    assert not is_silent(1.9) and is_silent(2.1)  # nothing has come yet
    come(1, 1.0)
    assert not is_silent(9.0) and is_silent(11.0)  # nobody knows when the next one is due
    come(3, 5.0)
    assert not is_silent(12.0) and is_silent(13.0)
    come(10, 0.033)  # faster now
    assert not is_silent(1.9) and is_silent(2.1)
    come(1, 3600.0)
    assert is_silent(61.0)


def test_who_waits_is_told_what_is_known_of_the_publisher(clock):
    reception = Reception()
    assert reception.signal().state == SHOWN  # it has only just begun
    clock.now_s += 3
    reception.missing = 'it has no publisher'
    signal = reception.signal()
    assert (signal.state, signal.silent_s, signal.lost) == (WAITING, 3.0, True)
    assert str(signal) == 'WAITING for 3 s: it has no publisher'


def test_what_came_and_stopped_is_no_signal(clock):
    reception = Reception()
    come(reception, clock)
    assert reception.signal().state == SHOWN
    clock.now_s += 4
    assert str(reception.signal()) == 'NO SIGNAL for 4 s'


def test_what_comes_and_is_never_shown_is_told_with_its_number(clock):
    reception = Reception()
    for _ in range(3):
        clock.now_s += 1
        reception.refuse('it is not a whole JPEG')
    signal = reception.signal()
    assert signal.state == BROKEN
    assert str(signal) == ('NOT SHOWN for 3 s: 3 pictures were dropped, the last one because '
                           'it is not a whole JPEG')


def test_what_comes_whole_and_cannot_be_decoded_is_not_shown_either(clock):
    reception = Reception()
    come(reception, clock)
    for _ in range(30):
        clock.now_s += 0.1
        reception.accept(1000)
        reception.refuse("the encoding 'x' is not supported")
    signal = reception.signal()
    assert signal.state == BROKEN
    assert signal.silent_s == pytest.approx(3)


def test_now_and_then_a_bad_one_is_no_trouble_and_counted(clock):
    reception = Reception()
    for _ in range(20):
        clock.now_s += 0.5
        reception.refuse('it is not a whole JPEG')
        come(reception, clock, 1)
        assert reception.signal().state == SHOWN
    assert (reception.refused, reception.reason) == (20, 'it is not a whole JPEG')


def test_after_a_bad_one_nothing_comes(clock):
    reception = Reception()
    come(reception, clock)
    reception.refuse('it is not a whole JPEG')
    clock.now_s += 4
    assert reception.signal().reason == 'a picture was dropped because it is not a whole JPEG'


def test_a_restart_waits_anew_and_goes_on_counting(clock):
    reception = Reception()
    come(reception, clock, 7)
    reception.refuse('it is not a whole JPEG')
    clock.now_s += 60
    reception.restart()
    assert reception.signal().state == SHOWN
    clock.now_s += 3
    assert (reception.signal().state, reception.signal().reason) == (WAITING, '')
    assert (reception.received.total, reception.refused) == (7, 1)


def test_what_else_is_wrong_is_told_though_pictures_come(clock):
    reception = Reception()
    reception.note = 'nobody publishes /clock'
    come(reception, clock)
    assert (reception.signal().state, reception.signal().reason) == (
        SHOWN, 'nobody publishes /clock')
    clock.now_s += 4
    assert (reception.signal().state, reception.signal().reason) == (
        SILENT, 'nobody publishes /clock')
