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

"""What is known of whoever sends a stream, beside its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.calibration import Calibration
from ..core.camera_info import calibration_of, SentInfo


@dataclass(frozen=True)
class SenderState:
    """What it has told so far."""

    frame_id: str = ''  # empty where it told none
    calibration: Calibration | None = None  # of the pictures as they come
    problem: str = ''  # why the calibration that it told cannot be used
    # By how many ms the capture times can be wrong; None where pictures have the time of their
    # arrival, and then `why` that is so. Without either, it has not told yet.
    uncertainty_ms: float | None = None
    why: str = ''

    def after(self, told: Mapping[str, Any]) -> 'SenderState':
        """Return what is known after an `I` record (`records`)."""
        if 'camera_info' not in told:
            return replace(self, uncertainty_ms=told.get('uncertainty_ms'),
                           why=str(told.get('why', '')))
        frame_id, calibration, problem = '', None, ''
        if told['camera_info'] is None:
            return replace(self, frame_id='', calibration=None, problem='')
        try:
            info = SentInfo.read(told['camera_info'])
            frame_id, calibration = info.frame_id, calibration_of(info)
        except ValueError as error:
            problem = str(error)
        return replace(self, frame_id=frame_id, calibration=calibration, problem=problem)
