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

"""The pictures of `sensor_msgs/Image`, in each of its usual encodings, made fit to be viewed."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.frame import Image

_SAMPLES = 20_000  # pixels that the range of a depth or thermal picture is estimated from
_FEW_SAMPLES = 100  # with fewer, as in a sparse depth picture, all pixels are looked at
_OUTLIERS = 0.01  # share of the smallest values that come out darkest, as of the largest
_LEAST_SPAN = 0.01  # of the largest value: what shows nothing but noise is not stretched


def to_viewable(data: 'bytes | bytearray | memoryview | array[int]', encoding: str,
                width: int, height: int, step: int, big_endian: bool) -> Image:
    """
    Return the picture as H x W x 3 (BGR) or H x W (grey), uint8, for viewing.

    The arguments are the fields of `sensor_msgs/Image`; the encodings are those of
    `sensor_msgs/image_encodings.hpp`, in upper or lower case. Of 16-bit colours the upper eight
    bits are kept. 16-bit, 32-bit and floating-point greys (depth, thermal) are stretched from
    the smallest to the largest value that occurs, but for outliers; what is 0, infinite or
    NaN is black, and nothing else is. YUV is read as BT.601 in video range, as cameras send it.

    Nothing is copied where the encoding is BGR or grey of 8 bits: the picture is then a view
    of `data`, and read-only if that is. Safe to call from any thread.

    Parameters
    ----------
    data
        Any buffer of contiguous bytes; what lies behind the picture is ignored.
    encoding
        As `bgr8`; see `sensor_msgs/image_encodings.hpp`.
    width, height
        In pixels.
    step
        Bytes from row to row; with NV12, NV21, NV24 and I420, from row to row of the luma.
    big_endian
        The order of bytes in numbers of more than 8 bits.

    Raises
    ------
    ValueError
        The encoding is unknown, or the sizes do not fit to each other; one sentence.

    """
    convert = _ENCODINGS.get(encoding.strip().lower())
    if convert is None:
        raise ValueError(f'the encoding {encoding[:40]!r} is not supported: bgr8, rgb8, mono8, '
                         'mono16, 32FC1, yuyv, uyvy, nv12, bayer_rggb8 and others are')
    if width < 1 or height < 1:
        raise ValueError(f'a picture of {width}x{height} pixels has nothing to show')
    return convert(_Raw(memoryview(data).cast('B'), encoding, width, height, step, big_endian))


@dataclass(frozen=True)
class _Raw:
    data: memoryview
    encoding: str
    width: int
    height: int
    step: int
    big_endian: bool

    def view(self, kind: str, channels: int = 1) -> NDArray[Any]:
        """Return H x W (x channels) items of NumPy's type `kind`, without copying."""
        item = np.dtype(kind).newbyteorder('>' if self.big_endian else '<')
        pixel_bytes = channels * item.itemsize
        self.require_step(pixel_bytes * self.width)
        # The last row need not be padded.
        self.require_bytes(self.step * (self.height - 1) + pixel_bytes * self.width)
        view: NDArray[Any] = np.ndarray((self.height, self.width, channels), item, self.data,
                                        strides=(self.step, pixel_bytes, item.itemsize))
        return view[..., 0] if channels == 1 else view

    def plane(self, rows: int, columns: int, step: int, offset: int = 0) -> Image:
        """Return rows x columns bytes that begin at `offset`, without copying."""
        plane: Image = np.ndarray((rows, columns), np.uint8, self.data, offset, (step, 1))
        return plane

    def luma_step(self, needed: Callable[[int], int]) -> int:
        """
        Return the step of a planar picture's luma; `needed` says how many bytes a step needs.

        Some drivers reckon two bytes a pixel, as sensor_msgs' numChannels() did (ros2
        common_interfaces#264): where the data are too short for that, they mean one.
        """
        self.require_step(self.width)
        if self.step == 2 * self.width and len(self.data) < needed(self.step):
            self.require_bytes(needed(self.width))
            return self.width
        self.require_bytes(needed(self.step))
        return self.step

    def require_step(self, least: int) -> None:
        if self.step < least:
            raise ValueError(f'rows of {self.width} pixels in {self.encoding} have {least} bytes, '
                             f'which do not fit into a step of {self.step}')

    def require_bytes(self, least: int) -> None:
        if len(self.data) < least:
            raise ValueError(f'a picture of {self.width}x{self.height} in {self.encoding} with a '
                             f'step of {self.step} has {least} bytes, but {len(self.data)} came')

    def require_even(self, *, height: bool) -> None:
        if self.width % 2 or (height and self.height % 2):
            raise ValueError(f'{self.encoding} needs an even {"size" if height else "width"}, '
                             f'not {self.width}x{self.height}')


