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
from line_follower.processor import LineFollower
import numpy as np
from pi_camera_stream.vision.processor import FrameInfo
import pytest

WIDTH, HEIGHT = 640, 480
INFO = FrameInfo(stamp_ns=0, frame_id='camera', sequence=1, width=WIDTH, height=HEIGHT)


def follower(**values):
    processor = LineFollower()
    processor.configure({**{row.name: row.default for row in processor.PARAMETERS}, **values})
    return processor


def floor(*points, line=40, ground=190):
    """Return a picture of a floor with a line through these points."""
    image = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
    image += np.random.default_rng(1).integers(0, 12, image.shape, np.uint8)
    if points:
        cv2.polylines(image, [np.array(points, np.int32)], False, (line, line, line), 40)
    return image


def bend(direction):
    """Return the points of a curve that leaves to the left (-1) or to the right (1)."""
    return [(320 + direction * round(200 * (step / 10) ** 2), 479 - step * 20)
            for step in range(11)]


@pytest.mark.parametrize('x', [80, 200, 320, 440, 560])
def test_a_straight_line_is_steered_to(x):
    findings = follower().process(floor((x, 479), (x, 0)), INFO)
    expected = (x + 0.5 - WIDTH / 2) / (WIDTH / 2)
    assert findings.values['offset'] == pytest.approx(expected, abs=0.02)
    assert findings.values['steering'] == pytest.approx(-expected, abs=0.02)
    box, = findings.detections
    assert box.label == 'line'
    assert box.x <= x <= box.x + box.width
    assert box.y >= HEIGHT * 0.55


@pytest.mark.parametrize('direction', [-1, 1])
def test_a_bend_is_taken_before_it_is_reached(direction):
    values = follower().process(floor(*bend(direction)), INFO).values
    assert abs(values['offset']) < 0.15  # the line is still in the middle here
    assert values['steering'] * -direction > 0.25  # left is positive


def test_the_line_is_lost_and_found_again():
    processor = follower()
    assert processor.process(floor((320, 479), (320, 0)), INFO).values
    for empty in (floor(), floor((0, 100), (639, 100)), np.zeros((HEIGHT, WIDTH, 3), np.uint8)):
        findings = processor.process(empty, INFO)
        assert (findings.values, findings.detections) == ({}, [])
        assert np.array_equal(processor.annotate(empty.copy(), findings), empty)
    assert processor.process(floor((320, 479), (320, 0)), INFO).values


def test_a_shadow_over_everything_is_no_line():
    image = floor()
    image[:, :450] = 30
    assert follower().process(image, INFO).values == {}


def test_a_light_line_on_a_dark_floor():
    image = floor((160, 479), (160, 0), line=230, ground=50)
    assert follower(line='light').process(image, INFO).values['steering'] == pytest.approx(
        0.5, abs=0.03)


def test_the_gain_makes_it_steer_more_but_never_beyond_the_end():
    image = floor((160, 479), (160, 0))
    assert follower(gain=0.5).process(image, INFO).values['steering'] == pytest.approx(
        0.25, abs=0.02)
    assert follower(gain=10.0).process(image, INFO).values['steering'] == 1


def test_the_arrow_is_drawn():
    processor, image = follower(), floor((320, 479), (320, 0))
    shown = processor.annotate(image.copy(), processor.process(image, INFO))
    assert (shown == (0, 0, 255)).all(axis=2).sum() > 500
