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

"""Takes what comes of a stream, and counts it, in place of a worker's `FrameWriter`."""

import struct
import time
from typing import Any

from .watched import Totals
from ...codecs.jpeg_codec import decode_jpeg
from ...codecs.limits import whole_jpeg
from ...core.errors import FrameRefusedError, TemporaryError
from ...core.frame import EncodedImage, Image
from ...core.mailbox import Mailbox
from ...sources.base import SourceSettings
from ...sources.decoded_frame import DecodedPicture
from ...sources.workers.runtime.picture_writer import MakeImage
from ...sources.workers.runtime.video_writer import VideoWriter
from ...sources.workers.runtime.worker_pipe import WorkerPipe
from ...sources.workers.runtime.worker_status import WorkerStatus

_TOLD_BY_RTP = 'prft'  # FFmpeg's name for the producer's time, of RTP from its sender reports
_MOST_AGE_S, _LEAST_AGE_S = 60.0, -0.05  # of a live picture, by clocks that agree
_NOT_TOLD = 'the stream does not tell when its pictures were taken'


class ConnectionStatus(WorkerStatus):
    """That of one connection, which is left alone when it is given up."""

    given_up = False

    def __init__(self, sentence: str, totals: Totals) -> None:
        super().__init__(sentence)
        self._totals = totals

    def hear(self, size: int, now_s: float) -> None:
        if self.given_up:  # this ends the thread that reads
            raise TemporaryError('another connection has taken its place')
        super().hear(size, now_s)
        self._totals.size_bytes += size


class PictureSink:
    """Belongs to one connection; counts in the `totals` of all."""

    def __init__(self, settings: SourceSettings, totals: Totals,
                 newest: Mailbox[EncodedImage | MakeImage], looked_at: bool) -> None:
        """Offer pictures to `newest` where they are `looked_at`."""
        self.about: dict[str, Any] = {}
        self.video = VideoWriter(WorkerPipe(), settings)  # nobody wants any
        self.pictures = 0
        self.given_up = False
        self.why_ageless = _NOT_TOLD
        self._settings, self._totals = settings, totals
        self._newest, self._looked_at = newest, looked_at

    @property
    def max_pixels(self) -> int:
        return self._settings.max_pixels

    @property
    def fps(self) -> float:
        return self._settings.fps

    def decoded_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def taken_ns(self, packet: Any, arrival_ns: int) -> int:
        told_us = _producer_time_us(packet)
        if told_us is None:
            return arrival_ns
        age_s = time.time() - told_us / 1e6
        if not _LEAST_AGE_S <= age_s <= _MOST_AGE_S:
            self.why_ageless = (
                f"the sender's clock and this computer's differ by {abs(age_s):.1f} s or "
                'more: synchronise both, for example with chrony')
            return arrival_ns
        self.why_ageless = ''
        return time.monotonic_ns() - round(age_s * 1e9)

    def put(self, content: EncodedImage | MakeImage, monotonic_ns: int, _number: int = 0) -> None:
        if self.given_up:
            return
        totals = self._totals
        if isinstance(content, EncodedImage):
            try:
                header = whole_jpeg(content.data, self.max_pixels)[1]
            except FrameRefusedError:
                totals.broken += 1
                return
            totals.width, totals.height = header.width, header.height
        elif isinstance(content, DecodedPicture):
            totals.width, totals.height = content.size
        self.pictures += 1
        totals.pictures += 1
        totals.detail = str(self.about.get('detail', ''))
        if not self.why_ageless:
            totals.ages_s.append((time.monotonic_ns() - monotonic_ns) / 1e9)
        if self._looked_at:
            self._newest.put(content)

    def tell(self, about: dict[str, Any]) -> None:
        if 'uncertainty_ms' in about:
            self.why_ageless = str(about['why'] or '')

    def leave_out(self, count: int) -> None:
        self._totals.dropped += count


def decode(content: EncodedImage | MakeImage, max_pixels: int) -> Image | None:
    """Return a picture that was put; None where it cannot be decoded."""
    try:
        if isinstance(content, EncodedImage):
            return decode_jpeg(content.data, max_pixels=max_pixels)
        return content()
    except ValueError:
        return None


def _producer_time_us(packet: Any) -> int | None:
    """Return when the sender had the picture, in us of Unix time; None where it is not told."""
    try:
        data = packet.get_sidedata(_TOLD_BY_RTP) if packet.has_sidedata(_TOLD_BY_RTP) else b''
    except (AttributeError, KeyError, ValueError):  # a PyAV that does not know it
        return None
    return int(struct.unpack_from('q', data)[0]) if len(bytes(data)) >= 8 else None
