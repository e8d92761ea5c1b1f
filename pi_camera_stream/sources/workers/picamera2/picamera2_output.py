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

"""Where picamera2's encoders put what they make."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable  # noqa: UP035 - Python 3.9 has it


def hand_to(deliver: Callable[[bytes, int, bool], None], encoder: Any) -> Any:
    """
    Return an output that calls `deliver` in the encoder's thread, which must return at once.

    It gets the bytes, the sensor's time in us, and whether that is a key frame.
    """
    from picamera2.outputs import Output

    class Newest(Output):  # type: ignore[misc]
        def outputframe(self, frame: Any, keyframe: bool = True,
                        timestamp: int | None = None, packet: Any = None,  # noqa: ARG002
                        audio: bool = False) -> None:  # noqa: ARG002
            with suppress(Exception):  # it would end the encoder's thread in silence
                deliver(bytes(frame), encoder.firsttimestamp + timestamp, keyframe)

    return Newest()
