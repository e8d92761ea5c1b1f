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

"""What viewers see while there is no picture: a picture that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
import re

import numpy as np

from .jpeg_codec import decode_jpeg, encode_jpeg, REDUCTIONS
from .limits import check_jpeg
from ..core.errors import FrameRefusedError
from ..core.frame import EncodedImage, Image, image_size

_BACKDROP = (28, 24, 20)  # BGR
_TITLE_COLOUR, _TEXT_COLOUR = (60, 190, 255), (225, 225, 225)
# Heights of a capital letter: shares of the picture's height (or of 3/4 of its width), and pixels.
_TITLE_SHARE, _TEXT_SHARE = 0.075, 0.042
_LEAST, _BREAKING, _SMALLEST = 6.0, 7.5, 4.0  # wanted at least; broken below; never below
_ROOM = 0.92  # of the width, for text
_ADVANCE = 1.9  # from line to line, in heights of a capital letter
_CAPITAL = 22  # pixels at OpenCV's font scale 1
_MAX_CHARACTERS = 300
_BREAKS = re.compile(r' |(?<=.)/')  # where a line may be broken: topic names have no spaces
_UNKNOWN = re.compile(r'[^ -~]')


def status_image(width: int, height: int, lines: Sequence[str],
                 background: EncodedImage | Image | None = None) -> bytes:
    """
    Return the JPEG of a dark picture with lines of text, as `NO SIGNAL since 3 s`.

    The first line is large. Lines that are too long become smaller; where they would become
    illegible, they are broken, and at last shortened. What does not fit below is left out.

    Parameters
    ----------
    width, height
        In pixels; made for 64x48 and more.
    lines
        Characters other than ASCII, which OpenCV cannot draw, become question marks.
    background
        A picture, JPEG or image, that is shown darkened and in grey; a JPEG that cannot be
        decoded is left out.

    """
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    image = _backdrop(width, height, background)
    rows = _lay_out(width, height, lines)
    top = (height - sum(row.capital for row in rows) * _ADVANCE) / 2
    for row in rows:
        left = (width - _text_width(row.text, row.capital)) // 2
        baseline = round(top + row.capital * (_ADVANCE + 1) / 2)
        top += row.capital * _ADVANCE
        cv2.putText(image, row.text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX,
                    row.capital / _CAPITAL, row.colour, _thickness(row.capital), cv2.LINE_AA)
    return encode_jpeg(image)


@dataclass(frozen=True)
class _Row:
    text: str
    capital: float  # its height in pixels
    colour: tuple[int, int, int]


def _backdrop(width: int, height: int, background: EncodedImage | Image | None) -> Image:
    import cv2

    image: Image = np.empty((height, width, 3), np.uint8)
    image[:] = _BACKDROP
    if isinstance(background, EncodedImage):
        background = _decode(background, width, height)
    if background is None:
        return image
    scale = min(width / background.shape[1], height / background.shape[0])
    size = tuple(max(1, round(length * scale)) for length in image_size(background))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = np.asarray(cv2.resize(background, size, interpolation=method), np.uint8)
    if grey.ndim == 3:
        grey = np.asarray(cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY), np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    image[top:top + size[1], left:left + size[0]] = grey[..., None] // 3
    return image


def _decode(encoded: EncodedImage, width: int, height: int) -> Image | None:
    """Return a JPEG in grey, hardly larger than needed; None when that cannot be."""
    jpeg = encoded.data
    try:
        header = check_jpeg(jpeg)
    except FrameRefusedError:
        return None
    reduction = next((by for by in REDUCTIONS if header.width >= by * width
                      or header.height >= by * height), 1)
    return decode_jpeg(jpeg, reduction, grey=True)


def _lay_out(width: int, height: int, lines: Sequence[str]) -> list[_Row]:
    """Return the rows of text from above, no more than the height has room for."""
    unit = min(height, width * 3 / 4)
    rows: list[_Row] = []
    for number, line in enumerate(lines):
        share, colour = (_TEXT_SHARE, _TEXT_COLOUR) if number else (_TITLE_SHARE, _TITLE_COLOUR)
        # Not a surrogate may reach OpenCV: it would crash the process.
        text = _shorten(_UNKNOWN.sub('?', line.strip()), _MAX_CHARACTERS)
        rows += _rows(text, max(_LEAST, unit * share), width * _ROOM, colour)
    while len(rows) > 1 and sum(row.capital for row in rows) * _ADVANCE > height:
        del rows[-1]
    return rows


def _rows(text: str, capital: float, room: float, colour: tuple[int, int, int]) -> list[_Row]:
    """Return the text in one row, or in several where it would be illegible."""
    fitting = capital
    while fitting > _SMALLEST and _text_width(text, fitting) > room:
        fitting *= 0.97  # step by step, since a font's width does not grow evenly with its size
    breaks = [match.start() for match in _BREAKS.finditer(text)]
    if fitting < min(capital, _BREAKING) and breaks:
        middle = min(breaks, key=lambda position: abs(position - len(text) / 2))
        return [row for part in (text[:middle], text[middle:])
                for row in _rows(part.strip(), capital, room, colour)]
    if _text_width(text, fitting) > room:
        text = _shorten(text, int(len(text) * room / _text_width(text, fitting)))
    return [_Row(text, fitting, colour)]


def _shorten(text: str, characters: int) -> str:
    """Leave out the middle of a text that is too long."""
    if len(text) <= characters:
        return text
    kept = max(2, characters - 2)
    return f'{text[:kept - kept // 2]}..{text[len(text) - kept // 2:]}'


def _text_width(text: str, capital: float) -> int:
    import cv2

    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, capital / _CAPITAL,
                                    _thickness(capital))
    return width


def _thickness(capital: float) -> int:
    return max(1, round(capital / 10))
