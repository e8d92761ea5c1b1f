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

from pi_camera_stream.web.stream.tiers import LEAST_SHARE
from pi_camera_stream.web.stream.video_rate_control import VideoRateControl
import pytest

ALLOWED_S = 0.02


class Crowd:
    """Viewers of one rendition on one link, of which each has its part, in simulated time."""

    def __init__(self, viewers, carries):
        """`carries`, of each viewer: the share of the usual rate that comes just in time."""
        self.control, self.now_s = VideoRateControl(self._note), 1000.0
        self.carries = [carries] * viewers if isinstance(carries, float) else carries
        self.shares, self.moved = [], set()

    def _note(self):
        self.shares.append(self.control.share)

    def goes_on(self, seconds, driver=None):
        for number in range(int(seconds * 30)):
            self.now_s += 1 / 30
            for viewer, carries in enumerate(self.carries):
                if viewer in self.moved:
                    continue
                transit_s = ALLOWED_S * self.control.share / carries
                drives = None if driver is None else viewer == driver
                if drives is not False:
                    self.control.note(transit_s, ALLOWED_S)
                if transit_s > ALLOWED_S and number % 8 == 0 and not self.control.relieve(
                        str(viewer), ALLOWED_S / transit_s, len(self.carries) - len(self.moved),
                        drives, self.now_s):
                    self.moved.add(viewer)
            if number % 30 == 0:
                self.control.tick(self.now_s)
        return self


def test_where_all_come_in_time_it_stays():
    assert Crowd(20, 2.0).goes_on(60).shares == []


def test_who_share_a_link_that_is_too_narrow_get_what_it_carries():
    crowd = Crowd(20, 0.6).goes_on(2)
    assert crowd.moved == set()
    assert LEAST_SHARE < crowd.control.share < 0.6


def test_it_rises_again_slowly_when_there_is_room_and_not_further():
    crowd = Crowd(5, 0.5).goes_on(3)
    fallen = crowd.control.share
    crowd.carries = [2.0] * 5
    crowd.goes_on(6)
    assert fallen < crowd.control.share < 1.6 * fallen
    crowd.goes_on(60)
    assert crowd.control.share == 1.0
    assert max(crowd.shares) == 1.0


def test_it_settles_without_being_late_again_and_again():
    crowd = Crowd(1, 0.7).goes_on(120)
    crowd.shares.clear()
    crowd.goes_on(300)
    assert sum(after < before for before, after in zip(crowd.shares, crowd.shares[1:],
                                                       strict=False)) <= 3
    assert crowd.moved == set()


def test_for_one_of_many_it_does_not_fall_and_they_move():
    crowd = Crowd(20, [0.3, *[2.0] * 19]).goes_on(3)
    assert crowd.moved == {0}
    assert crowd.shares == []


def test_for_more_than_a_tenth_it_falls():
    crowd = Crowd(20, [0.7, 0.7, 0.7, *[2.0] * 17]).goes_on(3)
    assert crowd.moved == set()
    assert crowd.control.share < 0.7


def test_it_follows_who_drives_and_the_others_move():
    crowd = Crowd(4, [2.0, 0.5, 0.5, 0.5]).goes_on(3, driver=0)
    assert (crowd.moved, crowd.shares) == ({1, 2, 3}, [])
    crowd = Crowd(4, [0.5, 2.0, 2.0, 2.0]).goes_on(3, driver=0)
    assert crowd.moved == set()
    assert crowd.control.share < 0.5


def test_below_the_least_rate_they_move():
    crowd = Crowd(3, 0.1).goes_on(5)
    assert crowd.moved == {0, 1, 2}
    assert min(crowd.shares) == LEAST_SHARE


def test_what_cannot_be_changed_does_not_help():
    crowd = Crowd(3, 0.6)
    crowd.control.fixed = True
    crowd.goes_on(3)
    assert (crowd.moved, crowd.shares) == ({0, 1, 2}, [])


def test_others_begin_anew_with_what_is_known_of_their_link():
    crowd = Crowd(2, 0.1).goes_on(5)
    crowd.control.restart(0.8)
    assert crowd.control.share == pytest.approx(0.8)
    crowd.control.restart(5.0)
    assert crowd.control.share == 1.0
