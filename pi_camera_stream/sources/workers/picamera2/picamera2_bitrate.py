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

"""Keeping picamera2's JPEG encoders to a bit rate while they run."""

from __future__ import annotations

import fcntl
import math
import struct
from typing import Any

from worker_pipe import WorkerPipe

_LEARNING = 0.3  # weight of the newest picture
_FIRST_INTERVAL_S = 1 / 30
_LEAST_QUALITY = 20
_STEPS_EXPONENT = -0.62  # how the bytes of photographs follow from the quantisation steps
_FAIR_STEPS = 3688  # sum of the luminance steps at quality 50, ITU-T T.81 table K.1
_TOLERANCE = 0.03  # the hardware is not told of smaller changes
# From linux/videodev2.h and linux/v4l2-controls.h; on ARM the same for 32 and 64 bits.
_VIDIOC_S_CTRL = 0xC008561C
BITRATE = 0x009909CF  # V4L2_CID_MPEG_VIDEO_BITRATE
_CONTROL = struct.Struct('=Ii')  # struct v4l2_control: id, value


def set_control(encoder: Any, control: int, value: int) -> int:
    """Set a control of a V4L2 encoder that runs, and return what it has become."""
    answer = fcntl.ioctl(encoder.vd, _VIDIOC_S_CTRL, _CONTROL.pack(control, value))
    return int(_CONTROL.unpack(answer)[1])


class BitrateLimit:
    """Keep an encoder to a bit rate. Any thread may call `set`; all else belongs to its output."""

    works = True  # whether the encoder can be told

    def __init__(self, best: int = 0) -> None:
        self.best = best  # the bit rate, or the quality, where there is no limit
        self._limit_bps = math.inf
        self._interval_s = _FIRST_INTERVAL_S
        self._last_us = 0

    def set(self, bitrate_bps: float | None) -> None:
        """Keep to so many bits a second from the next picture on; None for no limit."""
        self._limit_bps = math.inf if bitrate_bps is None else bitrate_bps

    def set_best(self, best: int) -> bool:
        """Encode so while there is no limit; False when the encoder cannot be told."""
        self.best = best
        return True

    def note(self, jpeg: bytes, sensor_us: int) -> None:
        if self._last_us:
            # After a pause, the pictures do not come more seldom than before.
            interval_s = min((sensor_us - self._last_us) / 1e6, 4 * self._interval_s)
            self._interval_s += _LEARNING * (interval_s - self._interval_s)
        self._last_us = sensor_us
        self._follow(jpeg, self._limit_bps * self._interval_s)

    def _follow(self, jpeg: bytes, allowed_bits: float) -> None:
        """Tell the encoder what that leaves for one picture."""


class HardwareLimit(BitrateLimit):
    """
    Set the bit rate of the V4L2 encoder of a Pi 4 and older.

    Its driver, bcm2835-codec, hands a new one to the firmware at once, also while it encodes, and
    takes 25 kbit/s to 25 Mbit/s in steps of 25 kbit/s; others it rounds to these. The rate control
    is for 30 frames/s, as picamera2 tells it no other rate for JPEGs.
    """

    def __init__(self, encoder: Any, pipe: WorkerPipe) -> None:
        super().__init__()
        self._encoder = encoder
        self._pipe = pipe
        self._wanted_best = encoder.bitrate
        # What the encoder was started with, as the driver has rounded it.
        self.best = self._asked_bps = self._ask(encoder.bitrate)

    def set_best(self, best: int) -> bool:
        if best == self._wanted_best:
            return True
        asked_bps = self._ask(best) if self.works else 0
        if self.works:
            self._wanted_best, self.best = best, asked_bps
            self._asked_bps = asked_bps  # a limit lowers it again with the next picture
        return self.works

    def _follow(self, jpeg: bytes, allowed_bits: float) -> None:  # noqa: ARG002
        wanted_bps = min(self.best, max(1, round(min(allowed_bits, 1e9) * 30)))
        change_bps = abs(wanted_bps - self._asked_bps)
        if self.works and change_bps > (
                0 if wanted_bps == self.best else _TOLERANCE * self._asked_bps):
            self._asked_bps = wanted_bps
            self._ask(wanted_bps)
            if not self.works:
                self._pipe.send(b'A', {'adapts': False})

    def _ask(self, bitrate_bps: int) -> int:
        try:
            return set_control(self._encoder, BITRATE, bitrate_bps)
        except Exception as error:  # without it, the pictures are just larger
            self.works = False
            print(f'The JPEG hardware cannot be told another bit rate ({error}).')
            return bitrate_bps


class QualityLimit(BitrateLimit):
    """
    Choose the quality of picamera2's JpegEncoder, which reads `q` for each picture.

    Several pictures are under way when it changes, so what one was encoded with is taken from its
    own quantisation table.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__(encoder.q)
        self._encoder = encoder
        self._full_bytes = 0.0  # what a picture has in full quality

    def set_best(self, best: int) -> bool:
        self.best = best
        if math.isinf(self._limit_bps):
            self._encoder.q = best
        return True

    def _follow(self, jpeg: bytes, allowed_bits: float) -> None:
        best = self.best
        table = jpeg.find(b'\xff\xdb') + 5
        if table < 5:
            return
        steps, full_steps = sum(jpeg[table:table + 64]) / _FAIR_STEPS, _steps(best)
        full_bytes = len(jpeg) * math.pow(full_steps / steps, _STEPS_EXPONENT)
        if not self._full_bytes:
            self._full_bytes = full_bytes
        self._full_bytes += _LEARNING * (full_bytes - self._full_bytes)
        ratio = allowed_bits / 8 / self._full_bytes
        quality = best
        if ratio < 1:
            steps = full_steps * math.pow(ratio, 1 / _STEPS_EXPONENT)
            quality = math.floor(50 / steps if steps > 1 else 100 - 50 * steps)
        self._encoder.q = max(min(quality, best), min(_LEAST_QUALITY, best))


def _steps(quality: int) -> float:
    """Return the size of libjpeg's quantisation steps, relative to quality 50."""
    return 50 / quality if quality < 50 else max(2 - quality / 50, 64 / _FAIR_STEPS)
