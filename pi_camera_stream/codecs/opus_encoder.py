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

"""Opus by libopus, for people who listen live."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pyav import why_no_encoder
from ..core.sound import CHANNELS, PACKET_SAMPLES, RATE

Samples = NDArray[np.int16]
BITRATE_BPS = 48_000
_TIME_BASE = Fraction(1, RATE)
_OPTIONS = {
    'application': 'lowdelay',  # 2.5 ms in place of 6.5
    'frame_duration': '10',
    'vbr': 'off',  # the lengths of packets would tell what is said, encrypted or not
}


def why_missing() -> str:
    """Return why there is no Opus encoder here, and what helps; empty where there is one."""
    return why_no_encoder('sound', 'libopus')


class OpusEncoder:
    """Ten milliseconds in, one packet out, at once. One thread calls it."""

    def __init__(self) -> None:
        import av  # takes a while, and is needed only while somebody listens

        self._av: Any = av
        context: Any = av.CodecContext.create('libopus', 'w')
        context.sample_rate, context.layout, context.format = RATE, 'mono', 's16'
        context.bit_rate, context.options = BITRATE_BPS, _OPTIONS
        context.time_base = _TIME_BASE
        self._context = context
        self._taken = 0  # samples

    def encode(self, samples: Samples) -> tuple[bytes, int]:
        """
        Return a packet, and by how many samples it begins before those of this call.

        `samples` are PACKET_SAMPLES of one channel.
        """
        frame = self._av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(CHANNELS, PACKET_SAMPLES), format='s16',
            layout='mono')
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._taken, _TIME_BASE
        packet, = self._context.encode(frame)
        early, self._taken = self._taken - packet.pts, self._taken + PACKET_SAMPLES
        return bytes(packet), early
