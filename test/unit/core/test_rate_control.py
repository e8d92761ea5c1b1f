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


"""The rate control against a link that is simulated: a queue of a limited length, and loss."""

from dataclasses import dataclass, field
import math
import random
import statistics

from hypothesis import given, settings, strategies
from pi_camera_stream.core.rate_control import LEAST_BPS, RateControl, ReceiverStats, START_BPS
import pytest

INTERVAL_S = 1 / 30
REPORT_S = 0.2
FULL_BPS = 35e6
PACKET_BYTES = 1400


@dataclass
class Link:
    """Sends pictures at `bps`, behind a queue of 50 ms; a lost packet loses its picture."""

    bps: float
    packet_loss: float = 0.0
    clock_s: float = 1000.0  # the receiver's is ahead by as much
    jitter_s: float = 0.0
    free_s: float = 0.0  # when the last bit in the queue will have been sent
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def send(self, now_s, size):
        """Return when the picture arrives by the receiver's clock; None when it does not."""
        start_s = max(self.free_s, now_s)
        took_s = size * 8 / self.bps
        if start_s - now_s > 0.05:
            return None
        self.free_s = start_s + took_s
        if self.dice.random() > (1 - self.packet_loss) ** math.ceil(size / PACKET_BYTES):
            return None
        return self.free_s + 0.002 + self.clock_s + self.dice.random() * self.jitter_s


class Run:
    """A publisher whose encoder does as it is told, and a receiver who reports."""

    def __init__(self, link, full_bps=FULL_BPS):
        self.link, self.full_bps = link, full_bps
        self.control = RateControl(0.0)
        self.now_s = 0.0
        self.pictures = []  # (sent at, size, age at arrival or None)

    def go(self, seconds):
        """Run for so long."""
        last_report = self.now_s
        until_s = self.now_s + seconds
        pending = []
        while self.now_s < until_s:
            size = min(self.full_bps, self.control.budget_bps) * INTERVAL_S / 8
            arrives_s = self.link.send(self.now_s, size)
            age_s = None if arrives_s is None else arrives_s - self.link.clock_s - self.now_s
            self.pictures.append((self.now_s, size, age_s))
            pending.append((self.now_s, size, age_s))
            self.now_s += INTERVAL_S
            if self.now_s - last_report >= REPORT_S:
                # Pictures that should be there by now, one way or the other.
                told = [p for p in pending if p[0] + (p[2] or 0.1) <= self.now_s]
                pending = [p for p in pending if p not in told]
                self.report(told, self.now_s - last_report)
                last_report = self.now_s

    def report(self, told, elapsed_s):
        arrived = [p for p in told if p[2] is not None]
        self.control.observe(self.now_s, ReceiverStats(
            sent=len(told), arrived=len(arrived),
            arrived_bps=sum(p[1] for p in arrived) * 8 / elapsed_s,
            sent_bps=sum(p[1] for p in told) * 8 / elapsed_s,
            delay_s=statistics.median(p[2] + self.link.clock_s for p in arrived)
            if arrived else math.nan, interval_s=INTERVAL_S))

    def after(self, since_s):
        """Return share of pictures that arrived, 95 % of their ages, bits a second."""
        mine = [p for p in self.pictures if p[0] >= since_s]
        ages = sorted(p[2] for p in mine if p[2] is not None)
        bps = sum(p[1] for p in mine if p[2] is not None) * 8 / (self.now_s - since_s)
        return len(ages) / len(mine), ages[len(ages) * 95 // 100] if ages else math.inf, bps


def test_a_wide_link_gets_everything_within_three_seconds():
    run = Run(Link(1e9))
    run.go(3)
    assert run.control.budget_bps >= FULL_BPS


def test_a_narrow_link_is_used_well_without_delay_or_loss():
    run = Run(Link(20e6))
    run.go(25)
    arrived, age_s, bps = run.after(5)
    assert arrived > 0.97
    assert age_s < 0.08
    assert bps > 0.6 * 20e6


def test_full_quality_is_back_within_15_s_of_the_link_widening():
    run = Run(Link(20e6))
    run.go(30)
    run.link.bps = 100e6
    run.go(15)
    assert run.control.budget_bps >= FULL_BPS


def test_a_link_that_becomes_narrow_is_relieved_within_a_second():
    run = Run(Link(100e6))
    run.go(10)
    run.link.bps = 5e6
    run.go(10)
    arrived, age_s, bps = run.after(12.0)
    assert arrived > 0.9
    assert age_s < 0.1
    assert bps > 0.5 * 5e6


def test_random_loss_leaves_at_least_four_fifths_of_the_pictures():
    run = Run(Link(20e6, packet_loss=0.01))
    run.go(40)
    arrived, _, bps = run.after(10)
    assert arrived >= 0.8
    assert bps > 2e6


def test_jitter_of_wi_fi_is_not_taken_for_a_full_link():
    run = Run(Link(100e6, jitter_s=0.01))
    run.go(10)
    assert run.control.budget_bps >= FULL_BPS


@pytest.mark.parametrize('step_s', [0.15, 0.5, 3600.0, -3600.0])
def test_a_receiver_whose_clock_was_set_gets_full_quality_again(step_s):
    run = Run(Link(100e6))
    run.go(10)
    run.link.clock_s += step_s
    run.go(25)
    assert run.control.budget_bps >= FULL_BPS


def test_nothing_arriving_lowers_the_rate_at_once_and_for_good():
    run = Run(Link(20e6, packet_loss=1.0))
    run.go(10)
    assert run.control.budget_bps == LEAST_BPS


def test_the_first_pictures_are_modest():
    assert RateControl(0.0).budget_bps == START_BPS


@settings(deadline=None)
@given(mbps=strategies.floats(1, 200), loss=strategies.sampled_from([0.0, 0.001, 0.01]),
       jitter_s=strategies.sampled_from([0.0, 0.005]), clock_s=strategies.floats(-1e6, 1e6))
def test_any_link_is_neither_flooded_nor_left_idle(mbps, loss, jitter_s, clock_s):
    run = Run(Link(mbps * 1e6, packet_loss=loss, jitter_s=jitter_s, clock_s=clock_s))
    run.go(30)
    arrived, age_s, bps = run.after(10)
    assert arrived > 0.75
    assert age_s < 0.15
    if not loss:
        assert bps > 0.45 * min(mbps * 1e6, FULL_BPS)
