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

"""Whether a camera that can focus does so by itself."""

from rclpy.node import Node

from .camera_calibration import CameraCalibration
from .camera_controls import CameraControls
from ...sources.base import Source

_MANUAL, _CONTINUOUS = 0, 2  # libcamera's values of AfMode


class Focus:
    """
    Set AfMode while nobody has chosen it, or LensPosition.

    libcamera leaves a lens where it happens to stand, so that nothing is in focus unless it is
    about a metre away. But to move the lens changes focal length and distortion, so with a
    calibration it is held. All methods belong to the executor's thread.
    """

    def __init__(self, node: Node, controls: CameraControls, calibration: CameraCalibration
                 ) -> None:
        self._log = node.get_logger()
        self._controls = controls
        self._calibration = calibration
        self._said = False

    def decide(self, source: Source) -> None:
        """See what `source` shall do; the controls have it then among those that are wanted."""
        if 'AfMode' not in self._controls.names:
            return
        held = self._calibration.calibration is not None
        self._controls.prefer('AfMode', _MANUAL if held else _CONTINUOUS)
        if held and source.focuses and not self._said and 'AfMode' not in self._controls.chosen:
            self._said = True
            self._log.info(
                'the lens is held, because a calibration is valid for one lens position only: set '
                "the parameter 'LensPosition' to that of the calibration, or AfMode to 2 for "
                'continuous autofocus nevertheless')