def _convert(image: NDArray[Any], code: str) -> Image:
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    # OpenCV accepts gaps between rows, but not between pixels, and copies those away itself.
    return np.asarray(cv2.cvtColor(image, getattr(cv2, f'COLOR_{code}')), np.uint8)


def _packed(raw: _Raw, channels: int, code: str = '') -> Image:
    image: Image = raw.view('u1', channels)
    return _convert(image, code) if code else image


def _packed_16(raw: _Raw, channels: int, code: str = '') -> Image:
    upper = raw.view('u1', 2 * channels)[..., 0 if raw.big_endian else 1::2]
    image: Image = np.ascontiguousarray(upper[..., 0] if channels == 1 else upper)
    return _convert(image, code) if code else image


def _signed(raw: _Raw) -> Image:
    image: Image = raw.view('u1') ^ np.uint8(0x80)  # -128 becomes black, 0 the middle
    return image


def _bayer(raw: _Raw, code: str, packed: Callable[[_Raw, int], Image]) -> Image:
    mosaic = packed(raw, 1)
    if min(raw.width, raw.height) < 3:  # OpenCV would return black
        raise ValueError(f'{raw.encoding} needs at least 3x3 pixels, '
                         f'not {raw.width}x{raw.height}')
    return _convert(mosaic, code)


def _yuv_422(raw: _Raw, code: str) -> Image:
    raw.require_even(height=False)
    return _convert(raw.view('u1', 2), code)


def _nv12(raw: _Raw, code: str) -> Image:
    raw.require_even(height=True)
    rows = raw.height * 3 // 2
    step = raw.luma_step(lambda step: step * (rows - 1) + raw.width)
    return _convert(raw.plane(rows, raw.width, step), code)


def _nv24(raw: _Raw) -> Image:
    import cv2

    width, height = raw.width, raw.height
    step = raw.luma_step(lambda step: step * height + 2 * step * (height - 1) + 2 * width)
    # OpenCV has no 4:4:4 in video range: twice as wide, it is UYVY, of which we take each second.
    luma = raw.plane(height, width, step)
    chroma = raw.plane(height, 2 * width, 2 * step, step * height).reshape(height, width, 2)
    blue, red = cv2.split(chroma)
    uyvy = np.asarray(cv2.merge((blue, luma, red, luma)), np.uint8)
    wide = _convert(uyvy.reshape(height, 2 * width, 2), 'YUV2BGR_UYVY')
    return np.ascontiguousarray(wide[:, ::2])


