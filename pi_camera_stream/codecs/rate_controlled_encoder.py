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


"""Images to JPEGs that fit a bit rate: less quality, then fewer pixels, then fewer of them."""

import math
import time

from .encoder import Encoder
from .jpeg_codec import encode_jpeg
from .limits import MAX_PIXELS
from .renditions import RenditionEncoder
from ..core.frame import EncodedImage, Frame, Image, image_size, JPEG
from ..core.rendition_spec import RenditionSpec

_SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
_FAIR_QUALITY, _GOOD_QUALITY = 45, 55  # below: fewer pixels look better; above: more pixels do
_LEAST_QUALITY = 20
_PIXELS_EXPONENT = 1.7  # how the bytes of photographs follow from their width,
_STEPS_EXPONENT = -0.62  # and from the size of the quantisation steps
_BYTES_A_PIXEL = 0.15  # until one has been seen; quality 80
_LEARNING = 0.3  # weight of the newest frame
_PASSED_ON_QUALITY = 80  # what a JPEG that comes as such is taken for
_FORGETTING = 0.998  # of how long it takes, while nothing is encoded
_TOLERANCE = 1.5
_CPU_SHARE = 0.6  # of one core, for encoding JPEGs again
_WORTH = 1.25  # times as many frames, before a worse one is preferred to fewer


class RateControlledEncoder(Encoder):
    """
    Encode images, as `Encoder` says, and fit JPEGs that come as such into the same bit rate.

    A JPEG that does not fit is encoded again where the processor can do that often enough, and
    otherwise left out now and then. One thread calls it.
    """

    codec = JPEG

    def __init__(self, quality: int, max_pixels: int = MAX_PIXELS) -> None:
        self.quality = quality  # 1 to 100, where there is room; may change between two images
        self.bitrate_bps, self.interval_s = math.inf, 1 / 30  # no limit; between two images
        # What the last frame was encoded with; None when nothing was taken from it.
        self.spec: RenditionSpec | None = None
        self.left_out = 0
        self._renditions = RenditionEncoder(max_pixels)
        self._full_bytes_a_pixel = _BYTES_A_PIXEL
        self._scale = 1.0
        self._encoding_s = 0.0
        self._allowance = 0.0  # bytes that were not used
        self._turn = 0.0  # from 1 on, the processor can encode a JPEG again

    def encode(self, image: Image, stamp_ns: int, sequence: int = 0) -> Frame | None:
        width, height = image_size(image)
        allowed = self._allowed()
        spec = self._choose(allowed / (width * height), self.quality)
        if spec is not None:
            blank = Frame(b'', stamp_ns, sequence, width, height)
            return self._shrink(image, blank, allowed, spec, self.quality)
        self.spec = None
        jpeg = encode_jpeg(image, self.quality)
        self._learn(len(jpeg) / (width * height), 1.0)
        return Frame(jpeg, stamp_ns, sequence, width, height)

    def fit(self, frame: Frame, kept: bool = False) -> Frame | None:
        """
        Return a JPEG that came as such, or what is made of it; None when it is left out.

        With `kept`, the source keeps to the bit rate itself, on the whole; so a JPEG that is
        somewhat larger passes. Raises ValueError when it cannot be decoded or encoded.
        """
        allowed = self._allowed() * (_TOLERANCE if kept else 1.0)
        size_bytes = len(frame.data)
        if size_bytes <= allowed:
            self.spec = None
            return frame
        again = min(1.0, _CPU_SHARE * self.interval_s / max(self._encoding_s, 1e-6))
        if again < _WORTH * allowed / size_bytes:
            self.spec = None
            self._encoding_s *= _FORGETTING  # so that it is tried again some time
            return frame if self._affords(size_bytes, allowed) else None
        self._turn += again
        if self._turn < 1:
            self.left_out += 1
            return None
        self._turn -= 1
        allowed /= again  # the others leave it theirs
        spec = self._choose(allowed / (frame.width * frame.height), _PASSED_ON_QUALITY)
        spec = spec or RenditionSpec(quality=_PASSED_ON_QUALITY)
        return self._shrink(frame, frame, allowed, spec, _PASSED_ON_QUALITY)

    def request_key_frame(self) -> None:
        """Do nothing: every JPEG is one."""

    def _allowed(self) -> float:
        return self.bitrate_bps * self.interval_s / 8

    def _choose(self, bytes_a_pixel: float, full_quality: int) -> RenditionSpec | None:
        """Return what makes a frame that small; None when it may be as it is."""
        ratio = bytes_a_pixel / self._full_bytes_a_pixel
        if ratio >= 1:
            self._scale = 1.0
            return None
        for scale in _SCALES:
            quality = _quality(ratio / math.pow(scale, _PIXELS_EXPONENT), full_quality)
            enough = _GOOD_QUALITY if scale > self._scale else _FAIR_QUALITY
            if quality >= min(enough, full_quality) or scale == _SCALES[-1]:
                break
        self._scale = scale
        return RenditionSpec(scale=scale, quality=max(
            min(quality, full_quality), min(_LEAST_QUALITY, full_quality)))

    def _shrink(self, content: EncodedImage | Image, full: Frame, allowed: float,
                spec: RenditionSpec, full_quality: int) -> Frame | None:
        """Encode what has the stamp and the size of `full`; None when even that is too much."""
        pixels = full.width * full.height
        ratio = _ratio(spec, full_quality)
        expected = self._full_bytes_a_pixel * pixels * ratio
        if spec.quality <= _LEAST_QUALITY and not self._affords(round(expected), allowed):
            return None
        began_s = time.thread_time()
        frame, = self._renditions.encode(content, full.width, full.height, [spec],
                                         full.stamp_ns, full.sequence)
        took_s = time.thread_time() - began_s
        self._encoding_s += _LEARNING * (took_s - self._encoding_s)
        self._learn(len(frame.data) / pixels, ratio)
        self.spec = spec
        return frame

    def _learn(self, bytes_a_pixel: float, ratio: float) -> None:
        self._full_bytes_a_pixel += _LEARNING * (bytes_a_pixel / ratio - self._full_bytes_a_pixel)

    def _affords(self, size: int, allowed: float) -> bool:
        """Return whether the allowances of the frames so far suffice for one of this size."""
        self._allowance = min(self._allowance + allowed, max(size, allowed))
        if self._allowance < size:
            self.left_out += 1
            return False
        self._allowance -= size
        return True


def _steps(quality: float) -> float:
    """Return the size of libjpeg's quantisation steps, relative to quality 50."""
    return 50 / quality if quality < 50 else max(2 - quality / 50, 0.01)


def _ratio(spec: RenditionSpec, full_quality: int) -> float:
    """Return about how many bytes it makes of each byte of the full image."""
    return math.pow(spec.scale, _PIXELS_EXPONENT) * math.pow(
        _steps(spec.quality) / _steps(full_quality), _STEPS_EXPONENT)


def _quality(ratio: float, full_quality: int) -> int:
    steps = _steps(full_quality) * math.pow(ratio, 1 / _STEPS_EXPONENT)
    return math.floor(50 / steps if steps > 1 else 100 - 50 * steps)
