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

from itertools import count

from pi_camera_stream.web.webrtc.packet_transits import PacketTransits
from pi_camera_stream.web.webrtc.transport_feedback import Arrival
import pytest

INTERVAL_S = 1 / 30
PACKETS = 6  # of a frame
SERVER_S, RECEIVER_S = 1000.0, 5.0  # what the clocks show at the beginning
WAY_S = 0.01


class Way:
    """Send frames, and report how their packets came: one after another, after what waits."""

    def __init__(self):
        self.transits, self._frames = PacketTransits(), count()
        self.free_s = 0.0  # when the way has carried all

    def send(self, packet_s=0.0, read_s=0.0, frames=1, lost=()):
        """Return what is told; `read_s` is until when the receiver reads nothing."""
        told = []
        for _ in range(frames):
            now_s = next(self._frames) * INTERVAL_S
            self.transits.next_frame()
            arrivals = []
            for packet in range(PACKETS):
                sent = self.transits.note_sent(SERVER_S + now_s)
                self.free_s = max(self.free_s, now_s) + packet_s
                if packet not in lost:
                    came_s = max(self.free_s + WAY_S, now_s + read_s)
                    arrivals.append(Arrival(sent, RECEIVER_S + came_s))
            self.transits.note_arrivals(arrivals, SERVER_S + now_s + INTERVAL_S)
            told.append(self.transits.take_s())
        return told


@pytest.fixture
def way():
    """Return one on which all comes at once, and has for a second."""
    way = Way()
    assert max(way.send(frames=30)) == pytest.approx(0, abs=1e-6)
    return way


def test_a_narrow_way_is_seen_by_how_long_a_frame_takes(way):
    assert way.send(packet_s=0.004)[0] == pytest.approx(5 * 0.004, abs=1e-6)


def test_a_queue_is_what_all_of_the_last_frames_wait(way):
    told = way.send(packet_s=0.01, frames=8)  # 60 ms a frame, every 33
    assert told == sorted(told) and told[-1] > 0.12
    assert way.send()[0] > 0.1  # in front of it, there is what waits
    assert way.send(frames=12)[-1] == pytest.approx(0, abs=1e-6)


def test_a_receiver_that_reads_late_now_and_then_is_no_narrow_way(way):
    told = [way.send(read_s=0.0 if number % 4 == 3 else 0.05)[0] for number in range(12)]
    assert max(told) < 0.005


def test_a_longer_way_is_no_queue_for_long(way):
    way.free_s = 0.0
    told = [way.send(read_s=0.05)[0] for _ in range(400)]
    assert told[30] == pytest.approx(0.04, abs=1e-6)
    assert told[-1] == pytest.approx(0, abs=1e-6)


def test_packets_that_are_lost_say_nothing(way):
    assert max(way.send(packet_s=0.001, frames=10, lost=(0, 3))) < 0.01


def test_what_was_never_sent_is_no_arrival():
    transits = PacketTransits()
    transits.note_arrivals([Arrival(number, 1.0) for number in range(100)], SERVER_S)
    assert not transits.heard and transits.take_s() is None


def test_numbers_and_the_clock_of_the_receiver_begin_anew():
    transits = PacketTransits()
    whole_s = (1 << 24) * 0.064
    for frame in range(70_000):
        now_s = SERVER_S + frame * INTERVAL_S
        transits.next_frame()
        number = transits.note_sent(now_s)
        transits.note_arrivals([Arrival(number, (now_s + whole_s - SERVER_S - 60) % whole_s)],
                               now_s)
        assert transits.take_s() == pytest.approx(0, abs=1e-6)


def test_a_clock_that_is_fast_is_no_queue():
    transits = PacketTransits()
    for frame in range(5_000):
        now_s = SERVER_S + frame * INTERVAL_S
        number = transits.note_sent(now_s)
        transits.note_arrivals([Arrival(number, now_s * 1.0001)], now_s)
        assert transits.take_s() < 0.004
