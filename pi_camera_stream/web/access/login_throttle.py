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

"""Who has sent many wrong tokens."""

from collections import deque, OrderedDict
from collections.abc import Callable

from .addresses import network


class LoginThrottle:
    """Wrong tokens of the last minute, by address. The table is bounded."""

    MOST = 10  # so many within a minute are too many
    _WITHIN_S = 60.0
    _ADDRESSES = 1024

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._times_s: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Return the seconds until a wrong one from `address` is not one too many; mostly 0."""
        times_s = self._times_s.get(network(address))
        if times_s is None or len(times_s) < self.MOST:
            return 0.0
        return max(0.0, times_s[0] + self._WITHIN_S - self._now_s())

    def add(self, address: str) -> bool:
        """Note a wrong one; return whether it was the first one too many."""
        visitor, now_s = network(address), self._now_s()
        known = self.wait_s(address) > 0
        times_s = self._times_s.setdefault(visitor, deque(maxlen=self.MOST))
        times_s.append(now_s)
        self._times_s.move_to_end(visitor)
        if len(self._times_s) > self._ADDRESSES:
            self._times_s.popitem(last=False)
        return not known and self.wait_s(address) > 0
