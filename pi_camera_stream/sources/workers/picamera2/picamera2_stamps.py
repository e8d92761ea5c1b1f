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

"""What the metadata tell of the frames that are being encoded."""

from __future__ import annotations

from contextlib import suppress
import math
import time
from typing import Any, NamedTuple

_MOST_FRAMES = 32  # more than there can be under way
_MOST_NUMBERS = 16  # in one value of the metadata that is passed on: others are statistics
_TELL_S = 1.0  # how often metadata are told while nobody wants those of each frame


class Taken(NamedTuple):
    """How a frame was taken."""

    stamp_ns: int  # of CLOCK_MONOTONIC, when the exposure of its first row began
    number: int  # counted by the sensor
    exposure_us: int = 0  # 0 unknown
    metadata: dict[str, Any] | None = None


class Stamps:
    """
    Know the frames that are being encoded.

    picamera2's event loop calls `note`, the encoder's thread `find`, and who configures the camera
    anew `forget`.
    """

    def __init__(self) -> None:
        self.each = False  # whether the metadata of each frame are to be told
        self._told_s = 0.0
        self._frames: dict[int, Taken] = {}
        self._number = 0
        self._last_ns = self._last_duration_us = 0
        self._forgotten_us = -1  # sensor stamp of the last one that is not wanted any more

    def note(self, request: Any) -> None:
        """Take in a frame, in picamera2's event loop, which would not survive an exception."""
        with suppress(Exception):
            data = request.get_metadata()
            sensor_ns, exposure_us = data['SensorTimestamp'], data.get('ExposureTime', 0)
            self._count(sensor_ns, data.get('FrameDuration', 0))
            # The sensor's stamp is when its first row was read out, the end of its exposure.
            # The encoders' stamps are the same in us, rounded by a division like this one.
            self._frames[int(sensor_ns / 1000)] = Taken(
                sensor_ns - exposure_us * 1000, self._number, exposure_us, data)
            while len(self._frames) > _MOST_FRAMES:
                del self._frames[next(iter(self._frames))]

    def find(self, sensor_us: int) -> Taken | None:
        """Return how that frame was taken; None when it was before the last `forget`."""
        if sensor_us <= self._forgotten_us:
            return None
        # It stays, as there may be a second encoder.
        taken = self._frames.get(sensor_us)
        return taken or Taken(sensor_us * 1000, self._number)

    def forget(self) -> None:
        """Want no frame any more that was taken until now; the camera is not running."""
        self._frames.clear()
        self._forgotten_us, self._last_ns = int(self._last_ns / 1000), 0

    def to_tell(self, taken: Taken) -> dict[str, Any] | None:
        """Return the metadata of a frame if they are due, none otherwise."""
        now_s = time.monotonic()
        if taken.metadata is None or not (self.each or now_s - self._told_s >= _TELL_S):
            return None
        self._told_s = now_s
        return plain(taken.metadata)

    def _count(self, sensor_ns: int, duration_us: int) -> None:
        # libcamera counts requests, not frames: what the sensor took while all buffers were in
        # use shows only in the time that passed.
        longer_us = max(duration_us, self._last_duration_us)
        passed_us = (sensor_ns - self._last_ns) / 1000
        self._number += max(1, round(passed_us / longer_us)) if longer_us and self._last_ns else 1
        self._last_ns, self._last_duration_us = sensor_ns, duration_us


def plain(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what of the metadata is numbers, few at a time, as JSON has them."""
    found = {}
    for name, value in metadata.items():
        numbers = list(value) if isinstance(value, (list, tuple)) else [value]
        if numbers and isinstance(numbers[0], (list, tuple)):
            numbers = [number for item in numbers for number in item]
        if 0 < len(numbers) <= _MOST_NUMBERS and all(
                isinstance(number, (bool, int, float)) and math.isfinite(number)
                for number in numbers):
            found[name] = value
    return found
