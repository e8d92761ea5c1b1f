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

from pi_camera_stream.nodes.clock_service import ClockService, RemoteClock
import pytest
from support.guest import Guest
from support.processes import wait_until


@pytest.fixture
def teller():
    guest = Guest('teller')
    yield guest
    guest.close()


def test_a_clock_that_is_asked_seldom_is_known_at_once(guest, teller):
    clock = RemoteClock(guest.node, '/teller', period_s=3600.0)
    assert clock.offset() is None
    ClockService(teller.node)
    wait_until(lambda: clock.offset() is not None)
    assert clock.machine
    clock.close()
