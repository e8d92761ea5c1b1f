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

"""Which camera there is, for `auto`: found without opening or importing anything."""

from dataclasses import replace
from pathlib import Path

from .base import SENSOR, SourceSettings, TURNING, without
from .picamera2 import find_python
from .rpicam import find_program
from .v4l2_links import DEVICES, lasting_path, read_line
from ..core.errors import PermanentError

FOLDER = Path('/dev')


def find_camera(settings: SourceSettings, devices: Path | None = None,
                folder: Path | None = None) -> SourceSettings | None:
    """
    Return the settings for the first camera there is; None where there is none.

    A Raspberry Pi camera comes first: its sensor is a device on an I2C bus, whereas a USB camera
    is one on a USB bus. `devices` is where the kernel lists what has to do with video, `folder`
    where their files are. Raises PermanentError when nothing is installed that reads the only
    camera.
    """
    devices = devices or DEVICES
    failure: PermanentError | None = None
    if _on_bus(devices, 'v4l-subdev*', 'i2c'):
        try:
            find_python(settings.python)
            return replace(settings, source='picamera2')
        except PermanentError as error:
            failure = error
        try:
            find_program()
            return replace(without(settings, SENSOR), source='rpicam')
        except PermanentError:
            pass  # the other one is the better advice
    for camera in _on_bus(devices, 'video*', 'usb'):
        if read_line(camera / 'index') == '0':  # the others are for its metadata
            return replace(without(settings, TURNING), source='v4l2',
                           path=lasting_path(str((folder or FOLDER) / camera.name), devices))
    if failure is not None:
        raise failure
    return None


def _on_bus(devices: Path, pattern: str, bus: str) -> list[Path]:
    found = [device for device in devices.glob(pattern)
             if (device / 'device' / 'subsystem').resolve().name == bus]
    return sorted(found, key=lambda device: (len(device.name), device.name))

