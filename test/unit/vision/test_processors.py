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
import pytest
from support import pictures
from support.vision import create, find, info, qr_code, READS_CODES

READY = [name for name in registry.NAMES if name != 'face' and (name != 'qr' or READS_CODES)]


def scene(x, width=640, height=480):
    """Return a picture with a bright square whose left upper corner is at (x, 200)."""
    image = np.full((height, width, 3), 40, np.uint8)
    cv2.rectangle(image, (x, 200), (x + 79, 279), (220, 220, 220), -1)
    return image


def watch(processor, *positions):
    """Let the square be at one position after the other; return what was found at the last."""
    for x in positions:
        image = scene(x)
        findings = processor.process(image, info(image))
    return findings


def test_motion_boxes_what_moves_and_nothing_else():
    box, = watch(create('motion'), *range(0, 500, 20)).detections
    assert box.label == 'moving'
    assert abs(box.y - 200) < 15
    assert abs(box.y + box.height - 280) < 15
    assert box.x - 15 < 480 < box.x + box.width + 15


def test_a_still_scene_has_no_motion():
    processor = create('motion')
    assert [watch(processor, 100).detections for _ in range(30)] == [[]] * 30


def test_motion_starts_anew_with_another_size():
    processor = create('motion')
    watch(processor, *range(0, 500, 20))
    image = pictures.image(320, 240)
    assert processor.process(image, info(image)).detections == []


def test_motion_keeps_its_background_when_the_smallest_area_changes():
    processor = create('motion')
    watch(processor, *range(0, 400, 20))
    processor.configure({'min_area': 0.5})
    assert watch(processor, 420).detections == []
    processor.configure({'min_area': 0.002})
    assert len(watch(processor, 440).detections) == 1


def test_edges_are_where_the_outline_is():
    processor, image = create('edges'), scene(100)
    findings = processor.process(image, info(image))
    outline = 4 * 80 / (640 * 480)
    assert findings.values['edge_share'] == pytest.approx(outline, rel=0.3)
    shown = processor.annotate(image.copy(), findings)
    green = (shown == (0, 255, 0)).all(axis=2)
    rows, columns = np.nonzero(green)
    assert abs(rows.min() - 200) <= 3
    assert abs(columns.max() - 179) <= 3


def test_edges_below_the_thresholds_do_not_count():
    assert find('edges', scene(100), low=1000.0, high=1000.0).values == {'edge_share': 0}


@pytest.mark.parametrize('name', READY)
def test_every_processor_leaves_its_picture_alone_and_can_show_its_findings(name):
    processor = create(name)
    for seed in range(15):
        image = pictures.image(640, 480, seed)
        before = image.copy()
        findings = processor.process(image, info(image))
        assert np.array_equal(image, before)
    assert processor.annotate(image, findings).shape == image.shape


@pytest.mark.parametrize('name', READY)
@pytest.mark.parametrize('size', [(1, 1), (2, 300), (500, 3), (16, 16)])
def test_no_processor_minds_the_smallest_of_pictures(name, size):
    image = pictures.image(*size)
    processor = create(name)
    findings = processor.process(image, info(image))
    assert processor.annotate(image.copy(), findings).shape == image.shape


def test_a_qr_code_is_read_or_it_is_said_what_that_needs():
    image = qr_code()
    if not READS_CODES:
        with pytest.raises(PermanentError, match=r"reads QR codes.* install '.*' with pip$"):
            create('qr')
        return
    processor = create('qr')
    findings = processor.process(image, info(image))
    found, = findings.detections
    assert found.label == 'go to dock 3'
    assert len(found.corners) == 4
    assert 100 <= found.x < 140
    assert 60 <= found.y < 100
    assert abs(found.width - found.height) <= 4
    assert not np.array_equal(processor.annotate(image.copy(), findings), image)
