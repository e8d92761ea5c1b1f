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

"""What a stream of bytes without a name is, told by its beginning."""

import re

_TS_PACKET = 188
_JPEG = b'\xff\xd8\xff'
# Start codes with a parameter set behind them: both codecs begin with one, and repeat it.
_HEVC = re.compile(rb'\x00\x00\x01(?:\x40|\x42|\x44)\x01')  # VPS, SPS, PPS (ITU-T H.265, 7.3.1.2)
_H264 = re.compile(rb'\x00\x00\x01[\x07\x27\x47\x67]')  # SPS (ITU-T H.264, 7.3.1)
_RTP = re.compile(rb'[\x80\x90][\x60-\x7f\xe0-\xff\x1a\x9a]', re.DOTALL)  # version 2, RFC 3551
_HTTP = b'HTTP/'


def sniff(data: bytes) -> str:
    """Return mpegts, h264, hevc, mjpeg, rtp or http; nothing when it cannot be told (yet)."""
    if data.startswith(_HTTP):
        return 'http'
    if _is_ts(data):
        return 'mpegts'
    starts = {name: match.start() for name, match in (
        ('hevc', _HEVC.search(data)), ('h264', _H264.search(data))) if match}
    if _JPEG in data:
        starts['mjpeg'] = data.index(_JPEG)
    if starts:
        return min(starts, key=lambda name: starts[name])
    return 'rtp' if _RTP.match(data) else ''


def _is_ts(data: bytes) -> bool:
    """Return whether there are at least three packets, or a datagram of nothing but packets."""
    if len(data) % _TS_PACKET == 0 and data and set(data[::_TS_PACKET]) == {0x47}:
        return True
    return any(set(data[at::_TS_PACKET]) == {0x47} for at in range(_TS_PACKET)
               if len(data) >= at + 3 * _TS_PACKET)
