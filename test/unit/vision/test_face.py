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
from types import SimpleNamespace

import cv2
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.vision import face
import pytest
from support import tiny_yunet
from support.pictures import portrait
from support.vision import create, find, info

VERSION = tuple(map(int, cv2.__version__.split('.')[:2]))


def test_a_face_is_found_or_it_is_said_what_that_needs(missing):
    """OpenCV 4 has the Haar cascades, OpenCV 5 has not; script/test has both."""
    image = portrait()
    if image is None:
        missing('neither matplotlib nor python-matplotlib-data, which have a portrait, is there')
    if VERSION >= (5, 0):
        with pytest.raises(PermanentError, match=r"set 'face\.model' to a .* or use OpenCV 4$"):
            create('face')
        return
    processor = create('face')
    found, = processor.process(image, info(image)).detections
    assert found.label == 'face'
    height, width = image.shape[:2]
    assert 0.3 * width < found.x + found.width / 2 < 0.7 * width
    assert 0.1 * height < found.y + found.height / 2 < 0.5 * height
    assert 0.2 * width < found.width < 0.6 * width
    shown = processor.annotate(image.copy(), processor.process(image, info(image)))
    assert (shown == (0, 255, 0)).all(axis=2).any()
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    larger, = find('face', large).detections
    assert larger.width == pytest.approx(3 * found.width, rel=0.2)
    assert find('face', image, min_size=0.9).detections == []
    assert find('face', np.full((480, 640, 3), 90, np.uint8)).detections == []


def test_a_missing_cascade_is_explained(monkeypatch):
    monkeypatch.setattr(cv2, 'CascadeClassifier', object, raising=False)
    monkeypatch.setattr(cv2, 'data', SimpleNamespace(haarcascades='/nowhere/'), raising=False)
    monkeypatch.setattr(face, '_FOLDERS', ())
    with pytest.raises(PermanentError, match=r'or install opencv-data with apt$'):
        create('face')


@pytest.fixture
def model(tmp_path):
    path = tmp_path / 'tiny.onnx'
    path.write_bytes(tiny_yunet.model() if VERSION >= (4, 8) else tiny_yunet.old_model())
    return str(path)


def patches(*places, size=(320, 320)):
    """Return a black picture with white squares, each a face to the tiny model."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y in places:
        image[y:y + 32, x:x + 32] = 255
    return image


def test_a_model_finds_faces_where_they_are(model):
    found = find('face', patches((64, 96), (224, 192)), model=model).detections
    half = tiny_yunet.FACE / 2
    assert {(box.x, box.y, box.width, box.height) for box in found} == {
        (80 - half, 112 - half, 64, 64), (240 - half, 208 - half, 64, 64)}
    assert [box.score for box in found] == pytest.approx([1, 1], abs=0.001)


def test_a_model_works_on_a_smaller_picture_and_counts_in_the_original(model):
    image = cv2.resize(patches((64, 96), size=(640, 320)), (2560, 1280))
    box, = find('face', image, model=model).detections
    assert (box.x, box.y, box.width) == (4 * 48, 4 * 80, 4 * 64)
    assert find('face', image, model=model, min_size=0.2).detections == []


def test_faces_that_the_model_is_not_sure_of_do_not_count(model):
    image = patches((64, 96)) // 2  # half as bright: a score of 0.7
    assert len(find('face', image, model=model, min_score=0.6).detections) == 1
    assert find('face', image, model=model, min_score=0.8).detections == []


@pytest.mark.parametrize(('content', 'sentence'), [
    (None, r'there is no file .*/bad\.onnx.: give the path of a YuNet model, or leave it empty'),
    (b'', 'finds no faces with .*: give the path of a YuNet model such as'),
    (b'nonsense' * 100, 'finds no faces with .*: give the path of a YuNet model such as'),
])
def test_what_is_no_model_is_explained(tmp_path, content, sentence):
    path = tmp_path / 'bad.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=sentence):
        create('face', model=str(path))
