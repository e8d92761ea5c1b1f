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


"""Who drives: one at a time, who has asked for it, and only as long as commands come."""

from dataclasses import dataclass

SILENCE_S = 5.0
IDLE_S = 10.0  # without a command that moves anything


@dataclass
class Lease:
    """One seat for one driver; one thread calls it."""

    driver: str = ''  # empty for nobody
    asking: str = ''  # who asked for it last; empty for nobody
    _heard_s: float = 0.0
    _moved_s: float = 0.0

    def take(self, who: str, now_s: float) -> bool:
        """Take the wheel if it is free; otherwise ask for it, and return False."""
        self.expire(now_s)
        if self.driver and self.driver != who:
            self.asking = who
            return False
        if self.asking == who:
            self.asking = ''
        if self.driver != who:
            self.driver, self._moved_s = who, now_s
        self._heard_s = now_s
        return True

    def renew(self, who: str, now_s: float, moves: bool = False) -> bool:
        """Note that somebody was heard of; return whether that is the driver."""
        self.expire(now_s)
        if self.driver != who:
            return False
        self._heard_s = now_s
        if moves:
            self._moved_s = now_s
        return True

    def idle(self, now_s: float) -> bool:
        """Return whether the driver only holds the wheel, and has for a while."""
        return bool(self.driver) and now_s - self._moved_s > IDLE_S

    def leave(self, who: str) -> bool:
        """Give up the wheel, or the request for it; return whether the driver had it."""
        if self.asking == who:
            self.asking = ''
        if self.driver != who:
            return False
        self.driver = ''
        return True

    def expire(self, now_s: float) -> bool:
        """Free the wheel of a driver who has not been heard of; return whether it was so."""
        if not self.driver or now_s - self._heard_s <= SILENCE_S:
            return False
        self.driver = ''
        return True
