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

"""The camera's pictures to H.264, in the size and at the rate that processor and link allow."""

from dataclasses import dataclass
import time
from typing import Any, TYPE_CHECKING

import numpy as np

from ...codecs.h264_effort import default_bitrate_bps, H264Effort
from ...codecs.jpeg import JpegHeader
from ...codecs.jpeg_codec import decode_jpeg
from ...codecs.jpeg_planes import JpegPlanes
from ...core.frame import EncodedImage, Frame, Image, image_size
from ...core.statistics import Recent

if TYPE_CHECKING:
    from ...codecs.h264_encoder import H264Encoder

_DIVISORS = 1, 2, 4  # of the size, the next one where encoding takes too long
_LEAST_SIDE = 16
_KEY_S = 0.5  # between two key frames, if they are asked for


@dataclass(frozen=True)
class VideoImage:
    """A picture that is to be published as H.264."""

    content: EncodedImage | Image  # a JPEG or an image
    size: JpegHeader  # what its JPEG says, or would
    stamp_ns: int
    frame_id: str
    interval_s: float  # until the next one


class VideoEncoder:
    """
    Encode the newest picture; one thread does, any may ask the rest.

    Attributes
    ----------
    most_bps
        The bit rate at the most.
    why_not
        Why nothing is encoded, in a sentence without its full stop; empty where all is well.
    took_ms
        How long a picture took.

    """

    def __init__(self, most_bps: float, max_pixels: int) -> None:
        self.most_bps = most_bps
        self.why_not = ''
        self.took_ms = Recent()
        self._max_pixels = max_pixels
        self._effort = H264Effort(len(_DIVISORS))
        self._encoder: H264Encoder | None = None
        self._planes = JpegPlanes()
        self._missing = ''  # why there can be none
        self._key_wanted, self._key_s = False, 0.0  # and when the last one was

    @property
    def made_smaller(self) -> str:
        """Return why pictures are smaller than they come; empty where they are not."""
        return self._effort.reason

    @property
    def title(self) -> str:
        """Return what encodes; empty where nothing does at present."""
        return 'libx264' if self._encoder is not None else ''

    def request_key_frame(self) -> None:
        """Let the next frame be a key frame, or one that comes soon, where many are asked for."""
        self._key_wanted = True

    def encode(self, picture: VideoImage) -> tuple[Frame | None, str]:
        """
        Return the frame of a picture, if there is one, and what is to be said in the log.

        Raises ValueError with a sentence where it cannot be encoded.
        """
        if self._encoder is None:
            if self._missing:
                return None, ''
            self._open(picture)
        size, encoder = picture.size, self._encoder
        if encoder is None:
            self.why_not = self._missing
            return None, self._missing
        level = self._effort.level(size.width * size.height / picture.interval_s)
        if level == len(_DIVISORS):
            self.why_not = self._effort.reason
            return None, ''
        self.why_not = ''
        began_s = time.monotonic()
        image = self._read(picture, _DIVISORS[level])
        width, height = image_size(image) if isinstance(image, np.ndarray) else (
            image.width, image.height)
        encoder.fps = 1 / picture.interval_s
        encoder.bitrate_bps = default_bitrate_bps(width, height, encoder.fps, self.most_bps)
        if self._key_wanted and began_s - self._key_s >= _KEY_S:
            encoder.request_key_frame()
        frame = encoder.encode(image, picture.stamp_ns)
        if frame is not None and frame.key:
            self._key_wanted, self._key_s = False, began_s
        took_s = time.monotonic() - began_s
        self.took_ms.add(took_s * 1e3)
        given_up = self._effort.add(took_s, picture.interval_s)
        return frame, self._effort.reason if given_up else ''

    def forget(self) -> None:
        """Give memory back, until the next picture."""
        self._encoder, self._planes = None, JpegPlanes()

    def _open(self, picture: VideoImage) -> None:
        # Here, because nobody else needs libx264 and OpenCV, which take 40 MB.
        from ...codecs.h264_encoder import H264Encoder, why_missing
        self._missing = why_missing()
        if not self._missing:
            self._encoder = H264Encoder(self.most_bps, 1 / picture.interval_s)

    def _read(self, picture: VideoImage, divisor: int) -> Any:
        """Return a picture, or its planes, as an encoder takes both."""
        size, content = picture.size, picture.content
        if min(size.width, size.height) < divisor * _LEAST_SIDE:
            divisor = 1
        if isinstance(content, EncodedImage):
            planes = self._planes.decode(content.data, self._max_pixels) if divisor == 1 else None
            if planes is not None:
                return planes
            image = decode_jpeg(content.data, divisor, size.components == 1, self._max_pixels)
            if image is None:
                raise ValueError('it cannot be decoded')
            return image
        if divisor == 1:
            return content
        import cv2
        return np.asarray(cv2.resize(content, (size.width // divisor, size.height // divisor),
                                     interpolation=cv2.INTER_AREA), np.uint8)
