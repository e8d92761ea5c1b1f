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

"""The calibration that a camera node publishes, and the service that sets it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from sensor_msgs.srv import SetCameraInfo

from . import calibration_file
from ...client.entities import create_service
from ...core.calibration import Calibration, CalibrationError
from ...parameters.tables import CALIBRATION_URL


@dataclass(frozen=True)
class _Published:
    calibration: Calibration | None
    picture: tuple[int, int, bool, bool]  # width, height, hflip, vflip
    message: CameraInfo


class CameraCalibration:
    """
    Load, publish and replace the calibration of a camera.

    It is kept for pictures that are not flipped; `hflip` and `vflip` count until `info` is asked
    for the first one. The service has two names: `set_camera_info` in the node's namespace is
    where camera_info_manager offers it and cameracalibrator looks for it
    (`camera/set_camera_info`), `~/set_camera_info` is the node's own.

    One thread may call `info` while another one serves the executor. Raises PermanentError when
    the url (empty for the default, `${NAME}` in it for the name) is none.
    """

    def __init__(self, node: Node, url: str, name: str, hflip: bool = False,
                 vflip: bool = False) -> None:
        self._log = node.get_logger()
        self._name = name
        self._orientation = hflip, vflip
        self._path = calibration_file.resolve(url, name)
        self._calibration = self._load(url not in ('', CALIBRATION_URL))
        self._published: _Published | None = None
        self._complained_of: Calibration | None = None
        self.on_change: Callable[[], None] = lambda: None  # told of each new one
        for service in ('set_camera_info', '~/set_camera_info'):
            create_service(node, SetCameraInfo, service, self._on_set)

    @property
    def calibration(self) -> Calibration | None:
        """Return the calibration of pictures that are not flipped; None when there is none."""
        return self._calibration

    def info(self, width: int, height: int, hflip: bool, vflip: bool) -> CameraInfo:
        """
        Return the message for pictures of this size and orientation, without its header.

        It is the same object until something changes, so only one thread may fill in the header
        and publish it. Without a calibration that fits, the matrices are zero.
        """
        picture = width, height, hflip, vflip
        published, calibration = self._published, self._calibration
        if published is None or published.calibration is not calibration \
                or published.picture != picture:
            published = _Published(calibration, picture, self._message(calibration, picture))
            self._published = published
        return published.message

    def _load(self, asked_for: bool) -> Calibration | None:
        try:
            calibration = calibration_file.load(self._path)
        except CalibrationError as error:
            self._log.warning(f'the camera counts as uncalibrated, because {error}')
            return None
        if calibration is not None:
            self._log.info(f"calibration of '{calibration.name}' for {calibration.width}x"
                           f'{calibration.height} pixels from {self._path}')
        elif asked_for:
            self._log.warning(
                f'the camera counts as uncalibrated, because there is no file {self._path}: '
                "calibrate it, or mend the parameter 'camera_info_url'")
        return calibration

    def _message(self, calibration: Calibration | None, picture: tuple[int, int, bool, bool]
                 ) -> CameraInfo:
        width, height, hflip, vflip = picture
        # An uncalibrated camera says its size and leaves the matrices zero.
        message = CameraInfo(width=width, height=height)
        if calibration is None:
            return message
        try:
            there = calibration.scaled(width, height).flipped(hflip, vflip)
        except CalibrationError as error:
            if calibration is not self._complained_of:
                self._complained_of = calibration
                self._log.warning(f'the camera counts as uncalibrated, because {error}')
            return message
        message.distortion_model = there.distortion_model
        message.d, message.k, message.r, message.p = there.d, there.k, there.r, there.p
        return message

    def _on_set(self, request: Any, response: Any) -> Any:
        try:
            calibration = self._unflipped(request.camera_info)
            calibration_file.save(self._path, calibration)
        except CalibrationError as error:
            self._log.warning(f'refused a new calibration: {error}')
            response.success = False
            response.status_message = str(error)
            return response
        self._calibration = calibration
        response.success = True
        response.status_message = f'saved as {self._path}'
        self._log.info(f'new calibration, saved as {self._path}')
        self.on_change()
        return response

    def _unflipped(self, info: CameraInfo) -> Calibration:
        if max(info.binning_x, info.binning_y) > 1 or info.roi.width or info.roi.height \
                or info.roi.x_offset or info.roi.y_offset:
            raise CalibrationError('a calibration with binning or a region of interest is not '
                                   'supported: calibrate with the pictures as they are published')
        calibration = Calibration(info.width, info.height, self._name, info.distortion_model,
                                  info.d.tolist(), info.k.tolist(), info.r.tolist(),
                                  info.p.tolist())
        hflip, vflip = self._orientation
        if self._published is not None:
            width, height, hflip, vflip = self._published.picture
            calibration.scaled(width, height)  # raises when it does not fit
        return calibration.flipped(hflip, vflip)
