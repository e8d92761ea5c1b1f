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

"""What receivers ask the H.264 of a camera's node to keep to."""

import math
from types import SimpleNamespace

from pi_camera_stream.nodes.camera import bitrate_limit
import pytest
from std_msgs.msg import UInt32
from support.guest import best_effort
from support.processes import wait_until

TOPIC = '/camera/image_raw/foxglove'
LEAST_BPS, ANY = 300_000, 2**32 - 1


@pytest.mark.parametrize('flood', [lambda number: ANY, lambda number: LEAST_BPS + number,
                                   lambda number: ANY - number, lambda number: 0])
def test_a_flood_of_requests_does_not_hide_the_least_of_them(guest, monkeypatch, flood):
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(bitrate_limit, 'time', SimpleNamespace(monotonic=lambda: now.s))
    limit = bitrate_limit.BitrateLimit(guest.node, TOPIC)
    assert limit.bps() == math.inf
    heard = guest.listen(UInt32, f'{TOPIC}/bitrate')
    publisher = guest.node.create_publisher(UInt32, f'{TOPIC}/bitrate', best_effort())

    def ask(bps):
        publisher.publish(UInt32(data=bps))
        return heard.get(timeout=1)

    wait_until(lambda: publisher.get_subscription_count() == 2)
    wait_until(lambda: ask(LEAST_BPS) and limit.bps() == LEAST_BPS)
    for number in range(200):
        ask(flood(number))
        assert limit.bps() == LEAST_BPS
    now.s = 2.0
    assert limit.bps() in (math.inf, ANY)
    wait_until(lambda: ask(1) and limit.bps() == 100_000)
