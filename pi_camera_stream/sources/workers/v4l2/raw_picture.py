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

"""The pictures that a V4L2 camera does not compress, made images."""

from typing import Any

from ....core.frame import Image

# What V4L2 calls a format, and ROS, the best first. Where ROS has no name, it is that of what has
# the same bytes in another order: `_IN_ORDER`, or the last two planes swapped.
ENCODINGS = {
    'YUYV': 'yuyv', 'UYVY': 'uyvy', 'YVYU': 'yuyv', 'VYUY': 'uyvy', 'NV12': 'nv12',
    'NV21': 'nv21', 'YU12': 'i420', 'YV12': 'i420', 'BGR3': 'bgr8', 'RGB3': 'rgb8',
    'GREY': 'mono8', 'Y16': 'mono16'}
_IN_ORDER = {'YVYU': (0, 3, 2, 1), 'VYUY': (2, 1, 0, 3)}
_BYTES_A_PIXEL = {'yuyv': 2, 'uyvy': 2, 'bgr8': 3, 'rgb8': 3, 'mono16': 2}  # of the others 1


def to_image(data: bytes, code: str, size: tuple[int, int], bytes_per_line: int) -> Image:
    """
    Return the image; ValueError when these are too few bytes for one.

    `bytes_per_line` are those of the first plane, as the driver says; some say nothing, or what is
    not true.
    """
    import numpy as np  # here, because who only passes JPEGs on can do without it

    from ....codecs.raw_image import to_viewable

    width, height = size
    encoding = ENCODINGS[code]
    least = width * _BYTES_A_PIXEL.get(encoding, 1)
    step = max(least, bytes_per_line)
    if len(data) < step * (height - 1) + least:
        step = least
    if code in _IN_ORDER:
        usable = np.frombuffer(data, np.uint8, len(data) // 4 * 4)
        data = usable.reshape(-1, 4)[:, _IN_ORDER[code]].tobytes()
    elif code == 'YV12':
        data = _swapped(data, step, height)
    image: Any = to_viewable(data, encoding, width, height, step, False)
    return np.asarray(image, np.uint8)


def _swapped(data: bytes, step: int, height: int) -> bytes:
    luma, chroma = step * height, step // 2 * (height // 2)
    return data[:luma] + data[luma + chroma:luma + 2 * chroma] + data[luma:luma + chroma]
