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

"""The controls that are set with the next request."""

import threading

from libcamera import ControlType, Rectangle


class Controls:
    def __init__(self, picam2, controls={}):  # noqa: B006 - as the real one
        self._picam2 = picam2
        self._values = {}
        self._lock = threading.Lock()
        self.set_controls(controls)

    def set_controls(self, controls):
        with self._lock:
            for name, value in controls.items():
                if name not in self._picam2.camera_ctrl_info:
                    raise RuntimeError(f'Control {name} is not advertised by libcamera')
                self._values[name] = value

    def get_libcamera_controls(self):
        with self._lock:
            found = {}
            for name, value in self._values.items():
                control = self._picam2.camera_ctrl_info[name][0]
                if control.type == ControlType.Rectangle:
                    value = ([Rectangle(*item) for item in value]
                             if isinstance(value[0], (list, tuple)) else Rectangle(*value))
                found[control] = value
            return found
