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

"""How long no picture may come before something is wrong, where only those that came tell it."""

from ..core.statistics import Recent

FEW = 8  # pictures: some servers begin with several at once, or send each of them twice
_LEAST_S = 1.0
_FRAMES = 5
_LONGEST = 2  # times the longest of the last intervals


def longest_silence_s(intervals_s: Recent, unknown_s: float) -> float:
    """Return it by the last intervals between pictures; `unknown_s` while there are but few."""
    if len(intervals_s) < FEW:
        return unknown_s
    return max(_LEAST_S, _FRAMES * intervals_s.median(), _LONGEST * intervals_s.largest())
