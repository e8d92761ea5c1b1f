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

from collections import deque
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pi_camera_stream.web.stream.tiers import (
    choose,
    FULL,
    H264_INDEX,
    H264_SMALL_INDEX,
    JPEG_LADDER,
    JPEG_NAMES,
    LADDERS,
    LEAST_SHARE,
    NAMES,
    Surroundings,
    TierControl,
    TIERS,
)
import pytest

INTERVAL_S = 1 / 30
FULL_BYTES = 60000
MINUTES = 5
LAST = JPEG_LADDER[-1]


class Viewer:
    """A control, and a clock that goes on with each picture."""

    def __init__(self):
        self.now_s = 1000.0
        self.control = TierControl(self.now_s)
        self.changes = []

    @property
    def index(self):
        return self.control.index

    def gets(self, transit_s, pictures):
        """Receive pictures that take so long; return after how many the tier changed, or None."""
        for number in range(1, pictures + 1):
            self.now_s += INTERVAL_S
            before = self.index
            changed = self.control.observe(transit_s, INTERVAL_S, self.now_s)
            assert changed == (self.index != before)
            if changed:
                return number
        return None

    def until_it_changes(self, transit_s):
        """Return the seconds until the tier changed; False when it stays for five minutes."""
        pictures = self.gets(transit_s, 30 * 300)
        return pictures and pictures * INTERVAL_S


def test_the_tiers_are_in_order():
    tiers = [TIERS[index] for index in JPEG_LADDER]
    shares, budget_shares = [t.share for t in tiers], [t.budget_share for t in tiers]
    assert shares == sorted(set(shares), reverse=True)
    assert budget_shares == sorted(set(budget_shares))
    assert (TIERS[0].spec, TIERS[0].share, NAMES[0]) == (None, 1.0, 'full')
    assert len({t.spec for t in TIERS}) == len(TIERS)


def test_who_gets_his_pictures_in_time_stays_at_the_full_one():
    viewer = Viewer()
    assert viewer.gets(0.01, 3000) is None
    assert viewer.index == 0


def test_a_few_late_ones_are_the_networks_own_unsteadiness():
    viewer = Viewer()
    for _ in range(100):
        assert viewer.gets(0.025, 1) is None
        assert viewer.gets(0.005, 7) is None
    assert viewer.index == 0


def test_late_pictures_move_him_down():
    viewer = Viewer()
    assert viewer.gets(0.025, 8) is not None
    assert viewer.index == 1


@pytest.mark.parametrize(('transit_s', 'index'), [(0.03, 1), (0.05, 2), (0.1, 3), (10.0, LAST)])
def test_at_once_as_far_as_it_takes(transit_s, index):
    viewer = Viewer()
    assert viewer.gets(transit_s, 8) is not None
    assert viewer.index == index
    assert viewer.gets(transit_s * TIERS[index].share, 50) is None or index == LAST


def test_below_the_last_one_there_is_none():
    viewer = Viewer()
    while viewer.gets(1.0, 300):
        pass
    assert viewer.index == LAST


def test_a_calm_viewer_moves_up_one_by_one_after_the_hold():
    viewer = Viewer()
    viewer.gets(10.0, 8)
    for index in reversed(range(LAST)):
        assert 2.0 <= viewer.until_it_changes(0.001) < 2.2
        assert viewer.index == index
    assert viewer.gets(0.001, 300) is None  # above the first one there is none


def test_who_would_be_late_on_the_next_one_does_not_try_it():
    viewer = Viewer()
    viewer.gets(10.0, 8)
    assert not viewer.until_it_changes(0.025)


def test_after_each_attempt_that_fails_the_hold_is_twice_as_long():
    viewer = Viewer()
    viewer.gets(10.0, 8)
    holds_s = []
    for _ in range(7):
        holds_s.append(viewer.until_it_changes(0.001))
        assert viewer.index == LAST - 1
        assert viewer.gets(0.5, 8) is not None
        assert viewer.index == LAST
    assert holds_s == pytest.approx([2, 4, 8, 16, 32, 60, 60], abs=0.1)


def test_an_attempt_that_succeeded_halves_the_hold():
    viewer = Viewer()
    viewer.gets(10.0, 8)
    for _ in range(4):
        viewer.until_it_changes(0.001)
        viewer.gets(0.5, 8)
    assert viewer.until_it_changes(0.001) == pytest.approx(32, abs=0.1)
    assert viewer.gets(0.025, 30 * 120) is None  # long enough; too slow for yet another attempt
    viewer.gets(0.5, 8)
    assert viewer.index == LAST
    assert viewer.until_it_changes(0.001) == pytest.approx(16, abs=0.1)


def test_on_a_slow_camera_pictures_must_not_be_older_for_it():
    control = TierControl(0.0)
    assert any(control.observe(0.2, 1.0, number) for number in range(8))


@settings(deadline=None)
@example([0.0] * 6 + [1.0, 1.0], 1 / 30)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(1e-3, 100))
def test_whatever_comes_he_is_on_one_of_the_tiers(transfers_s, interval_s):
    control, now_s = TierControl(0.0), 0.0
    for transit_s in transfers_s:
        now_s += max(interval_s, transit_s)
        before = control.index
        assert control.observe(transit_s, interval_s, now_s) == (control.index != before)
        assert 0 <= control.index <= LAST


