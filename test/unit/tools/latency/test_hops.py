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


import math

from pi_camera_stream.tools.latency.hops import Clock, find_hops, Hop, Sighting
import pytest

MS = 1_000_000
T0 = 1_800_000_000 * 10**9
CAMERA, HERE, PAGE = '/camera/camera', 'this program', '/camera/http_bridge'


def sightings(count=10, camera_ahead_ns=0, page_ahead_ns=0, page_from=0):
    """Return what nodes tell of pictures of which each hop takes 1, 2, 3, 4 ms."""
    for number in range(count):
        stamp = T0 + number * 33 * MS  # by the true clock
        told = stamp + camera_ahead_ns
        yield Sighting(CAMERA, told, {'published': told + 3 * MS})
        yield Sighting(HERE, told, {'received': stamp + 6 * MS})
        if number % 2 == 0:
            yield Sighting(HERE, told, {'decoded': stamp + 10 * MS})
        if number >= page_from:
            yield Sighting(PAGE, told, {'received': stamp + 7 * MS + page_ahead_ns})
            yield Sighting(PAGE, told, {'painted': stamp + 20 * MS + page_ahead_ns,
                                        'uncertainty': 2 * MS})


def by_name(hops):
    return {(hop.route, hop.begin, hop.end): hop for hop in hops}


@pytest.mark.parametrize(('camera_ahead_ns', 'page_ahead_ns'), [(0, 0), (5 * 10**9, -7 * 10**9)])
def test_every_hop_is_found_whatever_the_clocks_say(camera_ahead_ns, page_ahead_ns):
    clocks = {CAMERA: Clock(camera_ahead_ns, 1 * MS), PAGE: Clock(page_ahead_ns, 3 * MS)}
    hops = by_name(find_hops(list(sightings(10, camera_ahead_ns, page_ahead_ns)), CAMERA, clocks))
    medians = {name: round(hop.share(0.5), 3) for name, hop in hops.items()}
    assert medians == {
        ('', 'capture', 'published'): 3,
        (HERE, 'published', 'received'): 3, (HERE, 'received', 'decoded'): 4,
        (HERE, 'capture', 'decoded'): 10,
        (PAGE, 'published', 'received'): 4, (PAGE, 'received', 'painted'): 13,
        (PAGE, 'capture', 'painted'): 20}
    assert hops['', 'capture', 'published'].uncertainty_ms == 0
    assert hops[HERE, 'published', 'received'].uncertainty_ms == 1
    assert hops[HERE, 'received', 'decoded'].uncertainty_ms == 0
    assert hops[PAGE, 'published', 'received'].uncertainty_ms == 4
    assert hops[PAGE, 'received', 'painted'].uncertainty_ms == 2
    assert hops[PAGE, 'capture', 'painted'].uncertainty_ms == 6


def test_two_nodes_with_one_clock_leave_no_doubt_however_little_is_known_of_it():
    clock = Clock(7 * MS, 5 * MS)
    told = list(sightings(10, 7 * MS, 7 * MS))
    hops = by_name(find_hops(told, CAMERA, {CAMERA: clock, PAGE: clock}))
    assert hops[PAGE, 'published', 'received'].uncertainty_ms == 0
    assert hops[HERE, 'published', 'received'].uncertainty_ms == 5
    unknown = Clock(0, math.inf)
    hops = by_name(find_hops(told, CAMERA, {CAMERA: unknown, PAGE: unknown}))
    assert hops[PAGE, 'published', 'received'].uncertainty_ms == math.inf


def test_what_does_not_arrive_is_counted_where_it_was_lost():
    hops = by_name(find_hops(list(sightings()), CAMERA, {}))
    assert hops[HERE, 'published', 'received'].dropped == 0
    assert hops[HERE, 'received', 'decoded'].dropped == 5
    assert hops[HERE, 'capture', 'decoded'].dropped == 5


def test_who_came_later_has_lost_nothing_of_what_was_before():
    hops = by_name(find_hops(list(sightings(page_from=6)), CAMERA, {}))
    assert hops[PAGE, 'published', 'received'].dropped == 0
    assert len(hops[PAGE, 'published', 'received'].times_ms) == 4


def test_a_camera_that_tells_nothing_leaves_one_hop():
    told = [s for s in sightings() if s.node == HERE]
    hops = by_name(find_hops(told, CAMERA, {CAMERA: Clock(0.0, math.inf)}))
    assert set(hops) == {(HERE, 'capture', 'received'), (HERE, 'received', 'decoded'),
                         (HERE, 'capture', 'decoded')}
    assert hops[HERE, 'capture', 'received'].uncertainty_ms == math.inf


def test_nothing_seen_is_no_hop():
    assert find_hops([], CAMERA, {}) == []


def test_shares_and_jitter():
    hop = Hop('', 'a', 'b', [1.0, 3.0, 2.0, 10.0], 0.0, 0)
    assert [hop.share(part) for part in (0, 0.5, 0.95, 1.0)] == [1, 3, 10, 10]
    assert hop.jitter_ms == 2
    assert Hop('', 'a', 'b', [1.0], 0.0, 0).jitter_ms == 0
