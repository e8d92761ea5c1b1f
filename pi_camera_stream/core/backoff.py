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

"""How long to wait before the next attempt."""


class Backoff:
    """
    Say when to try again: later and later as long as nothing comes of it.

    The wait counts from the beginning of the last attempt, so something that worked for a while is
    tried again at once. It doubles with each attempt that brought nothing, and begins anew after a
    healthy minute.
    """

    SHORTEST_S, LONGEST_S = 0.5, 10.0
    HEALTHY_S = 60.0

    def __init__(self) -> None:
        # The least between the beginnings of two attempts at present.
        self.wait_s = self.SHORTEST_S

    def failed(self, lasted_s: float, worked: bool) -> float:
        """Return the seconds to wait after an attempt of that length that worked, or did not."""
        if lasted_s >= self.HEALTHY_S:
            self.wait_s = self.SHORTEST_S
        rest_s = max(0.0, self.wait_s - lasted_s)
        if not worked:
            self.wait_s = min(2 * self.wait_s, self.LONGEST_S)
        return rest_s
