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

"""How much like their source pictures are: SSIM (Wang and others, 2004) and PSNR."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
import statistics

import cv2
import numpy as np
from numpy.typing import NDArray
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.frame import Image

from .decoding import Decoder, kept, luma
from .page import HEAD, KEY
from .pictures import H264

_WINDOW, _SIGMA = (11, 11), 1.5  # as the paper has them
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_THUMB = (160, 90)
_NEAREST = 3  # of the source's pictures, by their thumbs, are looked at as a whole


def ssim(one: Image, other: Image) -> float:
    """Return the structural similarity of two grey pictures; 1 of the same ones."""
    a, b = one.astype(np.float32), other.astype(np.float32)

    def mean(of: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(of, _WINDOW, _SIGMA), np.float32)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    return float((((2 * mean_a * mean_b + _C1) * (2 * covariance + _C2))
                  / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))).mean())


def psnr_db(one: Image, other: Image) -> float:
    """Return the peak signal-to-noise ratio; infinite of the same pictures."""
    error = _square_error(one, other)
    return 10 * math.log10(255**2 / error) if error else math.inf


def _square_error(one: Image, other: Image) -> float:
    return float(np.mean((one.astype(np.float32) - other) ** 2, dtype=np.float64))


class Source:
    """The pictures that were encoded, among which one that has arrived is found again."""

    def __init__(self, lumas: Sequence[Image]) -> None:
        self._lumas = lumas
        self._thumbs = np.stack([_thumb(one) for one in lumas])

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height)."""
        height, width = self._lumas[0].shape
        return width, height

    def find(self, picture: Image) -> Image:
        """Return the one that is most like `picture`, which has their size."""
        errors = np.mean((self._thumbs - _thumb(picture)) ** 2, axis=(1, 2))
        nearest = np.argsort(errors)[:_NEAREST]
        return min((self._lumas[int(number)] for number in nearest),
                   key=lambda one: _square_error(one, picture))


def _thumb(picture: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, _THUMB, interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class Shown:
    """One picture as its viewer sees it, as large as the source's."""

    stamp_ns: int
    key: bool
    h264: bool
    size: int  # bytes
    ssim: float
    psnr_db: float


@dataclass(frozen=True)
class Sharpness:
    """The figures of many."""

    count: int
    kb: float
    ssim: float
    least_ssim: float
    psnr_db: float
    least_psnr_db: float
    keys: int

    @classmethod
    def of(cls, shown: Sequence[Shown]) -> 'Sharpness':
        """Sum them up; PermanentError where there are none."""
        if not shown:
            raise PermanentError('no frame came that could be decoded: see what the server prints '
                                 'with --log')
        return cls(len(shown), statistics.mean(one.size for one in shown) / 1e3,
                   statistics.mean(one.ssim for one in shown), min(one.ssim for one in shown),
                   statistics.mean(one.psnr_db for one in shown),
                   min(one.psnr_db for one in shown), sum(one.key for one in shown))

    def __str__(self) -> str:
        return (f'{self.count} pictures of {self.kb:.1f} kB, SSIM {self.ssim:.4f} mean '
                f'{self.least_ssim:.4f} least, PSNR {self.psnr_db:.1f} dB mean '
                f'{self.least_psnr_db:.1f} least, {self.keys} key frames')


def look(path: Path, source: Source, since_ns: int = 0, every: int = 1) -> list[Shown]:
    """Return how sharp what a page has kept is, from a stamp on; each `every`-th picture."""
    return list(_look(kept(path), source, since_ns, every))


def _look(messages: Iterable[bytes], source: Source, since_ns: int, every: int
          ) -> Iterable[Shown]:
    decoder = Decoder()
    for number, message in enumerate(messages):
        _, _, codec, flags, _, stamp_ns = HEAD.unpack_from(message)
        data = message[HEAD.size:]
        picture = decoder.decode(codec == H264, data)
        if picture is None or stamp_ns < since_ns or number % every:
            continue
        seen = luma(picture)
        if (seen.shape[1], seen.shape[0]) != source.size:  # a browser makes it as large
            seen = np.asarray(cv2.resize(seen, source.size, interpolation=cv2.INTER_LINEAR),
                              np.uint8)
        original = source.find(seen)
        yield Shown(stamp_ns, bool(flags & KEY), codec == H264, len(data), ssim(original, seen),
                    psnr_db(original, seen))
