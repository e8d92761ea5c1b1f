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

"""Pictures that say which one they are, and what is seen of that by whoever has decoded them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
from pi_camera_stream.core import block_code
from pi_camera_stream.core.frame import Image

from ..video import scene

WIDTH, HEIGHT = 1280, 720
_QUALITY = 80
_SOONER_NS = 100_000_000
# What players are asked for: the lower part, with an even number of rows, with the code in it.
CROP_TOP = (HEIGHT - int(HEIGHT * block_code.BAND_HEIGHT)) // 2 * 2
CROP_BYTES = WIDTH * (HEIGHT - CROP_TOP)


class Seen(NamedTuple):
    """A picture, and when it was there; ns of the system's clock."""

    number: int
    at_ns: int


def write(folder: Path) -> float:
    """Write JPEGs of a panning camera, with their numbers; return their mean size in bytes."""
    size = 0
    for number, picture in enumerate(scene.pictures(WIDTH, HEIGHT)):
        block_code.draw(picture, block_code.BlockCode(number, 0))
        jpeg = encode_jpeg(picture, _QUALITY)
        (folder / f'{number:03}.jpg').write_bytes(jpeg)
        size += len(jpeg)
    return size / scene.COUNT


def number_of_crop(data: bytes) -> int | None:
    """Return the number in the grey lower part of a picture."""
    picture: Image = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[CROP_TOP:] = np.frombuffer(data, np.uint8).reshape(-1, WIDTH)
    return number_of(picture)


def number_of(picture: NDArray[Any]) -> int | None:
    code = block_code.read(picture)
    return None if code is None else code.number


@dataclass(frozen=True)
class Ages:
    """
    How long after they were sent pictures were decoded.

    Attributes
    ----------
    ms
        Of each picture, in the order in which they were seen.
    per_s
        Pictures a second.

    """

    ms: list[float]
    per_s: float


def ages(sent: Sequence[Seen], seen: Sequence[Seen], since_ns: int, until_ns: int) -> Ages:
    """
    Compare when pictures were sent with when they were seen, of those seen in a span of time.

    Numbers come again after a round of the scene: the last time that one was sent counts. A player
    may be a little sooner than who noted that.
    """
    found, at = [], 0
    latest: dict[int, int] = {}
    for picture in seen:
        while at < len(sent) and sent[at].at_ns <= picture.at_ns + _SOONER_NS:
            latest[sent[at].number] = sent[at].at_ns
            at += 1
        if picture.number in latest and since_ns <= picture.at_ns < until_ns:
            found.append((picture.at_ns - latest[picture.number]) / 1e6)
    return Ages(found, 1e9 * len(found) / (until_ns - since_ns))
