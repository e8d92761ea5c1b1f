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

"""The calibration of a camera as it is kept in a file, and as its pictures are turned."""

from collections.abc import Callable
from pathlib import Path

from . import calibration_file
from .tables import CALIBRATION_URL
from ..core.calibration import Calibration, CalibrationError

Log = Callable[[str], object]
Turned = tuple[int, int, bool, bool]
"""Pictures: width, height, hflip, vflip."""


class KeptCalibration:
    """
    Load a calibration, and fit it to the pictures that are there.

    It is kept for pictures that are not flipped. What cannot be used is said once. Raises
    PermanentError when the url (empty for the default, `${NAME}` in it for the name) is none.
    """

    def __init__(self, url: str, name: str, info: Log, warn: Log) -> None:
        self.path: Path = calibration_file.resolve(url, name)
        self._info, self._warn = info, warn
        # Of pictures that are not flipped; None when there is none.
        self.own = self._load(url not in ('', CALIBRATION_URL))
        self._complained_of: Calibration | None = None
        self._fitted: tuple[Calibration, Turned, Calibration | None] | None = None

    def save(self, calibration: Calibration) -> None:
        """Use it from now on; CalibrationError, and the one before in use, if it is not saved."""
        calibration_file.save(self.path, calibration)
        self.own = calibration

    def fitting(self, picture: Turned, other: Calibration | None = None) -> Calibration | None:
        """Return that of pictures of this kind, or `other` made so if there is no own; or None."""
        calibration = self.own or other
        if calibration is None:
            return None
        if self._fitted is None or self._fitted[0] is not calibration \
                or self._fitted[1] != picture:
            self._fitted = calibration, picture, self._fit(calibration, picture)
        return self._fitted[2]

    def _fit(self, calibration: Calibration, picture: Turned) -> Calibration | None:
        width, height, hflip, vflip = picture
        try:
            return calibration.scaled(width, height).flipped(hflip, vflip)
        except CalibrationError as error:
            if calibration is not self._complained_of:
                self._complained_of = calibration
                self._warn(f'the camera counts as uncalibrated, because {error}')
            return None

    def _load(self, asked_for: bool) -> Calibration | None:
        try:
            calibration = calibration_file.load(self.path)
        except CalibrationError as error:
            self._warn(f'the camera counts as uncalibrated, because {error}')
            return None
        if calibration is not None:
            self._info(f"calibration of '{calibration.name}' for {calibration.width}x"
                       f'{calibration.height} pixels from {self.path}')
        elif asked_for:
            self._warn('the camera counts as uncalibrated, because there is no file '
                       f"{self.path}: calibrate it, or correct the parameter 'camera_info_url'")
        return calibration
