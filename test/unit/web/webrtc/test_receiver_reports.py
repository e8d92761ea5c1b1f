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

from pi_camera_stream.web.webrtc.receiver_reports import ReceiverReports
from pi_camera_stream.web.webrtc.transport_feedback import Arrival
import pytest

ALLOWED_S = 0.02
FRAME = 10_000  # bytes, 30 of them a second: 2.4 Mbit/s
SENT_BPS = 8 * 30 * FRAME


@pytest.fixture
def reports():
    """Return those of one to whom frames have been sent for a second."""
    reports = ReceiverReports()
    for n in range(31):
        reports.note_sent(FRAME, n / 30)
    return reports


def test_nothing_is_known_of_who_says_nothing(reports):
    assert reports.transit_s(ALLOWED_S, 1.0) is None


def fall(reports, part):
    """Let the receiver estimate less than before, in parts of what is sent."""
    reports.note_estimate(5 * SENT_BPS, 0.5)
    reports.note_estimate(part * SENT_BPS, 1.0)


@pytest.mark.parametrize(('part', 'queue_s', 'late'), [
    (1.5, 0.1, False), (1.0, 0.1, False), (0.85, 0.0, False), (0.85, 0.1, True), (0.6, 0.0, True)])
def test_frames_are_late_where_less_fits_through_than_is_sent(reports, part, queue_s, late):
    reports.note_round_trip(0.02)
    reports.note_round_trip(0.02 + queue_s)
    fall(reports, part)
    assert (reports.transit_s(ALLOWED_S, 1.0) > ALLOWED_S) == late


def test_an_estimate_that_only_lags_behind_says_nothing(reports):
    """It rises slowly, and not far above what is sent, also where anything fits through."""
    for n in range(10):
        reports.note_estimate((0.1 + n / 100) * SENT_BPS, n / 10)
    assert reports.transit_s(ALLOWED_S, 1.0) < 0.5 * ALLOWED_S


def test_the_rate_that_is_asked_for_is_less_than_fits_through(reports):
    fall(reports, 0.5)
    assert 0.35 < ALLOWED_S / reports.transit_s(ALLOWED_S, 1.0) < 0.5


def test_after_a_fall_no_more_is_tried_for_a_while(reports):
    fall(reports, 0.5)
    assert 0.5 * ALLOWED_S < reports.transit_s(ALLOWED_S, 2.0) < ALLOWED_S
    assert reports.transit_s(ALLOWED_S, 5.0) < 0.5 * ALLOWED_S


def lose(reports, parts, packets=100):
    """Let a receiver report twice a second which part of the packets it has lost."""
    sent = lost = 0
    for number, part in enumerate(parts):
        sent, lost = sent + packets, lost + round(part * packets)
        reports.note_loss(sent, lost, number / 2)
    return len(parts) / 2


@pytest.mark.parametrize(('loss', 'late'), [(0.0, False), (0.05, False), (0.3, True), (1.0, True)])
@pytest.mark.parametrize('tells_of_packets', [False, True])
def test_much_loss_is_too_much_being_sent(reports, loss, late, tells_of_packets):
    if tells_of_packets:
        number = reports.packets.note_sent(0.0)
        reports.packets.note_arrivals([Arrival(number, 5.0)], 0.1)
    now_s = lose(reports, 10 * [loss])
    assert reports.loss == pytest.approx(loss)
    assert (reports.transit_s(ALLOWED_S, now_s) > ALLOWED_S) == late


def test_one_report_of_a_few_packets_is_not_much(reports):
    now_s = lose(reports, [0.01, 0.01, 0.01])
    reports.note_loss(302, 4, now_s)
    assert reports.loss < 0.02
    assert reports.transit_s(ALLOWED_S, now_s) < ALLOWED_S


@pytest.mark.parametrize('packets', [100, 5])
def test_a_loss_is_over_when_nothing_more_is_lost(reports, packets):
    now_s = lose(reports, 4 * [0.4] + 5 * [0.0], packets)
    assert reports.loss == 0
    assert reports.transit_s(ALLOWED_S, now_s) < ALLOWED_S


def test_what_is_reported_without_end_takes_no_more_memory(reports):
    for number in range(1000):
        reports.note_loss(10, number, number / 100)
    assert len(reports._losses) <= 64


def test_who_tells_of_each_packet_needs_no_estimate(reports):
    fall(reports, 0.5)
    assert reports.transit_s(ALLOWED_S, 1.0) > ALLOWED_S
    number = reports.packets.note_sent(1.0)
    reports.packets.note_arrivals([Arrival(number, 70.0)], 1.1)
    assert reports.transit_s(ALLOWED_S, 1.1) == 0
    assert reports.transit_s(ALLOWED_S, 1.1) is None  # it has been told


def test_an_estimate_of_nothing_is_late_and_no_error(reports):
    fall(reports, 0)
    assert reports.transit_s(ALLOWED_S, 1.0) > ALLOWED_S
