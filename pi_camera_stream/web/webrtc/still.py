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

"""A single picture as H.264: why there is no other."""

from functools import lru_cache

from ...codecs.decoding import decode_frame
from ...codecs.h264_encoder import H264Encoder, why_missing
from ...core.frame import Frame

_BPS = 1e6


@lru_cache(maxsize=1)  # all who watch the same are shown the same
def still(picture: Frame) -> Frame | None:
    """Return a key frame of a JPEG; None where nothing can be encoded."""
    if why_missing():
        return None
    return H264Encoder(_BPS, fps=1).encode(decode_frame(picture), picture.stamp_ns)
