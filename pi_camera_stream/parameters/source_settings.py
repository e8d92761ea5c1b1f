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

"""What a source is asked for, read from the camera node's parameters."""

from collections.abc import Callable
import re
from typing import Any

from .tables import CAMERA
from ..core.errors import PermanentError
from ..sources.base import SourceSettings

OF_THE_SOURCE = {row.name for row in CAMERA if row.setting}
RESTARTING = {row.name for row in CAMERA if row.restarts}
"""Parameters that a source takes in only when it starts."""
_SENSOR_MODE = re.compile(r'(\d+):(\d+)')


def read_settings(value: Callable[[str], Any]) -> SourceSettings:
    """Return the settings; PermanentError where parameters make no sense (together)."""
    settings = {row.setting: value(row.name) for row in CAMERA if row.setting}
    settings['crop'] = _read_crop(settings['crop'])
    settings['sensor_mode'] = _SENSOR_MODE.sub(r'\1x\2', settings['sensor_mode'], 1) \
        if 'x' not in settings['sensor_mode'] else settings['sensor_mode']  # as in camera_ros
    if settings['noise_reduction'] == 'auto':
        settings['noise_reduction'] = ''
    return SourceSettings(**settings)


def _read_crop(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        crop = tuple(int(word) for word in text.split(','))
        if len(crop) == 4 and min(crop) >= 0 and min(crop[2:]) > 0:
            return crop
    except ValueError:
        pass
    raise PermanentError("parameter 'crop' must be x,y,width,height in pixels of the sensor, as "
                         f"in '0,0,2304,1296', not '{text}'")
