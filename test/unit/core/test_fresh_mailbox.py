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



import threading

from pi_camera_stream.core.fresh_mailbox import FreshMailbox
from pi_camera_stream.core.mailbox import Mailbox
import pytest


class Bench:
    """A mailbox, into which something comes so often, and whose clock stands."""

    def __init__(self, per_second):
        self.now_s = 100.0
        self.box = FreshMailbox(lambda: per_second, lambda: self.now_s)

    def lay(self, item, ago_s):
        self.now_s -= ago_s
        self.box.put(item)
        self.now_s += ago_s


@pytest.mark.parametrize(('per_second', 'ago_s'), [
    (0.1, 0.0), (0.1, 4.9),  # fresh: less than half of the 10 s
    (0.1, 13.0), (0.1, 1e6),  # the next one should have come long ago
    (0.0, 4.0),  # nobody knows when the next one comes
])
def test_what_is_fresh_or_all_there_is_comes_at_once(per_second, ago_s):
    bench = Bench(per_second)
    bench.lay('one', ago_s)
    assert bench.box.take() == 'one'
    assert bench.box.dropped == 0


def test_what_is_stale_gives_way_to_the_next_one():
    bench = Bench(per_second=0.01)  # would be waited for for a minute
    bench.lay('old', ago_s=60.0)
    taken = []
    taker = threading.Thread(target=lambda: taken.append(bench.box.take()))
    taker.start()
    bench.box.put('new')
    taker.join(10)
    assert taken == ['new']
    assert bench.box.dropped == 1


def test_what_is_stale_comes_all_the_same_when_the_next_one_is_lost():
    bench = Bench(per_second=1000)
    bench.lay('old', ago_s=0.0006)
    assert bench.box.take() == 'old'
    assert bench.box.dropped == 0


def test_newer_items_replace_each_other_and_are_counted():
    bench = Bench(per_second=30)
    for item in range(5):
        bench.box.put(item)
    assert bench.box.take() == 4
    assert bench.box.dropped == 4


def test_nobody_waits_beyond_the_end():
    bench = Bench(per_second=0.01)
    bench.lay('old', ago_s=60.0)
    bench.box.close()
    with pytest.raises(Mailbox.Closed):
        bench.box.take()
