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


"""Faces."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .drawing import draw_detections
from .geometry import enlarge, shrink
from .opencv import cv2
from .processor import Detection, Findings, FrameInfo, Processor
from ..core.errors import PermanentError
from ..core.frame import Image, image_size
from ..core.parameters import Parameter, Value

_CASCADE = 'haarcascade_frontalface_default.xml'
_FOLDERS = ('/usr/share/opencv4/haarcascades', '/usr/share/opencv/haarcascades')  # opencv-data
_WORK_WIDTH = 640  # pixels
_GREEN = (0, 255, 0)
Found = list[tuple[tuple[float, ...], float | None]]  # x, y, width, height, and the score


class FaceProcessor(Processor):
    """Find faces: with a YuNet model where one is given, else with OpenCV's Haar cascade."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter('model', '', 'YuNet model of OpenCV Zoo, `face_detection_yunet_2023mar.onnx` '
                               '(before OpenCV 4.8 `…_2022mar.onnx`), which finds more faces; '
                               "empty: OpenCV's Haar cascade, which OpenCV 5 no longer has",
                  live=True),
        Parameter('min_score', 0.7, 'Minimum confidence of the model', '', 0, 1, live=True),
        Parameter('min_size', 0.05, "Minimum width of a face, as a fraction of the frame's",
                  '', 0, 1, live=True),
    )
    NEEDS_SUBSCRIBER: ClassVar[bool] = True

    @classmethod
    def check(cls, values: Mapping[str, Value]) -> None:
        if values['model']:
            _create_yunet(values)(np.zeros((320, 320, 3), np.uint8))
        else:
            _find_cascade()

    def configure(self, values: Mapping[str, Value]) -> None:
        self._detect = _create_yunet(values) if values['model'] else _create_cascade(values)
        self._min_size = float(values['min_size'])

    def process(self, image: Image, info: FrameInfo) -> Findings:  # noqa: ARG002 - not needed
        small, scale = shrink(image, _WORK_WIDTH)
        smallest = self._min_size * small.shape[1]
        return Findings([Detection('face', *enlarge(box, scale), score=score)
                         for box, score in self._detect(small) if box[2] >= smallest])

    def annotate(self, image: Image, findings: Findings) -> Image:
        draw_detections(image, findings.detections, _GREEN)
        return image


def _create_yunet(values: Mapping[str, Value]) -> Callable[[Image], Found]:
    """Return a function that detects faces with the model, and refuses what is none."""
    path = Path(str(values['model'])).expanduser()
    if not path.is_file():
        raise PermanentError(f"parameter 'face.model': there is no file '{path}': give the path "
                             'of a YuNet model, or leave it empty')
    try:
        detector: Any = cv2.FaceDetectorYN.create(str(path), '', (320, 320),
                                                  float(values['min_score']))
    except (cv2.error, AttributeError) as error:
        raise PermanentError(_no_model(path)) from error

    def detect(image: Image) -> Found:
        detector.setInputSize(image_size(image))
        try:
            _, faces = detector.detect(image)
        except cv2.error as error:
            raise PermanentError(_no_model(path)) from error
        return [] if faces is None else [
            (tuple(map(float, face[:4])), float(face[14])) for face in faces]

    return detect


def _no_model(path: Path) -> str:
    return (f"parameter 'face.model': OpenCV {cv2.__version__} finds no faces with '{path}': give "
            'the path of a YuNet model such as face_detection_yunet_2023mar.onnx')


def _create_cascade(values: Mapping[str, Value]) -> Callable[[Image], Found]:
    cascade = getattr(cv2, 'CascadeClassifier')(  # noqa: B009 - OpenCV 5 has none
        str(_find_cascade()))

    def detect(image: Image) -> Found:
        grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
        side = max(1, round(float(values['min_size']) * image.shape[1]))
        faces = cascade.detectMultiScale(grey, scaleFactor=1.2, minNeighbors=5,
                                         minSize=(side, side))
        return [(tuple(map(float, face)), None) for face in faces]

    return detect


def _find_cascade() -> Path:
    folders = [folder for folder in (getattr(getattr(cv2, 'data', None), 'haarcascades', ''),
                                     *_FOLDERS) if folder]
    for folder in folders if hasattr(cv2, 'CascadeClassifier') else ():
        path = Path(folder) / _CASCADE
        if path.is_file():
            return path
    remedy = 'install opencv-data with apt' if hasattr(cv2, 'CascadeClassifier') else \
        'use OpenCV 4'
    raise PermanentError(
        f"processor 'face' finds no Haar cascade of OpenCV {cv2.__version__}: set 'face.model' to "
        f'a YuNet model such as face_detection_yunet_2023mar.onnx of OpenCV Zoo, or {remedy}')
