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

"""What a worker waits for, so that it can be told to people when it does not come."""

from dataclasses import dataclass


@dataclass
class WorkerStatus:
    """Why there is no picture at present, with the remedy; free of secrets. Any thread."""

    sentence: str
    heard_s: float = 0.0  # monotonic time of the last data; 0 where nobody is connected
    seldom: bool = False  # there is a stream, and how often its pictures come is not known yet

    def hear(self, _size: int, now_s: float) -> None:
        """Note that bytes have come, which a tool counts."""
        self.heard_s = now_s
