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

"""
A scene for a camera that moves: the same on every machine, as hard to encode as a real one.

The camera goes round in a circle, so that the pictures can be shown again and again without a
cut. What it sees has structure of every size, as natural pictures have, edges, and its own noise.
"""

from collections.abc import Callable, Iterator
import math
from pathlib import Path

import cv2
import numpy as np
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
from pi_camera_stream.core.frame import Image

COUNT = 150  # pictures, until it is where it began
STEP_PIXELS = 8.0  # from one to the next
_SEED = 3
_OCTAVES = range(1, 8)
_FALL = 1.6  # by so much the contrast grows from one octave to the next, coarser one
_BOXES, _BOX_PIXELS = 200, (20, 200)
_NOISE = 4  # of 255
_RADIUS_PIXELS = COUNT * STEP_PIXELS / math.tau


def pictures(width: int, height: int) -> Iterator[Image]:
    """Yield the pictures of one round."""
    rng = np.random.default_rng(_SEED)
    wall = _wall(rng, width + 2 * math.ceil(_RADIUS_PIXELS),
                 height + 2 * math.ceil(_RADIUS_PIXELS))
    for number in range(COUNT):
        angle = math.tau * number / COUNT
        left = round(_RADIUS_PIXELS * (1 + math.cos(angle)))
        top = round(_RADIUS_PIXELS * (1 + math.sin(angle)))
        noise = rng.integers(0, _NOISE, (height, width, 3), np.uint8)
        yield np.asarray(cv2.add(wall[top:top + height, left:left + width], noise), np.uint8)


def write(folder: Path, width: int, height: int, quality: int,
          check: Callable[[], None] = lambda: None) -> float:
    """Write them as JPEGs; return their mean size in bytes."""
    size = 0
    for number, picture in enumerate(pictures(width, height)):
        check()
        jpeg = encode_jpeg(picture, quality)
        (folder / f'{number:03}.jpg').write_bytes(jpeg)
        size += len(jpeg)
    return size / COUNT


def _wall(rng: np.random.Generator, width: int, height: int) -> Image:
    """Return all that there is to be seen."""
    total = np.zeros((height, width, 3), np.float32)
    for octave in _OCTAVES:
        small = rng.standard_normal((height >> octave, width >> octave, 3)).astype(np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) * _FALL**octave
    wall = np.empty_like(total)
    cv2.normalize(total, wall, 0, 255, cv2.NORM_MINMAX)
    painted = wall.astype(np.uint8)
    for _ in range(_BOXES):
        corner = rng.uniform((0, 0), (width, height)).astype(int)
        sides = rng.uniform(*_BOX_PIXELS, 2).astype(int)
        colour = rng.integers(0, 255, 3).tolist()
        cv2.rectangle(painted, corner.tolist(), (corner + sides).tolist(), colour, -1)
    return painted
