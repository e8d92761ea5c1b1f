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

"""The calibration of the camera of an image topic, from the `camera_info` beside it."""

from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from .entities import destroy
from .image_topic import create_image_subscription
from .video_topic import base_name
from ..core.calibration import Calibration, CalibrationError
from ..core.camera_info import calibration_of


class CalibrationSubscription:
    """
    Receive the calibration, as long as somebody wants it; what is unusable is logged once.

    `follow` belongs to the executor's thread; one other thread may call `for_size`.
    """

    def __init__(self, node: Node, image_topic: str) -> None:
        self._node = node
        self.topic = info_topic(image_topic)
        self._subscription: Any = None
        self._received: tuple[Any, ...] = ()
        self._calibration: Calibration | None = None
        self._scaled: tuple[Calibration, tuple[int, int], Calibration | None] | None = None
        self._complained_of: Calibration | None = None

    def follow(self, wanted: bool) -> None:
        if wanted and self._subscription is None:
            self._subscription = create_image_subscription(
                self._node, CameraInfo, self.topic, self._on_info)
        elif not wanted and self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None

    def for_size(self, width: int, height: int) -> Calibration | None:
        """Return the calibration for pictures of this size, or None while there is none."""
        calibration = self._calibration
        if calibration is None:
            return None
        scaled = self._scaled
        if scaled is None or scaled[0] is not calibration or scaled[1] != (width, height):
            try:
                fitting = calibration.scaled(width, height)
            except CalibrationError as error:
                fitting = None
                if calibration is not self._complained_of:  # a camera may go from size to size
                    self._complained_of = calibration
                    self._complain(error)
            self._scaled = scaled = (calibration, (width, height), fitting)
        return scaled[2]

    def _on_info(self, info: CameraInfo) -> None:
        received = (info.width, info.height, info.distortion_model, *info.d, *info.k, *info.r,
                    *info.p, info.roi.x_offset, info.roi.y_offset, info.roi.width,
                    info.roi.height)
        if received == self._received:
            return
        self._received = received
        try:
            self._calibration = calibration_of(info)
        except CalibrationError as error:
            self._calibration = None
            self._complain(error)

    def _complain(self, error: CalibrationError) -> None:
        self._node.get_logger().warning(
            f"the calibration on '{self.topic}' cannot be used: {error}")


def info_topic(image_topic: str) -> str:
    """Return where the calibration of an image topic is, by the convention of image_transport."""
    return f'{base_name(image_topic).rpartition("/")[0]}/camera_info'
