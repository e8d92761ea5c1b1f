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

"""
The driver of the JPEG and H.264 hardware, bcm2835-codec, as far as it is told a bit rate.

The kernel's part is played by an `fcntl.ioctl` that knows the device; all other calls go through.
"""

import fcntl
import io
import os
import struct

from . import sensor

VIDIOC_S_CTRL = 0xC008561C
BITRATE = 0x009909CF
FORCE_KEY_FRAME = 0x009909E5
_LEAST, _MOST, _STEP = 25_000, 25_000_000, 25_000
_INERTIA = 0.5  # of the rate control
_ioctl = fcntl.ioctl


class Device(io.FileIO):
    """/dev/video11, opened."""

    def __init__(self):
        if not sensor.option('HARDWARE'):
            raise FileNotFoundError(2, 'No such file or directory', '/dev/video11')
        super().__init__(os.devnull, 'rb+')
        self.bitrate = 10_000_000
        self._bytes = 0.0
        self._key_frame = False

    def control(self, request, data):
        """Be told a bit rate, and return which one it has become."""
        number, value = struct.unpack('=Ii', data)
        if request != VIDIOC_S_CTRL:
            raise OSError(25, 'Inappropriate ioctl for device')
        if number == FORCE_KEY_FRAME:
            self.force_key_frame()
            return struct.pack('=Ii', number, 0)
        if number != BITRATE:
            raise OSError(22, 'Invalid argument')
        value = min(max(_STEP * round(value / _STEP), _LEAST), _MOST)
        if value != self.bitrate:  # otherwise the kernel does not even ask the driver
            if self._bytes and sensor.option('FIXED_RATE'):
                raise OSError(22, 'Invalid argument')
            self.bitrate = value
        return struct.pack('=Ii', number, value)

    def force_key_frame(self):
        self._key_frame = True

    def take_key_frame(self):
        """Return whether the next picture is to be a key frame, once."""
        wanted, self._key_frame = self._key_frame, False
        return wanted

    def picture_bytes(self):
        """Return the size of the next picture, which its rate control gives 1/30 s."""
        wanted = self.bitrate / 30 / 8
        self._bytes += _INERTIA * (wanted - self._bytes) if self._bytes else wanted
        return round(self._bytes)


def _known(fd, request, arg=0, mutate_flag=True):
    if not isinstance(fd, Device):
        return _ioctl(fd, request, arg, mutate_flag)
    fd.fileno()  # raises when it is closed
    return fd.control(request, arg)


fcntl.ioctl = _known
