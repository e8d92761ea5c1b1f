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


"""ArUco and AprilTag markers."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .drawing import draw_detections
from .geometry import box_around
from .lens import project, square_pose
from .opencv import cv2
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.calibration import Calibration
from ..core.errors import PermanentError
from ..core.frame import Image
from ..core.parameters import Parameter, Value

# What every OpenCV since 4.6 has.
DICTIONARIES = (
    *(f'{bits}X{bits}_{count}' for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)),
    'ARUCO_ORIGINAL', 'APRILTAG_16h5', 'APRILTAG_25h9', 'APRILTAG_36h10', 'APRILTAG_36h11')
_YELLOW = (0, 255, 255)
_AXES = (((1, 0, 0), (0, 0, 255)), ((0, 1, 0), (0, 255, 0)), ((0, 0, 1), (255, 0, 0)))
Detector = Callable[[Image], tuple[Any, Any, Any]]


class ArucoProcessor(Processor):
    """
    Find markers and their ids; with a calibrated camera and the markers' size, also their poses.

    The pose is that of the marker's middle: x to its right, y to its top, z out of it.
    """

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter('dictionary', '4X4_50', 'Dictionary of the markers', choices=DICTIONARIES,
                  live=True),
        Parameter('marker_length', 0.05, 'Side length of the black square, which poses need; 0: '
                                         'unknown', 'm', 0, 100,
                  live=True),
    )
    USES_CALIBRATION: ClassVar[bool] = True
    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    @classmethod
    def check(cls, values: Mapping[str, Value]) -> None:  # noqa: ARG003 - not needed
        if not hasattr(cv2, 'aruco'):
            raise PermanentError(
                f"processor 'aruco' needs the module aruco, which this OpenCV {cv2.__version__} "
                'lacks: install python3-opencv with apt, or opencv-contrib-python with pip')

    def configure(self, values: Mapping[str, Value]) -> None:
        self._detect = create_detector(str(values['dictionary']))
        self._length_m = float(values['marker_length'])

    def process(self, image: Image, info: FrameInfo) -> Findings:
        outlines, ids, _ = self._detect(image)
        if ids is None:
            return Findings()
        camera = info.calibration if self._length_m else None
        return Findings([self._marker(str(int(number)), outline.reshape(4, 2), camera)
                         for number, outline in zip(ids.ravel(), outlines, strict=True)],
                        workings=camera)

    def annotate(self, image: Image, findings: Findings) -> Image:
        """Draw the outlines, the ids, and the axes of the poses: x red, y green, z blue."""
        draw_detections(image, findings.detections, _YELLOW)
        for marker in findings.detections:
            if marker.pose is not None and marker.size_m:
                for direction, colour in _AXES:
                    axis = [(0, 0, 0), [marker.size_m / 2 * part for part in direction]]
                    start, end = project(axis, marker.pose, findings.workings)
                    cv2.line(image, _pixel(start), _pixel(end), colour, 3, cv2.LINE_AA)
        return image

    def _marker(self, number: str, outline: Any, camera: Calibration | None) -> Detection:
        corners = [(float(x), float(y)) for x, y in outline]
        pose = square_pose(corners, self._length_m, camera) if camera is not None else None
        return Detection('marker', *box_around(corners), id=number, corners=corners, pose=pose,
                         size_m=self._length_m or None)


def create_detector(dictionary: str) -> Detector:
    """Return a function that returns the corners, the ids (or None) and what was rejected."""
    aruco: Any = cv2.aruco
    markers = aruco.getPredefinedDictionary(getattr(aruco, f'DICT_{dictionary}'))
    new = hasattr(aruco, 'ArucoDetector')  # since 4.7, which has not the functions of before
    settings = aruco.DetectorParameters() if new else aruco.DetectorParameters_create()
    settings.cornerRefinementMethod = aruco.CORNER_REFINE_SUBPIX
    if new:
        detector: Detector = aruco.ArucoDetector(markers, settings).detectMarkers
        return detector
    return lambda image: aruco.detectMarkers(image, markers, parameters=settings)


def _pixel(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])
