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

"""Smaller renditions of one image, at the price of one decoding."""

from collections.abc import Sequence

import numpy as np

from .jpeg import JpegHeader, read_quality
from .jpeg_codec import decode_jpeg, encode_jpeg, REDUCTIONS
from .limits import check_jpeg, MAX_PIXELS
from ..core.frame import EncodedImage, Frame, Image, image_size, JPEG
from ..core.rendition_spec import RenditionSpec

_MOST_PIXELS = 65500  # OpenCV's limit for a JPEG, each way
_GENTLE = 1.5  # times smaller


class RenditionEncoder:
    """Encode a picture in several sizes and qualities; any thread may call it."""

    def __init__(self, max_pixels: int = MAX_PIXELS) -> None:
        self.max_pixels = max_pixels

    def encode(self, content: EncodedImage | Image, width: int, height: int,
               specs: Sequence[RenditionSpec], stamp_ns: int, sequence: int) -> list[Frame]:
        """
        Return a JPEG for each spec, in their order; a JPEG is decoded once, no larger than needed.

        `width` and `height` are those that are seen. Where a JPEG's Exif data say that the camera
        was turned, the renditions are upright, and have no Exif data, like what browsers show of
        the whole picture, which goes to them as it came. Grey stays grey. The quality is never
        above that of the JPEG they are made of, which would cost bytes for nothing. Raises
        ValueError with one sentence.
        """
        if not specs:
            return []
        best = 100
        if isinstance(content, EncodedImage):
            image = _decode(content, width, height, specs, self.max_pixels)
            best = read_quality(content.data)
        else:
            image = content
        pyramid = [image]
        done: dict[tuple[int, int, int, bool], bytes] = {}
        frames = []
        for spec in specs:
            size, quality = spec.size(width, height), min(spec.quality, best)
            key = *size, quality, spec.upside_down
            if key not in done:
                done[key] = _encode(_resize(pyramid, size), quality, spec.upside_down)
            frames.append(Frame(done[key], stamp_ns, sequence, *size))
        return frames


def _decode(encoded: EncodedImage, width: int, height: int,
            specs: Sequence[RenditionSpec], max_pixels: int) -> Image:
    """Return the picture as large as the specs need."""
    if encoded.codec != JPEG:
        raise ValueError(f'no renditions can be made of {encoded.codec}')
    jpeg = encoded.data
    header = check_jpeg(jpeg, max_pixels)
    reduction = _reduction(header, width, height, specs)
    image = decode_jpeg(jpeg, reduction, header.components == 1, max_pixels)
    if image is None:
        raise ValueError(f'OpenCV cannot decode this JPEG of {header.width}x{header.height} '
                         f'pixels and {len(jpeg)} bytes')
    return image


def _reduction(header: JpegHeader, width: int, height: int, specs: Sequence[RenditionSpec]
               ) -> int:
    """Return the largest reduction at which the decoded picture is as large as any spec's."""
    widths, heights = zip(*(spec.size(width, height) for spec in specs), strict=True)
    for reduction in REDUCTIONS:
        # libjpeg rounds up
        if -(-header.width // reduction) >= max(widths) \
                and -(-header.height // reduction) >= max(heights):
            return reduction
    return 1


def _resize(pyramid: list[Image], size: tuple[int, int]) -> Image:
    """
    Return the picture in another size, by way of halves, which are kept in `pyramid`.

    Halving costs 0.3 ms at 1280x720, any other shrinking 5 ms; and what a rendition looks like
    does not depend on which others are made.
    """
    import cv2

    width, height = size
    if max(size) > _MOST_PIXELS:
        raise ValueError(f'a JPEG of {width}x{height} pixels is not possible: the limit is '
                         f'{_MOST_PIXELS} each way')
    level = 0
    while _can_be_halved(pyramid[level], size):
        level += 1
        if level == len(pyramid):
            half = pyramid[-1].shape[1] // 2, pyramid[-1].shape[0] // 2
            pyramid.append(np.asarray(
                cv2.resize(pyramid[-1], half, interpolation=cv2.INTER_AREA), np.uint8))
    image = pyramid[level]
    if image_size(image) == size:
        return image
    if image_size(image) == (1, 1):  # a single pixel, which OpenCV 4.5.4 cannot enlarge
        return np.full((height, width, *image.shape[2:]), image[0, 0])
    # Up to here bilinear shrinking shows no more aliasing than the mean over areas does (0.2 to
    # 0.5 dB against an ideal low-pass at 1280 to 960 pixels), in a quarter of the time.
    times = max(image.shape[1] / width, image.shape[0] / height)
    method = cv2.INTER_LINEAR if times < _GENTLE else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _can_be_halved(image: Image, size: tuple[int, int]) -> bool:
    width, height = image_size(image)
    return (width % 2 == 0 and height % 2 == 0
            and width // 2 >= size[0] and height // 2 >= size[1])


def _encode(image: Image, quality: int, upside_down: bool) -> bytes:
    import cv2

    if upside_down:
        image = np.asarray(cv2.rotate(image, cv2.ROTATE_180), np.uint8)
    return encode_jpeg(image, quality)
