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

"""Whether a JPEG without an end marker has been cut off: libjpeg paints what is missing grey."""


def has_all_rows(jpeg: bytes) -> bool:
    """
    Return whether the scans of a JPEG go to their ends, but for a few bytes.

    Its size has been checked before. FFmpeg's decoder, told to, refuses what libjpeg fills up;
    without PyAV, nobody knows.
    """
    try:
        import av
    except ImportError:
        return False
    codec = av.CodecContext.create('mjpeg', 'r')
    codec.options = {'err_detect': 'explode', 'max_pixels': str(2**31 - 1)}  # has been checked
    try:
        return bool(codec.decode(av.Packet(jpeg)) or codec.decode(None))
    except (av.error.FFmpegError, EOFError, ValueError):
        return False
