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

"""A frame, until it is given back to the camera."""

import libcamera

from .controls import Controls


class Request:
    """What libcamera has behind a completed request."""

    def __init__(self):
        self.metadata = {}
        self.values = {}

    def set_control(self, control, value):
        self.values[control] = control.convert(value)


class CompletedRequest:
    def __init__(self, request, picam2):
        self.request = request
        self.picam2 = picam2
        self.ref_count = 1
        self.stop_count = picam2.stop_count
        self.lock = picam2.request_lock
        self.config = picam2.camera_config.copy()

    def acquire(self):
        with self.lock:
            if self.ref_count == 0:
                raise RuntimeError('it has been given back')
            self.ref_count += 1

    def release(self):
        with self.lock:
            self.ref_count -= 1
            if self.ref_count == 0 and self.picam2.started and (
                    self.stop_count == self.picam2.stop_count):
                for control, value in self.picam2.controls.get_libcamera_controls().items():
                    self.request.set_control(control, value)
                self.picam2.controls = Controls(self.picam2)
                self.picam2._free.append(self.request)

    def get_metadata(self):
        return {control.name: _plain(value) for control, value in self.request.metadata.items()}


def _plain(value):
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_tuple() if isinstance(value, libcamera.Rectangle) else value
