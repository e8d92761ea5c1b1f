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


"""Pictures to JPEGs that fit a bit rate: less quality, then fewer pixels, then fewer of them."""

from dataclasses import dataclass
import math
import time

from .jpeg_encoder import JpegEncoder
from .limits import MAX_PIXELS
from .renditions import RenditionEncoder
from ..core.frame import Image
from ..core.rendition_spec import RenditionSpec

_SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
_FAIR_QUALITY, _GOOD_QUALITY = 45, 55  # below: fewer pixels look better; above: more pixels do
_LEAST_QUALITY = 20
_PIXELS_EXPONENT = 1.7  # how the bytes of photographs follow from their width,
_STEPS_EXPONENT = -0.62  # and from the size of the quantisation steps
_BYTES_A_PIXEL = 0.15  # until one has been seen; quality 80
_LEARNING = 0.3  # weight of the newest picture
_PASSED_ON_QUALITY = 80  # what a JPEG that comes as such is taken for
_FORGETTING = 0.998  # of how long it takes, while nothing is encoded
_TOLERANCE = 1.5
_CPU_SHARE = 0.6  # of one core, for encoding JPEGs again
_WORTH = 1.25  # times as many pictures, before a worse one is preferred to fewer


@dataclass(frozen=True)
class Encoded:
    """A JPEG, and the size of its picture in pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Plan:
    """What a picture shall be encoded with: part of its width and height, and quality."""

    scale: float
    quality: int


class RateControlledEncoder:
    """
    Encode pictures so that they need no more than a bit rate; one thread calls it.

    A JPEG that fits passes as it is. One that does not is encoded again where the processor can do
    that often enough, and otherwise left out now and then.

    Attributes
    ----------
    quality
        1 to 100, where there is room; may change between two pictures.
    plan
        What the last picture was encoded with; None when nothing was taken from it.
    left_out
        How many were left out.

    """

    def __init__(self, quality: int, max_pixels: int = MAX_PIXELS) -> None:
        """Make it; a JPEG of more than `max_pixels` is not decoded."""
        self.quality = quality
        self.plan: Plan | None = None
        self.left_out = 0
        self._renditions = RenditionEncoder(max_pixels)
        self._full_bytes_a_pixel = _BYTES_A_PIXEL
        self._scale = 1.0
        self._encoding_s = 0.0
        self._allowance = 0.0  # bytes that were not used
        self._turn = 0.0  # from 1 on, the processor can encode a JPEG again

    def encode(self, picture: bytes | Image, width: int, height: int, budget_bps: float,
               interval_s: float, kept: bool = False) -> Encoded | None:
        """
        Return a picture as a JPEG; None when it is to be left out.

        Parameters
        ----------
        picture
            A JPEG, or an H x W x 3 (BGR) or H x W (grey) array.
        width, height
            Its size in pixels.
        budget_bps
            What all of them together may need, in bits a second; infinite for any.
        interval_s
            Time between two pictures.
        kept
            Whether the source keeps to the budget itself, on the whole; so a JPEG that is somewhat
            larger passes.

        Raises
        ------
        ValueError
            It cannot be decoded or encoded.

        """
        allowed = budget_bps * interval_s / 8 * (_TOLERANCE if kept else 1.0)
        if isinstance(picture, bytes):
            return self._fit_jpeg(picture, width, height, allowed, interval_s)
        plan = self._choose(allowed / (width * height), self.quality)
        if plan is None:
            self.plan = None
            jpeg = JpegEncoder(self.quality).encode(picture)
            self._learn(len(jpeg) / (width * height), 1.0)
            return Encoded(jpeg, width, height)
        return self._shrink(picture, width, height, allowed, plan, self.quality)

    def _fit_jpeg(self, jpeg: bytes, width: int, height: int, allowed: float,
                  interval_s: float) -> Encoded | None:
        if len(jpeg) <= allowed:
            self.plan = None
            return Encoded(jpeg, width, height)
        again = min(1.0, _CPU_SHARE * interval_s / max(self._encoding_s, 1e-6))
        if again < _WORTH * allowed / len(jpeg):
            self.plan = None
            self._encoding_s *= _FORGETTING  # so that it is tried again some time
            return Encoded(jpeg, width, height) if self._affords(len(jpeg), allowed) else None
        self._turn += again
        if self._turn < 1:
            self.left_out += 1
            return None
        self._turn -= 1
        allowed /= again  # the others leave it theirs
        plan = self._choose(allowed / (width * height), _PASSED_ON_QUALITY)
        plan = plan or Plan(1.0, _PASSED_ON_QUALITY)
        return self._shrink(jpeg, width, height, allowed, plan, _PASSED_ON_QUALITY)

    def _choose(self, bytes_a_pixel: float, full_quality: int) -> Plan | None:
        """Return what makes a picture that small; None when it may be as it is."""
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
        return Plan(scale, max(min(quality, full_quality), min(_LEAST_QUALITY, full_quality)))

    def _shrink(self, picture: bytes | Image, width: int, height: int, allowed: float,
                plan: Plan, full_quality: int) -> Encoded | None:
        ratio = _ratio(plan, full_quality)
        expected = self._full_bytes_a_pixel * width * height * ratio
        if plan.quality <= _LEAST_QUALITY and not self._affords(round(expected), allowed):
            return None
        began_s = time.thread_time()
        (jpeg, *size), = self._renditions.encode(picture, width, height, [
            RenditionSpec(scale=plan.scale, quality=plan.quality)])
        took_s = time.thread_time() - began_s
        self._encoding_s += _LEARNING * (took_s - self._encoding_s)
        self._learn(len(jpeg) / (width * height), ratio)
        self.plan = plan
        return Encoded(jpeg, size[0], size[1])

    def _learn(self, bytes_a_pixel: float, ratio: float) -> None:
        self._full_bytes_a_pixel += _LEARNING * (bytes_a_pixel / ratio - self._full_bytes_a_pixel)

    def _affords(self, size: int, allowed: float) -> bool:
        """Return whether the allowances of the pictures so far suffice for one of this size."""
        self._allowance = min(self._allowance + allowed, max(size, allowed))
        if self._allowance < size:
            self.left_out += 1
            return False
        self._allowance -= size
        return True


def _steps(quality: float) -> float:
    """Return the size of libjpeg's quantisation steps, relative to quality 50."""
    return 50 / quality if quality < 50 else max(2 - quality / 50, 0.01)


def _ratio(plan: Plan, full_quality: int) -> float:
    """Return about how many bytes it makes of each byte of the full picture."""
    return math.pow(plan.scale, _PIXELS_EXPONENT) * math.pow(
        _steps(plan.quality) / _steps(full_quality), _STEPS_EXPONENT)


def _quality(ratio: float, full_quality: int) -> int:
    """Return the quality that leaves this part of the bytes."""
    steps = _steps(full_quality) * math.pow(ratio, 1 / _STEPS_EXPONENT)
    return math.floor(50 / steps if steps > 1 else 100 - 50 * steps)
