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

"""What is looked at before any picture is decoded: 700 bytes can ask for gigabytes."""

from collections.abc import Collection

from .image_header import ImageHeader, read_image_header
from .jpeg import (
    count_scans,
    EOI,
    find_end,
    has_arithmetic_code,
    JpegHeader,
    NotAJpegError,
    plain_head,
    read_header,
    SOI,
)
from .truncation import has_all_rows
from ..core.errors import FrameRefusedError

MAX_PIXELS = 64_000_000  # unless somebody says another number; the largest Pi cameras have 63.6

_MOST_PIXELS_A_BYTE = 512  # of a JPEG: a block of 8x8 takes at least one bit of Huffman code
_ARITHMETIC = 64  # times as many, of an even area
_MOST_SCANS = 500  # usual are 10
_USUAL_SCANS = 16  # in which a picture of MAX_PIXELS may come
_MOST_HEADS, _LONGEST_HEAD_BYTES = 4, 4096  # that are remembered


class _Heads:
    """
    The last plain heads of JPEGs, which a camera's pictures have in common. Any thread.

    Walking through one costs as much as publishing the picture.
    """

    def __init__(self) -> None:
        self._known: tuple[tuple[bytes, JpegHeader], ...] = ()  # the newest first

    def find(self, jpeg: bytes) -> JpegHeader | None:
        """Return the header of a whole JPEG whose head is known."""
        if jpeg.endswith(EOI):
            for head, header in self._known:
                if jpeg.startswith(head):
                    return header
        return None

    def add(self, jpeg: bytes, header: JpegHeader) -> None:
        """Remember the head of a JPEG that has been looked at."""
        if 0 < len(head := plain_head(jpeg)) <= _LONGEST_HEAD_BYTES:
            self._known = ((head, header), *self._known[:_MOST_HEADS - 1])


_HEADS = _Heads()


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """See whether a picture may have that many pixels; FrameRefusedError if not."""
    if width < 1 or height < 1:
        raise FrameRefusedError(f'it has {width}x{height} pixels, so there is nothing to show')
    if width * height > max_pixels:
        raise FrameRefusedError(
            f"it has {width}x{height} pixels, but 'max_pixels' allows {max_pixels}: make it "
            "smaller, or raise 'max_pixels'")


def check_jpeg(jpeg: bytes, max_pixels: int = MAX_PIXELS) -> JpegHeader:
    """Return the header of a JPEG that takes no more than its size and bytes make likely."""
    return whole_jpeg(jpeg, max_pixels)[1]


def whole_jpeg(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[bytes, JpegHeader]:
    """
    Return a JPEG from its first to its last marker, and its header; or raise FrameRefusedError.

    What stands behind its end is cut off. Where the end marker alone is missing, it is added,
    after all rows have been seen to be there; that takes a decoding, which no other JPEG does.
    """
    if (known := _HEADS.find(data)) is not None:
        check_size(known.width, known.height, max_pixels)
        if known.width * known.height > _MOST_PIXELS_A_BYTE * len(data):
            raise FrameRefusedError(_too_few(len(data), known.width, known.height))
        return data, known
    try:
        header = read_header(data)
        check_size(header.width, header.height, max_pixels)
        end = find_end(data)
        jpeg = data if end is None or end == len(data) else data[:end]
        pixels = header.width * header.height
        most = _MOST_PIXELS_A_BYTE * len(jpeg)
        if pixels > most and (pixels > most * _ARITHMETIC or not has_arithmetic_code(jpeg)):
            raise FrameRefusedError(_too_few(len(jpeg), header.width, header.height))
        scans = count_scans(jpeg)
    except NotAJpegError as error:
        raise FrameRefusedError(f'it is not a whole JPEG: {error}') from error
    if scans > _MOST_SCANS or scans * pixels > _USUAL_SCANS * max(max_pixels, MAX_PIXELS):
        raise FrameRefusedError(f'it is a JPEG of {header.width}x{header.height} pixels in '
                                f'{scans} scans, which would take too long')
    if end is None:
        if not has_all_rows(jpeg):
            raise FrameRefusedError('it is not a whole JPEG: its end is missing')
        jpeg += EOI
    elif scans == 1:
        _HEADS.add(jpeg, header)
    return jpeg, header


def check_image(data: bytes, kinds: Collection[str], max_pixels: int = MAX_PIXELS
                ) -> ImageHeader:
    """Return what data of one of these kinds says of itself, or raise FrameRefusedError."""
    if data.startswith(SOI) and 'JPEG' in kinds:
        jpeg = check_jpeg(data, max_pixels)
        return ImageHeader('JPEG', jpeg.width, jpeg.height, orientation=jpeg.orientation)
    header = read_image_header(data)
    if header.kind not in kinds:
        what = f'{header.kind} data' if header.kind else 'not a picture of a known kind'
        raise FrameRefusedError(f'it is {what}: use {" or ".join(kinds)}')
    check_size(header.width, header.height, max_pixels)
    if len(data) < header.least_bytes:
        raise FrameRefusedError(_too_few(len(data), header.width, header.height))
    return header


def check_rows(width: int, height: int, size_bytes: int, max_pixels: int = MAX_PIXELS) -> None:
    """
    See whether a `sensor_msgs/Image` of that size can have come in so many bytes.

    No encoding needs less than a byte a pixel; how many each one needs is seen when it is read.
    """
    check_size(width, height, max_pixels)
    if size_bytes < width * height:
        raise FrameRefusedError(_too_few(size_bytes, width, height))


def libav_options(max_pixels: int) -> dict[str, str]:
    """
    Return the options that keep FFmpeg's libraries from decoding what is much larger.

    They pad sizes before they compare them, so `check_size` has to look at what they let pass.
    """
    return {'max_pixels': str(2 * max_pixels)}


def _too_few(size_bytes: int, width: int, height: int) -> str:
    return f'it has {size_bytes} bytes, too few for {width}x{height} pixels'