class Bottleneck:
    """
    Viewers behind one link of some bytes a second, in simulated time.

    A viewer takes the newest picture as soon as he has got the one before, as `deliver` has it.
    Those who wait for a picture are served in the order of the streams' hand-over: the full one
    needs no encoding, and of the others the smallest is put first. All have one queue, for pieces
    of their pictures (`piece`), or for whole ones.
    """

    def __init__(self, viewers, bytes_per_s, piece, seed):
        self.random = random.Random(seed)
        self.bytes_per_s, self.piece = bytes_per_s, piece
        self.controls = [TierControl(0.0) for _ in range(viewers)]
        self.joins_s = [self.random.uniform(0, 2) for _ in range(viewers)]
        self.changes_s = [[] for _ in range(viewers)]
        self.waiting = list(range(viewers))
        self.queue = deque()  # viewer, bytes left, begun, picture
        self.now_s = 0.0

    def run(self):
        for picture in range(MINUTES * 60 * 30):
            begun_s = picture * INTERVAL_S
            size = FULL_BYTES * self.random.uniform(0.85, 1.15)
            ready = [v for v in self.waiting if self.joins_s[v] <= begun_s]
            self.waiting = [v for v in self.waiting if v not in ready]
            self.now_s = max(self.now_s, begun_s)
            for viewer in sorted(ready, key=lambda v: (self.controls[v].index > 0,
                                                       -self.controls[v].index)):
                self.send(viewer, size, begun_s, picture)
            while self.queue and self.now_s < begun_s + INTERVAL_S:
                self.serve(size, picture)
        return self

    def send(self, viewer, size, begun_s, picture):
        share = TIERS[self.controls[viewer].index].share
        self.queue.append((viewer, size * share, begun_s, picture))

    def serve(self, size, newest):
        viewer, rest, begun_s, picture = self.queue.popleft()
        part = min(rest, self.piece)
        self.now_s += part / self.bytes_per_s
        if part < rest:
            self.queue.append((viewer, rest - part, begun_s, picture))
            return
        if self.controls[viewer].observe(self.now_s - begun_s, INTERVAL_S, self.now_s):
            self.changes_s[viewer].append(self.now_s)
        if picture < newest:
            self.send(viewer, size, self.now_s, newest)
        else:
            self.waiting.append(viewer)

    def late_changes(self):
        """Return how often each viewer's tier changed in the last minute."""
        return [sum(s > (MINUTES - 1) * 60 for s in changes_s) for changes_s in self.changes_s]

    def tiers(self):
        return [control.index for control in self.controls]


@pytest.mark.parametrize('piece', [12000, 10**9], ids=['pieces', 'whole'])
@pytest.mark.parametrize(('viewers', 'share'), [(1, 0.3), (1, 1.2), (2, 0.2), (4, 0.45), (4, 0.9),
                                                (6, 0.06), (8, 0.2)])
def test_viewers_of_a_narrow_link_settle_near_each_other(viewers, share, piece):
    """`share` is how much of the full pictures the link has room for, for each viewer."""
    bytes_per_s = viewers * share * FULL_BYTES / INTERVAL_S
    link = Bottleneck(viewers, bytes_per_s, piece, seed=1).run()
    assert max(link.tiers()) - min(link.tiers()) <= 2
    needed = sum(TIERS[index].share for index in link.tiers()) / viewers
    assert needed <= share or min(link.tiers()) == LAST
    assert max(link.late_changes()) <= 6  # that is an attempt in twenty seconds


@pytest.mark.parametrize('viewers', [1, 4, 8])
def test_on_a_wide_link_everybody_gets_the_full_picture(viewers):
    link = Bottleneck(viewers, viewers * 3 * FULL_BYTES / INTERVAL_S, 12000, seed=2).run()
    assert link.tiers() == [0] * viewers
    assert not any(link.changes_s)


AUTO = LADDERS['auto']
FULL_SIZE, VIDEO_SIZE = 54_000, 8_300
BOTH = 'jpeg', 'h264'


class Page:
    """A control among all codecs, on a link of so many bytes a second."""

    def __init__(self, bytes_per_s, crowded=False, ladder=AUTO):
        self.now_s, self.bytes_per_s, self.share = 1000.0, bytes_per_s, 1.0
        self.surroundings = Surroundings({FULL: FULL_SIZE, H264_INDEX: LEAST_SHARE * VIDEO_SIZE,
                                          H264_SMALL_INDEX: LEAST_SHARE * VIDEO_SIZE / 4}, crowded)
        self.control = TierControl(self.now_s, ladder, self.surroundings)
        self.visited, self.asked = [self.control.index], []

    def goes_on(self, seconds, helps=False):
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            index = self.control.index
            video = {H264_INDEX: VIDEO_SIZE, H264_SMALL_INDEX: VIDEO_SIZE / 4}
            size = video[index] * self.share if index in video else TIERS[index].share * FULL_SIZE
            transit_s = size / self.bytes_per_s
            self.now_s += max(INTERVAL_S, transit_s)
            if self.control.observe(
                    transit_s, INTERVAL_S, self.now_s, size=int(size),
                    relieve=lambda factor: self.asked.append(factor) or helps,
                    share=self.share if index in video else 1.0):
                self.visited.append(self.control.index)
                self.share = min(self.control.entry_share(), 1.0)
        return self.visited


