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

"""What the viewers' process is told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CrowdOrder:
    """
    What the viewers are to do; it travels as JSON.

    Attributes
    ----------
    path
        What they ask for.
    stuck
        So many more who read nothing.
    churn
        Come and go for `seconds`, instead of staying.
    server_pid
        The process that is measured.
    helper_pids
        Others, by name, whose CPU time is told as well.
    result
        The file to write, JSON.

    """

    address: str
    port: int
    path: str
    viewers: int
    stuck: int
    warm_up_s: float
    seconds: float
    churn: bool
    server_pid: int
    helper_pids: dict[str, int]
    result: str
