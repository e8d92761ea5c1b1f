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

"""Encoding by the hardware of a Pi 4 and older."""

import fcntl
import queue
import struct
import threading

from .encoder import Encoder
from .. import sensor
from ..codec import BITRATE, Device, VIDIOC_S_CTRL

_POLL_S = 0.4  # until an idle thread looks whether it is to end


class V4L2Encoder(Encoder):
    def __init__(self, bitrate, pixformat):
        super().__init__()
        self.bitrate = bitrate
        self._pixformat = pixformat
        self.vd = None
        self._frames = queue.Queue()

    def _start(self):
        self.vd = Device()
        self.thread = threading.Thread(target=self.thread_poll, args=(self._frames,), daemon=True)
        self.thread.start()
        if self.bitrate is not None:
            fcntl.ioctl(self.vd, VIDIOC_S_CTRL, struct.pack('=Ii', BITRATE, self.bitrate))

    def _stop(self):
        self.thread.join()
        self.vd.close()

    def thread_poll(self, buf_available):
        while self._running or not buf_available.empty():
            try:
                request, timestamp_us = buf_available.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            data, key = self._picture(request)
            request.release()
            self.outputframe(data, key, timestamp_us)

    def _picture(self, request):
        return sensor.picture(
            {**request.get_metadata(), 'bitrate': self.vd.bitrate},
            {**request.config['main'], 'transform': request.config['transform']},
            self.vd.picture_bytes()), True

    def _encode(self, stream, request):
        request.acquire()
        self._frames.put((request, self._timestamp(request)))
