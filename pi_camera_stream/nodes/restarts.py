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

"""When a node that has ended is started again by its launch file."""

from collections import deque

from ..core.exit_codes import ENDED, worth_restarting

DELAY_S = 2.0  # until it is started again
_DEATHS, _WITHIN_S = 5, 60.0


class Restarts:
    """
    Decide, for one node, whether it is started again.

    One that dies as soon as it has started would otherwise do so for ever.
    """

    def __init__(self) -> None:
        self._deaths_s: deque[float] = deque(maxlen=_DEATHS)

    def refusal(self, code: int, now_s: float) -> str:
        """Return why a node that has ended now is not started again; empty when it is."""
        if code in ENDED:
            return 'it has finished'
        if not worth_restarting(code):
            return 'fix what it reported first'
        self._deaths_s.append(now_s)
        if len(self._deaths_s) == _DEATHS and now_s - self._deaths_s[0] < _WITHIN_S:
            return f'it died {_DEATHS} times within {_WITHIN_S:.0f} s'
        return ''
