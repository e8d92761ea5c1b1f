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

import cv2
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.vision import registry
from pi_camera_stream.vision.edges import EdgesProcessor
from pi_camera_stream.vision.motion import MotionProcessor
from pi_camera_stream.vision.processor import Processor
import pytest
from support import pictures


def scene(x, width=640, height=480):
    """Return a picture with a bright square whose left upper corner is at (x, 200)."""
    image = np.full((height, width, 3), 40, np.uint8)
    cv2.rectangle(image, (x, 200), (x + 79, 279), (220, 220, 220), -1)
    return image


def test_motion_boxes_what_moves_and_nothing_else():
    processor = MotionProcessor()
    for x in range(0, 500, 20):
        findings = processor.process(scene(x))
    assert len(findings.detections) == 1
    box = findings.detections[0]
    assert box.label == 'moving'
    assert abs(box.y - 200) < 15
    assert abs(box.y + box.height - 280) < 15
    assert box.x - 15 < 480 < box.x + box.width + 15


def test_a_still_scene_has_no_motion():
    processor = MotionProcessor()
    found = [processor.process(scene(100)).detections for _ in range(30)]
    assert found == [[]] * 30


def test_motion_starts_anew_with_another_size():
    processor = MotionProcessor()
    for x in range(0, 500, 20):
        processor.process(scene(x))
    assert processor.process(pictures.image(320, 240)).detections == []


def test_edges_are_where_the_outline_is():
    processor = EdgesProcessor()
    image = scene(100)
    findings = processor.process(image)
    outline = 4 * 80 / (640 * 480)
    assert findings.values['edge_share'] == pytest.approx(outline, rel=0.3)
    shown = processor.annotate(image.copy(), findings)
    green = (shown == (0, 255, 0)).all(axis=2)
    rows, columns = np.nonzero(green)
    assert abs(rows.min() - 200) <= 3
    assert abs(columns.max() - 179) <= 3


@pytest.mark.parametrize('name', registry.NAMES)
def test_every_processor_leaves_its_picture_alone_and_can_show_its_findings(name):
    processor = registry.create_processor(name)
    assert isinstance(processor, Processor)
    for seed in range(15):
        image = pictures.image(640, 480, seed)
        before = image.copy()
        findings = processor.process(image)
        assert np.array_equal(image, before)
    assert processor.annotate(image, findings).shape == image.shape


def test_an_unknown_processor_is_explained():
    with pytest.raises(PermanentError, match='choose one of edges, motion'):
        registry.create_processor('magic')
