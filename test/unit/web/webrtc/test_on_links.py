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

"""What becomes of bit rate and tier on links that are computed, frame by frame."""

from collections import deque
from itertools import count
import random
import time

from pi_camera_stream.core.frame import H264 as H264_CODEC
from pi_camera_stream.web.stream.tiers import allowed_s, H264, H264_INDEX, LADDERS, NAMES
from pi_camera_stream.web.stream.video_rendition import VideoRendition
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
from pi_camera_stream.web.webrtc.receiver_reports import ReceiverReports
from pi_camera_stream.web.webrtc.transport_feedback import Arrival
import pytest

FPS, PACKET_BYTES, REPORT_S = 30, 1200, 0.05
FULL_BPS = 2e6  # of H.264 at its usual rate


class Way:
    """A link of some width, with a queue that loses what would wait longer than 0.1 s."""

    def __init__(self, bps, loss=0.0, way_s=0.0):
        self.bps, self._loss, self._way_s = bps, loss, way_s
        self._free_s, self._random = 0.0, random.Random(1)

    def send(self, size, now_s):
        """Return when it arrives; None where it is lost."""
        if self._free_s - now_s > 0.1:
            return None
        self._free_s = max(self._free_s, now_s) + 8 * size / self.bps
        return None if self._random.random() < self._loss else self._free_s + self._way_s


class Watching:
    """One who watches by WebRTC, over a computed link; time is computed, too."""

    def __init__(self, monkeypatch, way):
        self.now_s, self.way = 1000.0, way
        monkeypatch.setattr(time, 'monotonic', lambda: self.now_s)
        self.reports, self.rendition = ReceiverReports(), VideoRendition(
            H264, lambda: None, lambda: None)
        self.viewer = Viewer('', 'webrtc', StreamRequest(ladder=LADDERS['h264'],
                                                         codecs=(H264_CODEC,)))
        self.viewer.rendition = self.rendition
        self.viewer.reader = self.rendition.join(self.viewer.name)
        self._arrivals: deque[tuple[float, int]] = deque()
        self._frames = count(1)
        self.late_s: list[tuple[float, float]] = []  # when, and how long a frame was on its way
        self.sent = self.lost = 0
        self._reported_s = self._looked_s = self._ticked_s = self.now_s

    @property
    def share(self):
        return self.rendition.rate.share

    @property
    def tier(self):
        return NAMES[self.viewer.tier_index()]

    def watch(self, seconds):
        for _ in range(round(seconds * FPS)):
            self._send_frame(round(FULL_BPS * self.share / FPS / 8))
            self.now_s += 1 / FPS
            self._hear()

    def slowest_ms(self, since_s):
        return 1e3 * max(took_s for at_s, took_s in self.late_s if at_s >= since_s)

    def _send_frame(self, size):
        transit_s = self.reports.transit_s(allowed_s(H264_INDEX, 1 / FPS), self.now_s)
        if transit_s is not None:
            self.viewer.observe(transit_s, 1 / FPS)
        self.reports.packets.next_frame()
        came_s = [self._send_packet(min(PACKET_BYTES, size - at))
                  for at in range(0, size, PACKET_BYTES)]
        if None not in came_s:
            self.late_s.append((self.now_s, max(came_s) - self.now_s))

    def _send_packet(self, size):
        number, self.sent = self.reports.packets.note_sent(self.now_s), self.sent + 1
        at_s = self.way.send(size, self.now_s)
        if at_s is None:
            self.lost += 1
        else:
            self._arrivals.append((at_s, number))
        return at_s

    def _hear(self):
        if self.now_s - self._reported_s >= REPORT_S:
            self._reported_s = self.now_s
            come = [pair for pair in self._arrivals if pair[0] <= self.now_s]
            self._arrivals = deque(pair for pair in self._arrivals if pair[0] > self.now_s)
            self.reports.packets.note_arrivals([Arrival(number, at_s - 990)
                                                for at_s, number in come], self.now_s)
        if self.now_s - self._looked_s >= 0.5:
            self._looked_s = self.now_s
            self.reports.note_loss(self.sent, self.lost, self.now_s)
        if self.now_s - self._ticked_s >= 1.0:
            self._ticked_s = self.now_s
            self.rendition.rate.tick(self.now_s)


@pytest.mark.parametrize('loss', [0.01, 0.03, 0.08])
def test_what_is_lost_by_chance_lowers_nothing(monkeypatch, loss):
    watching = Watching(monkeypatch, Way(50e6, loss, 0.01))
    watching.watch(120)
    assert (watching.share, watching.tier) == (1.0, 'h264')


@pytest.mark.parametrize('after_bps', [1.5e6, 1e6])
def test_a_link_that_becomes_narrow_holds_frames_up_for_less_than_a_second(monkeypatch, after_bps):
    watching = Watching(monkeypatch, Way(20e6))
    watching.watch(10)
    assert watching.share == 1.0
    watching.way.bps, begun_s = after_bps, watching.now_s
    watching.watch(20)
    assert watching.slowest_ms(begun_s + 1.0) < 60
    assert watching.tier == 'h264' and watching.share < 0.9


def test_it_becomes_sharp_again_when_the_link_does(monkeypatch):
    watching = Watching(monkeypatch, Way(1.5e6))
    watching.watch(20)
    assert watching.share < 1
    watching.way.bps = 20e6
    watching.watch(30)
    assert watching.share == 1


def test_a_link_that_carries_little_gets_small_pictures(monkeypatch):
    watching = Watching(monkeypatch, Way(0.3e6))
    watching.watch(10)
    assert watching.tier == 'h264_small'
