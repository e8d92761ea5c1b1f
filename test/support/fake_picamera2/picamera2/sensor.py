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
The simulated camera; what it does is chosen by environment variables.

    FAKE_CAMERAS      models, separated by spaces; empty for none (imx708)
    FAKE_PLATFORM     vc4 or pisp (vc4)
    FAKE_HARDWARE     there are encoders in hardware, /dev/video11, when this is 1
    FAKE_H264         busy: that of H.264 cannot be started; old: it has no force_key_frame()
    FAKE_LOCK         a file that is locked by whoever has the camera
    FAKE_FORMAT       the pixel format that the camera turns every other one into
    FAKE_NO_FLIP      it silently does not flip, when this is 1
    FAKE_STALL_AFTER  frames after which the sensor falls silent, without an exception
    FAKE_STOP         hangs: stop() never returns, holding the interpreter's lock
    FAKE_OPEN         hangs: so does opening the camera; fails: it raises
    FAKE_ERROR        what libcamera writes to its log before that
    FAKE_MARK         a file that is made before it hangs
    FAKE_NOISE        it prints to standard output, when this is 1
    FAKE_BYTES        size of pictures of quality 80 (0); the hardware's follow from its bit rate
    FAKE_FIXED_RATE   the hardware refuses another bit rate while it encodes, when this is 1
"""

import base64
import ctypes
import json
import os
import time

_GREY = base64.b64decode(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4'
    'UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2'
    'NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQABADASIAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAA'
    'AAAAAAAAAAAAAAD/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AAA'
    '//2Q==')
MODES = [{'format': 'SRGGB10', 'size': (1536, 864), 'bit_depth': 10,
          'crop': (768, 432, 3072, 1728)},
         {'format': 'SRGGB10', 'size': (2304, 1296), 'bit_depth': 10, 'crop': (0, 0, 4608, 2592)},
         {'format': 'SRGGB10', 'size': (4608, 2592), 'bit_depth': 10, 'crop': (0, 0, 4608, 2592)}]


def option(name, default=''):
    return os.environ.get(f'FAKE_{name}', default)


def make_noise():
    if option('NOISE'):
        print('[0:12:34.5] INFO Camera camera_manager.cpp:284 libcamera v0.5.2')
        os.write(1, b'and this comes from C++ ' * 10)


def complain():
    """Write an error to standard error as libcamera does."""
    os.write(2, f'[0:12:34.567] [1234] ERROR {option("ERROR")}\n'.encode())


def hang():
    """Never return, nor let another thread of this process run, as a driver does."""
    if option('MARK'):
        open(option('MARK'), 'w').close()
    while True:
        ctypes.PyDLL(None).pause()


def picture(metadata, config, size=0, steps=1.0):
    """
    Return a JPEG that tells how it was taken, in a comment.

    It has `size` bytes at least, and what such a picture needs, and quantisation tables of that
    size relative to quality 50.
    """
    text = json.dumps({**metadata, 'format': config['format'], 'flips': [
        config['transform'].hflip, config['transform'].vflip]}).encode()
    comment = b'\xff\xfe' + (len(text) + 2).to_bytes(2, 'big') + text
    width, height = config['size']
    size = max(size, width * height // 128)
    frame = _GREY.index(b'\xff\xc0') + 5
    head = _GREY[2:frame] + height.to_bytes(2, 'big') + width.to_bytes(2, 'big')
    for table in _tables(head):
        scaled = bytes(min(max(round(step * steps), 1), 255) for step in head[table:table + 64])
        head = head[:table] + scaled + head[table + 64:]
    return (_GREY[:2] + comment + _filling(size - len(_GREY) - len(comment)) + head
            + _GREY[frame + 4:])


def _tables(head):
    """Return where the quantisation tables are."""
    return [index + 5 for index in range(len(head)) if head[index:index + 3] == b'\xff\xdb\0']


def _filling(size):
    """Return comments of that size altogether, or one too small by less than four bytes."""
    filling = b''
    while size >= 4:
        length = min(size, 0xFFFF + 2)
        filling += b'\xff\xfe' + (length - 2).to_bytes(2, 'big') + bytes(length - 4)
        size -= length
    return filling


class Clock:
    """When frames are read out."""

    def __init__(self):
        self.taken = 0
        self._next_ns = time.monotonic_ns()

    def wait(self, duration_us):
        """Wait until the next frame has been read out, and return when that began, in ns."""
        stall = option('STALL_AFTER')
        if stall and self.taken >= int(stall):
            return None
        self.taken += 1
        self._next_ns = max(self._next_ns + duration_us * 1000, time.monotonic_ns())
        while (remaining_s := (self._next_ns - time.monotonic_ns()) / 1e9) > 0:
            time.sleep(remaining_s)
        return self._next_ns
