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

from ...client.entities import create_service
from ...core.calibration import Calibration, CalibrationError
from ...parameters.kept_calibration import KeptCalibration, Turned


@dataclass(frozen=True)
class _Published:
    calibration: Calibration | None
    picture: Turned
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
        self._kept = KeptCalibration(url, name, self._log.info, self._log.warning)
        self._published: _Published | None = None
        self.on_change: Callable[[], None] = lambda: None  # told of each new one
        for service in ('set_camera_info', '~/set_camera_info'):
            create_service(node, SetCameraInfo, service, self._on_set)

    @property
    def calibration(self) -> Calibration | None:
        """Return the calibration of pictures that are not flipped; None when there is none."""
        return self._kept.own

    def info(self, width: int, height: int, hflip: bool, vflip: bool,
             sent: Calibration | None = None) -> CameraInfo:
        """
        Return the message for pictures of this size and orientation, without its header.

        It is the same object until something changes, so only one thread may fill in the header
        and publish it. `sent` is what the sender of the pictures says of them, which counts where
        there is no own one. Without a calibration that fits, the matrices are zero.
        """
        picture = width, height, hflip, vflip
        published, calibration = self._published, self._kept.fitting(picture, sent)
        if published is None or published.calibration is not calibration \
                or published.picture != picture:
            published = _Published(calibration, picture, _message(calibration, width, height))
            self._published = published
        return published.message

    def _on_set(self, request: Any, response: Any) -> Any:
        try:
            self._kept.save(self._unflipped(request.camera_info))
        except CalibrationError as error:
            self._log.warning(f'refused a new calibration: {error}')
            response.success = False
            response.status_message = str(error)
            return response
        response.success = True
        response.status_message = f'saved as {self._kept.path}'
        self._log.info(f'new calibration, saved as {self._kept.path}')
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


def _message(calibration: Calibration | None, width: int, height: int) -> CameraInfo:
    # An uncalibrated camera says its size and leaves the matrices zero.
    message = CameraInfo(width=width, height=height)
    if calibration is not None:
        message.distortion_model = calibration.distortion_model
        message.d, message.k = calibration.d, calibration.k
        message.r, message.p = calibration.r, calibration.p
    return message
