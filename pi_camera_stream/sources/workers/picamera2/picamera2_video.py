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

"""picamera2's H.264 encoder on the same pictures as that of the JPEGs, while somebody wants it."""

from __future__ import annotations

from contextlib import suppress
import threading
from typing import Any

from picamera2_bitrate import BITRATE, set_control
from picamera2_output import hand_to
from picamera2_stamps import Stamps
from worker_pipe import WorkerPipe

_BITRATE_BPS = 2e6  # of 1280x720, while nobody has said another one
_PIXELS = 1280 * 720
_KEY_INTERVAL_S = 10.0  # between key frames that nobody has asked for
_CONTROLLED_FPS = 30.0  # which the hardware's rate control goes by: picamera2 tells it no other
_LEAST_BPS, _MOST_BPS = 25_000, 25_000_000  # of the driver, bcm2835-codec
# Of macroblocks a second: level 4.0 of H.264 (table A-1), 1920x1080 at 30/s, as the hardware's
# maker promises. An encoder that does not keep up would hold the buffers that JPEGs need.
_MOST_BLOCKS = 245_760
_FORCE_KEY_FRAME = 0x009909E5  # V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, linux/v4l2-controls.h


class Video:
    """
    Run the hardware's encoder while it is wanted.

    The thread that obeys the node calls all but `_deliver`, which is the encoder's.
    """

    def __init__(self, picam2: Any, pipe: WorkerPipe, stamps: Stamps) -> None:
        self._picam2, self._pipe, self._stamps = picam2, pipe, stamps
        self._encoder: Any = None
        self._wanted = False
        self._size: tuple[int, int] | None = None  # None where there is no hardware
        self._fps = _CONTROLLED_FPS
        self._bitrate_bps = 0.0  # 0 while nobody has said one
        self._told: str | None = None
        self._fault = ''
        self._number = 0
        self._key_due = False  # a key frame has been asked for, and has not come yet

    def follow(self, size: tuple[int, int] | None, fps: float) -> None:
        """Go on with pictures of that size and rate; None where no hardware encodes."""
        if size != self._size:
            self.stop()
        self._size, self._fps, self._fault = size, fps or _CONTROLLED_FPS, ''
        self._run()
        self._tell_bitrate()

    def want(self, wanted: bool) -> None:
        self._wanted = wanted
        self._run()

    def limit_bitrate(self, bitrate_bps: float) -> None:
        self._bitrate_bps = bitrate_bps
        self._tell_bitrate()

    def request_key_frame(self) -> None:
        encoder = self._encoder
        if encoder is None or self._key_due:
            return
        self._key_due = True
        if hasattr(encoder, 'force_key_frame'):
            encoder.force_key_frame()
        else:  # before picamera2 0.3.32
            with suppress(Exception):
                set_control(encoder, _FORCE_KEY_FRAME, 1)

    def stop(self) -> None:
        """Stop the encoder, if it runs."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            with self._picam2.lock:  # so picamera2 gives it no picture any more
                self._picam2.encoders.discard(encoder)
            # It takes up to 0.4 s, in which picamera2 would wait with the next picture.
            threading.Thread(target=encoder.stop, daemon=True).start()
            self._pipe.forget_units()

    def _run(self) -> None:
        """Start or stop the encoder as is wanted, and can be; say what has changed."""
        self._tell(self._why_not())
        if not self._wanted or self._told != '':
            self.stop()
        elif self._encoder is None:
            self._start()
            self._tell(self._why_not())

    def _why_not(self) -> str | None:
        if self._size is None:
            return None
        if self._fault:
            return self._fault
        width, height = self._size
        if -(-width // 16) * -(-height // 16) * self._fps > _MOST_BLOCKS:
            return (f'the H.264 hardware does not keep up with {width}x{height} at {self._fps:g} '
                    "frames/s: to have its H.264, set the parameters 'width', 'height' and 'fps' "
                    'to less, such as 1920x1080 at 30')
        return ''

    def _tell(self, why_not: str | None) -> None:
        if why_not != self._told:
            self._told = why_not
            self._pipe.send(b'A', {'video': why_not, 'steers': True})

    def _start(self) -> None:
        from picamera2.encoders import H264Encoder

        encoder = H264Encoder(bitrate=self._hardware_bps(), repeat=True,
                              iperiod=round(_KEY_INTERVAL_S * self._fps))
        self._encoder, self._key_due = encoder, False
        try:
            self._picam2.start_encoder(encoder, hand_to(
                lambda data, sensor_us, key: self._deliver(encoder, data, sensor_us, key),
                encoder))
        except Exception as error:
            self._encoder = None
            with suppress(Exception):
                encoder.stop()
            self._fault = (f'the H.264 hardware cannot be used ({error}): see with `sudo fuser -v '
                           '/dev/video11` whether other programs do')

    def _deliver(self, encoder: Any, data: bytes, sensor_us: int, key: bool) -> None:
        if encoder is not self._encoder:
            return
        if key:
            self._key_due = False
        taken = self._stamps.find(sensor_us)
        if taken is not None:
            self._number += 1
            if not self._pipe.send_unit(data, taken.stamp_ns, self._number, key):
                self.request_key_frame()

    def _tell_bitrate(self) -> None:
        if self._encoder is not None:
            with suppress(Exception):  # without it, the pictures are just larger
                set_control(self._encoder, BITRATE, self._hardware_bps())

    def _hardware_bps(self) -> int:
        """Return the bit rate as the hardware has it, which divides it by its own rate."""
        width, height = self._size or (0, 0)
        bitrate_bps = self._bitrate_bps or _BITRATE_BPS * width * height / _PIXELS
        return round(min(max(bitrate_bps * _CONTROLLED_FPS / self._fps, _LEAST_BPS), _MOST_BPS))
