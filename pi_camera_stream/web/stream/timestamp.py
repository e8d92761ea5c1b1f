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

"""The headers that tell the stamp of a picture, and where more of it can be asked."""

from urllib.parse import urlencode

from ...core import camera_info, clock_exchange
from ...core.frame import Frame

TIMESTAMP = 'X-Timestamp'
SIGNAL = 'X-Signal'  # of a picture that says why there is none of the camera


def places(topic: str) -> dict[str, str]:
    """Return where, from the pictures of a topic, their clock and their camera are asked for."""
    return {clock_exchange.HEADER: clock_exchange.PLACE,
            camera_info.HEADER: f'{camera_info.PLACE}?{urlencode({"topic": topic})}'}


def timestamp(frame: Frame) -> str:
    """Return the stamp in s, with all digits; cameras without a clock live before 1970, too."""
    seconds, rest_ns = divmod(abs(frame.stamp_ns), 10**9)
    return f'{"-" if frame.stamp_ns < 0 else ""}{seconds}.{rest_ns:09d}'
