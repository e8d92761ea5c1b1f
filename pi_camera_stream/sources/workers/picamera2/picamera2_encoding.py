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

"""picamera2's encoders: the best one that works, what it is told, and where its pictures go."""

from __future__ import annotations

from contextlib import suppress
from importlib import metadata
import re
import threading
from typing import Any

from picamera2_bitrate import BitrateLimit, HardwareLimit, QualityLimit
from picamera2_configuration import BUFFERS_OF_HARDWARE, configure
from picamera2_output import hand_to
from picamera2_stamps import Stamps
from worker_pipe import WorkerPipe

# The widest and highest that the JPEG hardware takes: MAX_W_CODEC and MAX_H_CODEC in the driver,
# bcm2835-v4l2-codec.c, which cuts off in silence what is more.
_HARDWARE_PIXELS = 1920


def jpeg_takes_yuv() -> bool:
    """Return whether this picamera2's JpegEncoder takes YUV420, as it does since 0.3.27."""
    try:
        numbers = re.findall(r'\d+', metadata.version('picamera2'))
    except metadata.PackageNotFoundError:
        return False
    return [int(number) for number in numbers[:3]] >= [0, 3, 27]


class Encoding:
    """Encode what a camera delivers, in whatever size it is configured for next."""

    def __init__(self, picam2: Any, pipe: WorkerPipe, stamps: Stamps) -> None:
        self.detail = ''  # which encoder it is, for people
        self._picam2 = picam2
        self._pipe = pipe
        self._stamps = stamps
        self._limit = BitrateLimit()
        self._bitrate_bps: float | None = None
        self._encoder: Any = None
        self._hardware_size: tuple[int, int] | None = None  # None while the CPU encodes

    @property
    def adapts(self) -> bool:
        """Return whether it obeys `limit_bitrate`."""
        return bool(self._limit.works)

    @property
    def hardware_size(self) -> tuple[int, int] | None:
        """Return the size of the pictures that the hardware encodes; None while the CPU does."""
        return self._hardware_size

    def limit_bitrate(self, bitrate_bps: float | None) -> None:
        self._bitrate_bps = bitrate_bps
        self._limit.set(bitrate_bps)

    def start(self, settings: dict[str, Any]) -> None:
        """Configure the camera, which is not running, for the best encoder, and start that."""
        from picamera2.encoders import MJPEGEncoder

        if self._encoder is not None and self._hardware_size is None:
            self._picam2.stop_encoder(self._encoder)  # what it has is whole then
        self._stamps.forget()  # the hardware may have some yet, which are not wanted any more
        quality = settings.get('quality') or 80
        # On a Pi 5 the name stands for libav in software, which holds a frame back.
        if MJPEGEncoder.__name__ == 'MJPEGEncoder':
            size = configure(self._picam2, settings, 'YUV420', BUFFERS_OF_HARDWARE)['main']['size']
            if max(size) <= _HARDWARE_PIXELS and self._use_hardware(size, quality):
                return
        self._retire_hardware()
        configure(self._picam2, settings, 'YUV420' if jpeg_takes_yuv() else 'RGB888')
        self._use_cpu(quality)

    def set_quality(self, quality: int) -> bool:
        """Encode the next pictures so; False when that takes a new start."""
        if self._hardware_size is None:
            self._limit.set_best(quality)
            self._tell_cpu(quality)
            return True
        return self._set_hardware_quality(quality)

    def _use_hardware(self, size: tuple[int, int], quality: int) -> bool:
        from picamera2.encoders import MJPEGEncoder

        if self._hardware_size == size and self._set_hardware_quality(quality):
            return True
        self._retire_hardware()
        encoder = MJPEGEncoder(bitrate=_bitrate_bps(size, quality))
        try:
            self._picam2.start_encoder(encoder, hand_to(self._deliver, encoder))
        except OSError as error:
            print(f'The JPEG hardware cannot be used ({error}); the CPU encodes instead.')
            with suppress(Exception):
                encoder.stop()
            return False
        self._encoder, self._hardware_size = encoder, size
        self._bind(HardwareLimit(encoder, self._pipe))
        self._tell_hardware()
        return True

    def _retire_hardware(self) -> None:
        if self._hardware_size is not None:
            # It takes up to 0.4 s to stop, and another one may work beside it.
            self._picam2.encoders.discard(self._encoder)
            threading.Thread(target=self._encoder.stop, daemon=True).start()
            self._encoder = self._hardware_size = None

    def _use_cpu(self, quality: int) -> None:
        from picamera2.encoders import JpegEncoder

        if self._encoder is None:
            self._encoder = JpegEncoder(q=quality)
        self._encoder.q = quality
        self._bind(QualityLimit(self._encoder))
        self._picam2.start_encoder(self._encoder, hand_to(self._deliver, self._encoder))
        self._tell_cpu(quality)

    def _bind(self, limit: BitrateLimit) -> None:
        limit.set(self._bitrate_bps)
        self._limit = limit

    def _set_hardware_quality(self, quality: int) -> bool:
        size = self._hardware_size
        if size is None or not self._limit.set_best(_bitrate_bps(size, quality)):
            return False
        self._tell_hardware()
        return True

    def _tell_hardware(self) -> None:
        self.detail = f'JPEG hardware, {self._limit.best / 1e6:.1f} Mbit/s at 30 frames/s'

    def _tell_cpu(self, quality: int) -> None:
        self.detail = f'JPEG quality {quality}, encoded by the CPU'

    def _deliver(self, jpeg: bytes, sensor_us: int, _key: bool) -> None:
        taken = self._stamps.find(sensor_us)
        if taken is not None:
            self._pipe.send_frame(jpeg, taken.stamp_ns, taken.number, taken.exposure_us,
                                  self._stamps.to_tell(taken))
            self._limit.note(jpeg, sensor_us)


def _bitrate_bps(size: tuple[int, int], quality: int) -> int:
    # picamera2's own table of qualities is such a straight line, and assumes 30 frames/s.
    return size[0] * size[1] * 30 * quality // 100