def _i420(raw: _Raw) -> Image:
    raw.require_even(height=True)
    width, height = raw.width, raw.height
    # The chroma planes have half as many rows, of half the step: together, one as high as luma.
    step = raw.luma_step(lambda step: step * height + step // 2 * (height - 1) + width // 2)
    if step == width:
        return _convert(raw.plane(height * 3 // 2, width, step), 'YUV2BGR_I420')
    planes: Image = np.empty((height * 3 // 2, width), np.uint8)
    planes[:height] = raw.plane(height, width, step)
    chroma = raw.plane(height, width // 2, step // 2, step * height)
    planes[height:].reshape(height, width // 2)[...] = chroma
    return _convert(planes, 'YUV2BGR_I420')


def _stretched(raw: _Raw, kind: str, work: 'type[np.floating[Any]]') -> Image:
    values = raw.view(kind).astype(work)
    valid = np.isfinite(values) & (values != 0)
    extremes = _extremes(values, valid)
    if extremes is None:
        return np.zeros(values.shape, np.uint8)
    limit = float(np.finfo(work).max) / 4  # so that differences do not overflow
    low, high = (min(max(extreme, -limit), limit) for extreme in extremes)
    span = max(high - low, _LEAST_SPAN * max(abs(low), abs(high)),
               1000 * float(np.finfo(work).tiny))
    low, high = (low + high - span) / 2, (low + high + span) / 2
    values[~valid] = low
    np.clip(values, low, high, out=values)
    values -= low
    values *= 254 / span
    values += 1.5  # 1 to 255, rounded
    values[~valid] = 0
    return values.astype(np.uint8)


def _extremes(values: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the smallest and the largest valid value but for outliers; None if there is none."""
    stride = max(1, isqrt(values.size // _SAMPLES))
    sample = values[::stride, ::stride][valid[::stride, ::stride]]
    if sample.size < _FEW_SAMPLES:
        sample = values[valid]
    if not sample.size:
        return None
    first = int(sample.size * _OUTLIERS)
    last = sample.size - 1 - first
    ordered = np.partition(sample, (first, last))
    return float(ordered[first]), float(ordered[last])


_ENCODINGS: dict[str, Callable[[_Raw], Image]] = {
    'mono8': partial(_packed, channels=1),
    '8uc1': partial(_packed, channels=1),
    '8sc1': _signed,
    'bgr8': partial(_packed, channels=3),
    '8uc3': partial(_packed, channels=3),
    'rgb8': partial(_packed, channels=3, code='RGB2BGR'),
    'bgra8': partial(_packed, channels=4, code='BGRA2BGR'),
    '8uc4': partial(_packed, channels=4, code='BGRA2BGR'),
    'rgba8': partial(_packed, channels=4, code='RGBA2BGR'),
    'bgr16': partial(_packed_16, channels=3),
    '16uc3': partial(_packed_16, channels=3),
    'rgb16': partial(_packed_16, channels=3, code='RGB2BGR'),
    'bgra16': partial(_packed_16, channels=4, code='BGRA2BGR'),
    '16uc4': partial(_packed_16, channels=4, code='BGRA2BGR'),
    'rgba16': partial(_packed_16, channels=4, code='RGBA2BGR'),
    'mono16': partial(_stretched, kind='u2', work=np.float32),
    '16uc1': partial(_stretched, kind='u2', work=np.float32),
    '16sc1': partial(_stretched, kind='i2', work=np.float32),
    '32sc1': partial(_stretched, kind='i4', work=np.float64),
    '32fc1': partial(_stretched, kind='f4', work=np.float32),
    '64fc1': partial(_stretched, kind='f8', work=np.float64),
    'uyvy': partial(_yuv_422, code='YUV2BGR_UYVY'),
    'yuv422': partial(_yuv_422, code='YUV2BGR_UYVY'),
    'yuyv': partial(_yuv_422, code='YUV2BGR_YUY2'),
    'yuv422_yuy2': partial(_yuv_422, code='YUV2BGR_YUY2'),
    'nv12': partial(_nv12, code='YUV2BGR_NV12'),
    'nv21': partial(_nv12, code='YUV2BGR_NV21'),
    'nv24': _nv24,
    'i420': _i420,
    'yuv420': _i420,
    'yuv420p': _i420,
}
# ROS names a mosaic by its first two rows; OpenCV's old names, which all its versions know, by the
# second row from its second pixel on.
for _ros, _opencv in (('rggb', 'BG'), ('bggr', 'RG'), ('gbrg', 'GR'), ('grbg', 'GB')):
    _code = f'Bayer{_opencv}2BGR'
    _ENCODINGS[f'bayer_{_ros}8'] = partial(_bayer, code=_code, packed=_packed)
    _ENCODINGS[f'bayer_{_ros}16'] = partial(_bayer, code=_code, packed=_packed_16)
