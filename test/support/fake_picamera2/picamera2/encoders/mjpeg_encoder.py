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

"""JPEG by the hardware of a Pi 4 and older."""

import queue
import threading

from .encoder import Encoder
from .. import sensor


class MJPEGEncoder(Encoder):
    def __init__(self, bitrate=None):
        super().__init__()
        self.bitrate = bitrate
        self._frames = queue.Queue()

    def _start(self):
        if not sensor.option('HARDWARE'):
            raise FileNotFoundError(2, 'No such file or directory', '/dev/video11')
        self.thread = threading.Thread(target=self._poll, daemon=True)
        self.thread.start()

    def _stop(self):
        self._frames.put(None)
        self.thread.join()

    def _poll(self):
        while (item := self._frames.get()) is not None:
            request, timestamp_us = item
            data = sensor.picture({**request.get_metadata(), 'bitrate': self.bitrate},
                                  {**request.config['main'],
                                   'transform': request.config['transform']})
            request.release()
            self.outputframe(data, True, timestamp_us)

    def _encode(self, stream, request):
        request.acquire()
        self._frames.put((request, self._timestamp(request)))
