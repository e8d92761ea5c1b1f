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

"""How large the pictures of a camera node may be, before there is one."""

from collections.abc import Sequence

from ..early_parameters import said

_CAMERAS = {'auto', 'pattern', 'picamera2', 'rpicam', 'v4l2'}  # whose own size is known
_OWN_BYTES = 3 * 1280 * 720
_UNKNOWN_BYTES = 8_000_000  # of others: more than 1920x1080 has, as an image or as a JPEG


def largest_picture_bytes(words: Sequence[str]) -> int:
    """
    Return the bytes of the largest picture that a node with this command line may publish.

    That is `image_raw`; a JPEG of it is smaller. Of several that are said, as in a file for more
    than one camera, the largest counts.
    """
    width, height = (max((value for value in said(words, name) if isinstance(value, int)),
                         default=0) for name in ('width', 'height'))
    if width > 0 and height > 0:
        return 3 * width * height
    if {'auto', *map(str, said(words, 'source'))} <= _CAMERAS:
        return _OWN_BYTES
    return _UNKNOWN_BYTES
