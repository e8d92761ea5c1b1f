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

"""Sound for tests, without a microphone."""

import time

from pi_camera_stream.core.sound import SoundFeed, SoundPacket


class Source:
    """A source whose packets the test gives."""

    def __init__(self):
        self.reason, self.wanted = '', []
        self.feed = SoundFeed(self.wanted.append)
        self.sequence = 0

    def state(self):
        return {'device': 'mic', 'listeners': self.feed.listeners, 'reason': self.reason}

    def give(self, data=b'opus', leave_out=0):
        self.sequence += 1 + leave_out
        self.feed.hand_out(SoundPacket(data, time.time_ns(), self.sequence))
