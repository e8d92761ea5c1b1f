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
import pytest
from support.vision import create, find, info

GREY, RED, GREEN, BLUE = (120, 120, 120), (20, 20, 210), (30, 200, 30), (210, 60, 20)


def scene(*discs, size=(640, 480)):
    """Return a grey picture with discs: middle, radius, colour."""
    image = np.full((size[1], size[0], 3), GREY, np.uint8)
    for middle, radius, colour in discs:
        cv2.circle(image, middle, radius, colour, -1)
    return image


def hue(colour):
    return int(cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_BGR2HSV)[0, 0, 0])


def test_the_blobs_of_the_color_are_boxed_the_biggest_first():
    image = scene(((120, 200), 20, GREEN), ((400, 300), 60, GREEN), ((300, 100), 50, BLUE))
    findings = find('color', image, hue_min=50, hue_max=70)
    big, small = findings.detections
    assert abs(big.x - 340) <= 2
    assert abs(big.y - 240) <= 2
    assert abs(big.width - 121) <= 3
    assert abs(small.x - 100) <= 2
    assert big.label == small.label == 'color'
    area = np.pi * (20 ** 2 + 60 ** 2) / (640 * 480)
    assert findings.values['color_share'] == pytest.approx(area, rel=0.05)


@pytest.mark.parametrize('colour', [(20, 20, 210), (20, 50, 210), (50, 20, 210)])
def test_a_range_of_hues_may_go_through_red(colour):
    assert hue(colour) <= 10 or hue(colour) >= 170
    image = scene(((200, 200), 50, colour), ((500, 200), 50, GREEN))
    box, = find('color', image, hue_min=170, hue_max=10).detections
    assert abs(box.x - 150) <= 2


def test_the_whole_circle_of_hues_is_every_color_but_grey():
    image = scene(*(((100 + 150 * i, 200), 40, c) for i, c in enumerate((RED, GREEN, BLUE))))
    assert len(find('color', image, hue_min=0, hue_max=179).detections) == 3


def test_saturation_and_value_bound_it_too():
    image = scene(((200, 200), 50, RED))
    for values in ({'saturation_max': 120}, {'value_max': 150}, {'value_min': 230},
                   {'min_area': 0.1}):
        assert find('color', image, **values).detections == []


def test_what_is_larger_than_its_working_size_is_found_where_it_is():
    image = scene(((3000, 1500), 200, RED), size=(3840, 2160))
    box, = find('color', image).detections
    assert abs(box.x - 2800) <= 10
    assert abs(box.width - 400) <= 20


@pytest.mark.parametrize('name', ['saturation', 'value'])
def test_a_range_upside_down_is_refused_with_the_remedy(name):
    with pytest.raises(PermanentError) as caught:
        create('color', **{f'{name}_min': 200, f'{name}_max': 100})
    assert str(caught.value) == (
        f"parameter 'color.{name}_min' is 200 and 'color.{name}_max' 100, so no color lies "
        'between them: swap them')


def test_noise_makes_no_endless_list():
    noise = np.random.default_rng(1).integers(0, 2, (60, 80, 1), np.uint8)
    image = np.where(cv2.resize(noise, (640, 480), interpolation=cv2.INTER_NEAREST)[..., None],
                     np.array(RED, np.uint8), np.array(GREY, np.uint8))
    assert len(find('color', image, min_area=0.0).detections) <= 50


def test_the_outlines_are_drawn():
    image, processor = scene(((200, 200), 50, RED)), create('color')
    shown = processor.annotate(image.copy(), processor.process(image, info(image)))
    assert (shown == (255, 0, 255)).all(axis=2).sum() > 300