def test_ladders_are_of_tiers_that_are_smaller_and_smaller():
    assert {name: [NAMES[index] for index in ladder] for name, ladder in LADDERS.items()} == {
        'jpeg': ['full', 'high', 'medium', 'low', 'lowest'],
        'auto': ['full', 'h264', 'h264_small', 'low', 'lowest'], 'h264': ['h264', 'h264_small']}
    assert (NAMES[5:], JPEG_NAMES) == (('h264', 'h264_small'), NAMES[:5])


@pytest.mark.parametrize(('name', 'codecs', 'chosen'), [
    ('auto', ('jpeg',), {'ladder': JPEG_LADDER}), ('jpeg', ('jpeg',), {'ladder': JPEG_LADDER}),
    ('auto', BOTH, {'ladder': AUTO}), ('jpeg', BOTH, {'ladder': JPEG_LADDER}),
    ('h264', BOTH, {'ladder': (5, 6)}), ('h264_small', BOTH, {'ladder': (6,)}),
    ('low', BOTH, {'tier': 3})])
def test_names_are_ladders_or_tiers(name, codecs, chosen):
    assert choose(name, codecs) == chosen


@pytest.mark.parametrize('name', ['h264', 'h264_small'])
def test_who_cannot_show_h264_is_refused_it_with_one_sentence(name):
    with pytest.raises(ValueError, match=f'tier {name} is for a WebSocket that asks for codecs='):
        choose(name)


def test_on_a_narrow_link_h264_takes_the_place_of_smaller_jpegs():
    assert Page(5e6 / 8).goes_on(30) == [FULL, H264_INDEX]


def test_it_begins_with_the_rate_that_the_link_carries():
    for link_bps, share in ((1.5e6, LEAST_SHARE), (2e6, 0.42), (4e6, 0.83), (5e6, 1.0)):
        page = Page(link_bps / 8)
        page.goes_on(1)
        assert page.control.index == H264_INDEX
        assert min(page.control.entry_share(), 1.0) == pytest.approx(share, abs=0.02)
    assert Page(1e9).control.entry_share() > 1  # sent there by somebody, on whatever link


def test_on_a_wide_link_it_is_jpeg():
    assert Page(100e6 / 8).goes_on(60) == [FULL]


def test_when_there_is_room_again_it_is_jpeg_again():
    page = Page(5e6 / 8)
    page.goes_on(5)
    page.bytes_per_s = 100e6 / 8
    page.share = 0.8
    assert page.goes_on(20) == [FULL, H264_INDEX]  # the rate rises first
    page.share = 1.0
    assert page.goes_on(20) == [FULL, H264_INDEX, FULL]


def test_where_all_take_too_much_it_is_h264_until_that_is_over():
    page = Page(100e6 / 8, crowded=True)
    assert page.goes_on(60) == [FULL, H264_INDEX]
    page.surroundings.crowded = False
    page.share = 1.0
    assert page.goes_on(20) == [FULL, H264_INDEX, FULL]
    for name in ('jpeg', 'h264'):
        other = Page(100e6 / 8, crowded=True, ladder=LADDERS[name])
        assert other.goes_on(20) == [LADDERS[name][0]]


def test_while_a_lower_rate_helps_nobody_moves():
    page = Page(5e6 / 8)
    page.goes_on(5)
    page.bytes_per_s = 1e6 / 8
    page.goes_on(1, helps=True)
    assert page.control.index == H264_INDEX
    assert page.asked[-1] < 0.5  # it needs less than half of the rate
    page.goes_on(1, helps=False)
    assert page.control.index != H264_INDEX


def test_below_the_small_one_there_are_small_jpegs():
    page = Page(0.4e6 / 8)
    page.goes_on(20)
    assert page.visited[0] == FULL
    assert page.control.index in (H264_SMALL_INDEX, 3, 4)
    page.bytes_per_s = 0.05e6 / 8
    page.goes_on(20)
    assert page.control.index == LAST


def test_who_may_have_other_tiers_goes_to_one_that_is_no_larger():
    control = TierControl(0.0, AUTO)
    control.observe(1.0, INTERVAL_S, 1.0)
    control.observe(1.0, INTERVAL_S, 2.0)
    assert control.index in (H264_INDEX, H264_SMALL_INDEX)
    assert control.use(JPEG_LADDER, 3.0)
    assert control.index >= 3
    assert not control.use(JPEG_LADDER, 3.0)
    assert control.use(LADDERS['h264'], 3.0)
    assert control.give_way(4.0) or control.index == H264_SMALL_INDEX
    assert not control.give_way(5.0)
    assert control.use(LADDERS['h264'][1:], 6.0) is False
    assert control.use(LADDERS['h264'], 7.0, from_top=True)
    assert control.index == H264_INDEX
