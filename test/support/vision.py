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



"""Processors at work, and what they are to find."""

import math

import cv2
import numpy as np
from pi_camera_stream.core.calibration import Calibration
from pi_camera_stream.vision import registry
from pi_camera_stream.vision.pipeline import Pipeline
from pi_camera_stream.vision.processor import FrameInfo, Pose


def defaults(name, **values):
    """Return the values of a processor's parameters, some of them changed."""
    return {**{row.name: row.default for row in registry.find(name).PARAMETERS}, **values}


def create(name, **values):
    """Return a processor that is ready."""
    chosen = defaults(name, **values)
    registry.find(name).check(chosen)
    processor = registry.find(name)()
    processor.configure(chosen)
    return processor


def info(image, calibration=None, stamp_ns=1_700_000_000_123_456_789):
    """Return what the node would say about a picture."""
    height, width = image.shape[:2]
    return FrameInfo(stamp_ns, 'lens', 1, width, height, calibration)


def find(name, image, calibration=None, **values):
    """Return what a new processor finds in one picture."""
    return create(name, **values).process(image, info(image, calibration))


def pipeline(*names, failures=None, clock=None, **changed):
    """Return a pipeline; what raises is put into the list `failures`, or is raised."""
    def report(name, error):
        if failures is None:
            raise error
        failures.append((name, error))

    values = {name: defaults(name, **changed.get(name, {})) for name in names}
    return Pipeline(values, report, *([clock] if clock else []))


def marker(number=7, dictionary='4X4_50', side=400):
    """Return an ArUco marker with a white margin of a quarter of its side all around."""
    markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f'DICT_{dictionary}'))
    draw = getattr(cv2.aruco, 'generateImageMarker', None) or cv2.aruco.drawMarker
    return cv2.copyMakeBorder(draw(markers, number, side), *(4 * [side // 4]),
                              cv2.BORDER_CONSTANT, value=255)


_GO_TO_DOCK_3 = (  # a QR code, row by row; OpenCV 4.5 cannot make one
    0x1fdf7f, 0x105b41, 0x174e5d, 0x174b5d, 0x17515d, 0x105441, 0x1fd57f, 0x1e00, 0x1cdff3,
    0x1f90dd, 0x36811, 0x1d9d83, 0x96499, 0x1811, 0x1fcf1d, 0x105b88, 0x174fb0, 0x174b58,
    0x17573f, 0x105438, 0x1fd389)


def qr_code(x=100, y=60):
    """Return a light picture with the QR code `go to dock 3` at (x, y)."""
    code = np.array([[230 * (1 - (row >> place & 1)) for place in reversed(range(21))]
                     for row in _GO_TO_DOCK_3], np.uint8)
    code = cv2.resize(code, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    image = np.full((480, 640, 3), 230, np.uint8)
    image[y:y + code.shape[0], x:x + code.shape[1]] = code[:, :, None]
    return image


# The OpenCV of Debian 12 and Ubuntu 22.04 finds codes, but cannot read them.
READS_CODES = cv2.QRCodeDetector().detectAndDecode(qr_code())[0] != ''


def camera(model='plumb_bob', d=(0.0,) * 5, size=(640, 480), focal=500.0):
    """Return a calibrated camera."""
    (width, height), identity = size, (1, 0, 0, 0, 1, 0, 0, 0, 1)
    k = (focal, 0, width / 2 - 0.5, 0, focal, height / 2 - 0.5, 0, 0, 1)
    return Calibration(*size, 'camera', model, tuple(d), k, identity,
                       (*k[:3], 0, *k[3:6], 0, *k[6:], 0))


def photograph(marker_picture, length_m, pose, calibration):
    """
    Return what a camera sees of a marker at a pose, by following each pixel's ray to its plane.

    That is the way round in which OpenCV's solver does not go, so that one proves the other.
    """
    width, height = calibration.width, calibration.height
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(float)
    matrix, d = np.reshape(calibration.k, (3, 3)), np.array(calibration.d)
    points = pixels.reshape(-1, 1, 2)
    if calibration.distortion_model == 'equidistant':
        rays = cv2.fisheye.undistortPoints(points, matrix, d).reshape(-1, 2)
    else:
        rays = cv2.undistortPoints(points, matrix, d).reshape(-1, 2)
    rays = np.column_stack([rays, np.ones(len(rays))])
    turn, place = rotation(pose.orientation), np.array(pose.position)
    distance = (turn[:, 2] @ place) / (rays @ turn[:, 2])
    on_plane = (distance[:, None] * rays - place) @ turn  # x right, y up, in metres
    side = marker_picture.shape[0]
    per_metre = side / 1.5 / length_m  # the margin is a quarter on each side
    columns = on_plane[:, 0] * per_metre + side / 2 - 0.5
    rows = -on_plane[:, 1] * per_metre + side / 2 - 0.5
    seen = cv2.remap(marker_picture, columns.reshape(height, width).astype(np.float32),
                     rows.reshape(height, width).astype(np.float32), cv2.INTER_AREA,
                     borderMode=cv2.BORDER_CONSTANT, borderValue=128)
    return cv2.cvtColor(cv2.GaussianBlur(seen, (3, 3), 0), cv2.COLOR_GRAY2BGR)


def facing(x, y, z, turned=0.0, tilted=0.0):
    """Return the pose of a marker that faces the camera, turned about its y and its x axis."""
    half = math.pi / 2
    turn = multiply((math.sin(half), 0, 0, math.cos(half)),  # its z comes towards the camera
                    (0, math.sin(turned / 2), 0, math.cos(turned / 2)))
    return Pose((x, y, z), multiply(turn, (math.sin(tilted / 2), 0, 0, math.cos(tilted / 2))))


def multiply(one, other):
    """Return the product of two quaternions x, y, z, w."""
    a, b, c, d = one
    e, f, g, h = other
    return (d * e + a * h + b * g - c * f, d * f - a * g + b * h + c * e,
            d * g + a * f - b * e + c * h, d * h - a * e - b * f - c * g)


def rotation(quaternion):
    """Return the matrix of a quaternion x, y, z, w."""
    x, y, z, w = quaternion
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def angle_between(one, other):
    """Return the angle in degrees between two orientations."""
    dot = abs(sum(a * b for a, b in zip(one, other, strict=True)))
    return math.degrees(2 * math.acos(min(1.0, dot)))
