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

"""The encoders."""

from .encoder import Encoder, Quality
from .jpeg_encoder import JpegEncoder
from .libav_h264_encoder import LibavH264Encoder
from .libav_mjpeg_encoder import LibavMjpegEncoder
from ..platform import get_platform, Platform

if get_platform() == Platform.VC4:
    from .h264_encoder import H264Encoder
    from .mjpeg_encoder import MJPEGEncoder
else:
    from .libav_h264_encoder import LibavH264Encoder as H264Encoder
    from .libav_mjpeg_encoder import LibavMjpegEncoder as MJPEGEncoder

__all__ = ['Encoder', 'H264Encoder', 'JpegEncoder', 'LibavH264Encoder', 'LibavMjpegEncoder',
           'MJPEGEncoder', 'Quality']
