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

"""Points in the picture of a calibrated camera, and where they are in space."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .opencv import cv2
from .processor import Pose
from ..core.calibration import Calibration

Points = Sequence[tuple[float, float]]


def square_pose(corners: Points, size_m: float, camera: Calibration) -> Pose | None:
    """
    Return the pose of a square's middle; None when there is no answer.

    The corners are in pixels: upper left, upper right, lower right, lower left, as seen upright.
    Of the pose, x is to the square's right, y to its top, z out of it.
    """
    half = size_m / 2
    square = np.array([(-half, half, 0), (half, half, 0), (half, -half, 0), (-half, -half, 0)])
    matrix = np.reshape(camera.k, (3, 3))
    straight = _undistort(corners, camera)
    found, rotation, position = cv2.solvePnP(square, straight, matrix, None,
                                             flags=cv2.SOLVEPNP_IPPE_SQUARE)
    if not found or not np.isfinite([rotation, position]).all() or position[2] <= 0:
        return None
    x, y, z = (float(value) for value in position.ravel())
    return Pose((x, y, z), _quaternion(rotation.ravel()))


def project(points: Any, pose: Pose, camera: Calibration) -> list[tuple[float, float]]:
    """Return where points (N x 3, metres) that belong to a pose are in the picture."""
    rotation, position = rotation_vector(pose), np.array(pose.position)
    matrix, points = np.reshape(camera.k, (3, 3)), np.reshape(points, (-1, 1, 3)).astype(float)
    if camera.distortion_model == 'equidistant':
        shown, _ = cv2.fisheye.projectPoints(points, rotation, position, matrix,
                                             np.array(camera.d))
    else:
        shown, _ = cv2.projectPoints(points, rotation, position, matrix, np.array(camera.d))
    return [(float(x), float(y)) for x, y in shown.reshape(-1, 2)]


def rotation_vector(pose: Pose) -> Any:
    """Return the rotation of a pose as OpenCV has it: axis times angle."""
    axis, w = np.array(pose.orientation[:3]), pose.orientation[3]
    length = float(np.linalg.norm(axis))
    return axis * (2 * np.arctan2(length, w) / length) if length else axis


def _undistort(corners: Points, camera: Calibration) -> Any:
    """Return where the corners would be without the distortion of the lens."""
    matrix, d = np.reshape(camera.k, (3, 3)), np.array(camera.d)
    points = np.array(corners, float).reshape(-1, 1, 2)
    if camera.distortion_model == 'equidistant':
        return cv2.fisheye.undistortPoints(points, matrix, d, P=matrix)
    return cv2.undistortPoints(points, matrix, d, P=matrix)


def _quaternion(rotation: Any) -> tuple[float, float, float, float]:
    angle = float(np.linalg.norm(rotation))
    x, y, z = rotation * (np.sin(angle / 2) / angle) if angle else rotation
    return float(x), float(y), float(z), float(np.cos(angle / 2))
