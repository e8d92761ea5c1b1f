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

"""H.264 by the hardware of a Pi 4 and older; libx264 plays its part."""

from fractions import Fraction
import json
import re

from .v4l2_encoder import V4L2Encoder
from .. import sensor

_H264 = int.from_bytes(b'H264', 'little')
_SLICE = re.compile(rb'\x00\x00\x01[\x01\x05\x21\x25\x41\x45\x61\x65]')
_SEI, _USER_DATA = b'\0\0\1\6', 5


class H264Encoder(V4L2Encoder):
    def __init__(self, bitrate=None, repeat=True, iperiod=None, framerate=None,
                 enable_sps_framerate=False, qp=None, profile=None):
        super().__init__(bitrate, _H264)
        self.iperiod = iperiod
        assert repeat, 'nobody could join'
        self._key_frames_requested = 0
        self._codec = None
        self._count = 0

    def force_key_frame(self):
        self._key_frames_requested += 1

    def _start(self):
        if sensor.option('H264') == 'busy':
            self.vd = None
            raise OSError(16, 'Device or resource busy')
        super()._start()

    def _encode(self, stream, request):
        if self._key_frames_requested > 0:
            self._key_frames_requested -= 1
            self.vd.force_key_frame()
        super()._encode(stream, request)

    def _picture(self, request):
        import av
        import numpy as np
        config = request.config['main']
        if self._codec is None:
            self._codec = av.CodecContext.create('libx264', 'w')
            self._codec.width, self._codec.height = config['size']
            self._codec.pix_fmt, self._codec.time_base = 'yuv420p', Fraction(1, 30)
            self._codec.gop_size = self.iperiod or 60
            self._codec.options = {'preset': 'ultrafast', 'tune': 'zerolatency',
                                   'forced-idr': '1', 'x264-params': 'scenecut=0'}
        width, height = config['size']
        picture = av.VideoFrame.from_ndarray(
            np.full((height * 3 // 2, width), 100 + self._count % 50, np.uint8), 'yuv420p')
        picture.pts = self._count
        self._count += 1
        if self.vd.take_key_frame():
            picture.pict_type = av.video.frame.PictureType.I
        packet, = self._codec.encode(picture)
        text = json.dumps({**request.get_metadata(), 'bitrate': self.vd.bitrate}).encode()
        data = bytes(packet)
        at = _SLICE.search(data).start()
        return data[:at] + _sei(text) + data[at:], bool(packet.is_keyframe)


def _sei(text):
    """Return a NAL unit of user data (ITU-T H.264, 7.3.2.3), behind the zero of a start code."""
    text = b'u' * 16 + text
    sizes = b'\xff' * (len(text) // 255) + bytes([len(text) % 255])
    return b'\0' + _SEI + bytes([_USER_DATA]) + sizes + text + b'\x80'


if sensor.option('H264') == 'old':  # before 0.3.32
    del H264Encoder.force_key_frame
