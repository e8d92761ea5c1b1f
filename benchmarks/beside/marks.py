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

"""JPEGs that say when they were given to a program: a comment, in which the camera writes that."""

_DIGITS = 19  # of the ns since the epoch
_BEGIN = b'\xff\xd8\xff\xfe\x00\x1bgiven '  # SOI, COM with the length of what follows
_UNKNOWN = b'0' * _DIGITS
BYTES = len(_BEGIN) + _DIGITS  # of a JPEG that have to be known


def marked(jpeg: bytes) -> bytes:
    """Return a JPEG with room for the time; see `fake_v4l2`, which writes it."""
    return _BEGIN + _UNKNOWN + jpeg[2:]


def given_s(jpeg: bytes | bytearray) -> float | None:
    """Return when it was given, in seconds since the epoch; None where it does not say so."""
    digits = jpeg[len(_BEGIN):BYTES]
    if not jpeg.startswith(_BEGIN) or len(digits) < _DIGITS or not digits.isdigit():
        return None
    return int(digits) / 1e9 or None


def without_time(jpeg: bytes) -> bytes:
    """Return it as it was before it was given."""
    return jpeg if given_s(jpeg) is None else _BEGIN + _UNKNOWN + jpeg[BYTES:]
