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

"""The pictures that are streamed: as big as a camera's, each another one."""

from collections.abc import Callable
from pathlib import Path

from pi_camera_stream.core.errors import PermanentError

COUNT = 12  # different ones, so that nothing that remembers the last picture gains by it
_TOLERANCE = 0.15
_BLUR_PIXELS = 2.0  # makes noise about as hard to compress as a camera's picture


def make_pictures(folder: Path, width: int, height: int, size_bytes: int,
                  check: Callable[[], None] = lambda: None,
                  blur_pixels: float = _BLUR_PIXELS) -> float:
    """
    Write COUNT JPEGs of nearly `size_bytes` into a folder; return the mean size in bytes.

    They are blurred noise, the same ones on every machine. `check` is called again and again, and
    raises what is to end it.

    Raises
    ------
    PermanentError
        JPEGs of this width and height do not get so small, or so big.

    """
    # Here, because the servers that load pictures do without: what they use is measured.
    import cv2
    import numpy as np
    from pi_camera_stream.codecs.jpeg_codec import encode_jpeg

    images = []
    for number in range(COUNT):
        check()
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
        images.append(cv2.GaussianBlur(noise, (0, 0), blur_pixels).astype(np.uint8)
                      if blur_pixels else noise)
    sizes: dict[int, int] = {}
    low, high = 1, 100
    while low <= high:  # the bigger the quality, the bigger the JPEG
        check()
        quality = (low + high) // 2
        sizes[quality] = len(encode_jpeg(images[0], quality))
        if sizes[quality] < size_bytes:
            low = quality + 1
        else:
            high = quality - 1
    best = min(sizes, key=lambda quality: abs(sizes[quality] - size_bytes))
    if abs(sizes[best] - size_bytes) > _TOLERANCE * size_bytes:
        raise PermanentError(
            f'a frame of {width}x{height} cannot have {size_bytes / 1e3:g} kB; the nearest is '
            f'{sizes[best] / 1e3:.0f} kB: choose another --size, --width or --height')
    jpegs = [encode_jpeg(image, best) for image in images]
    for number, jpeg in enumerate(jpegs):
        (folder / f'{number:02}.jpg').write_bytes(jpeg)
    return sum(map(len, jpegs)) / COUNT


def load_pictures(folder: Path) -> list[bytes]:
    """Return the JPEGs that `make_pictures` has written."""
    return [path.read_bytes() for path in sorted(folder.glob('*.jpg'))]
