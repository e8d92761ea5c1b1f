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

"""What encoders have in common."""

from enum import Enum
import threading

from libcamera import controls

Quality = Enum('Quality', 'VERY_LOW LOW MEDIUM HIGH VERY_HIGH')


class Encoder:
    def __init__(self, framerate=30):
        self.firsttimestamp = None
        self.output = []
        self._running = False
        self._lock = threading.Lock()

    @property
    def running(self):
        return self._running

    def start(self, quality=None):
        with self._lock:
            if self._running:
                raise RuntimeError('Encoder already running')
            self._running = True
            self.firsttimestamp = None
            self.output.start()
            self._start()

    def stop(self):
        with self._lock:
            if not self._running:
                raise RuntimeError('Encoder already stopped')
            self._running = False
            self._stop()
            self.output.stop()

    def encode(self, stream, request):
        with self._lock:
            if self._running:
                self._encode(stream, request)

    def outputframe(self, frame, keyframe=True, timestamp=None, packet=None, audio=False):
        self.output.outputframe(frame, keyframe, timestamp, packet, audio)

    def _timestamp(self, request):
        us = int(request.request.metadata[controls.SensorTimestamp] / 1000)
        if self.firsttimestamp is None:
            self.firsttimestamp = us
        return us - self.firsttimestamp
