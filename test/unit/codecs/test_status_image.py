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
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs.limits import check_jpeg
from pi_camera_stream.codecs.status_image import status_image
from pi_camera_stream.core.frame import EncodedImage
import pytest
from support import pictures

LINES = ('NO SIGNAL for 3 s', '/camera/image_raw/compressed', 'the last picture was at 12:04')
SIZES = ((64, 48), (96, 64), (160, 120), (320, 240), (640, 480), (480, 854), (1920, 1080),
         (3840, 2160))


def shown(width, height, lines=LINES, background=None):
    data = status_image(width, height, lines, background)
    header = check_jpeg(data)
    assert (header.width, header.height) == (width, height)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def ink(image):
    """Return where text is: bright pixels."""
    return image.max(axis=2) > 120


def bands(image):
    """Return the heights of the rows of text, from above, in pixels."""
    rows = np.concatenate(([0], ink(image).any(axis=1), [0])).astype(int)
    starts, ends = np.flatnonzero(np.diff(rows) == 1), np.flatnonzero(np.diff(rows) == -1)
    return list(ends - starts)


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_text_stands_in_the_middle_and_inside(width, height):
    image = shown(width, height)
    rows, columns = np.nonzero(ink(image))
    assert rows.size > 0.01 * width * height
    assert abs(columns.min() + columns.max() + 1 - width) <= max(4, 0.03 * width)
    assert abs(rows.min() + rows.max() + 1 - height) <= 0.2 * height
    assert columns.min() >= 1
    assert columns.max() < width - 1
    assert rows.min() >= 1
    assert rows.max() < height - 1


@pytest.mark.parametrize(('width', 'height'), SIZES[4:])
def test_the_first_line_is_the_largest_and_has_a_colour_of_its_own(width, height):
    image = shown(width, height)
    heights = bands(image)
    assert len(heights) == 3
    assert heights[0] > 1.15 * max(heights[1:])
    first = np.flatnonzero(ink(image).any(axis=1))[0]
    title, text = image[first:first + heights[0]], image[first + heights[0]:]
    blue, _, red = title[ink(title)].mean(axis=0)
    assert red - blue > 60
    blue, _, red = text[ink(text)].mean(axis=0)
    assert abs(red - blue) < 20


def test_a_long_line_shrinks_to_fit():
    short, long = '/camera', '/robots/warehouse_7/front/stereo_camera/image_rect_color/compressed'
    heights = [bands(shown(640, 480, ['', line])) for line in (short, long)]
    assert len(heights[1]) == 1
    assert heights[1][0] < heights[0][0]
    columns = np.flatnonzero(ink(shown(640, 480, ['', long])).any(axis=0))
    assert columns[0] > 5
    assert columns[-1] < 635


def test_a_small_picture_breaks_lines_rather_than_making_them_illegible():
    assert len(bands(shown(64, 64, ['NO SIGNAL for 300 s']))) == 2
    assert len(bands(shown(64, 120, ['', '/camera/image_raw/compressed']))) >= 2
    assert min(bands(shown(64, 120, LINES))) >= 4


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_a_word_that_can_be_neither_broken_nor_shrunk_is_shortened(width, height):
    image = shown(width, height, ['x' * 5000])
    columns = np.flatnonzero(ink(image).any(axis=0))
    assert columns.size
    assert columns[0] >= 1
    assert columns[-1] < width - 1


def test_what_does_not_fit_below_is_left_out_but_never_the_first_line():
    image = shown(640, 480, [f'line {number}' for number in range(100)])
    assert 10 < len(bands(image)) < 40
    assert np.array_equal(image[:, :100], shown(640, 480, ['line 0'] * 100)[:, :100])
    assert ink(shown(64, 8, LINES)).any()


def test_without_lines_it_is_dark():
    for lines in ((), ('',), (' ', '')):
        assert shown(160, 120, lines).max() < 50


@pytest.mark.parametrize('letter', [
    'é', 'ß', '日', '\n', '\t', '\0', '\x7f', '\udc80', '\U0001f600'])
def test_what_opencv_cannot_draw_becomes_a_question_mark(letter):
    assert status_image(320, 240, [f'Caf{letter} off']) == status_image(320, 240, ['Caf? off'])


@pytest.mark.parametrize('grey', [False, True])
@pytest.mark.parametrize('as_jpeg', [False, True])
def test_the_background_is_seen_in_grey_at_a_third(grey, as_jpeg):
    picture = np.full((240, 320, 3), (30, 120, 240), np.uint8)
    picture[:, :160] = 90
    brightness = (90 // 3, round((0.114 * 30 + 0.587 * 120 + 0.299 * 240) / 3))
    if grey:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    before = picture.copy()
    background = EncodedImage(cv2.imencode('.jpg', picture)[1].tobytes()) if as_jpeg else picture
    image = shown(640, 480, LINES, background).astype(int)
    assert np.array_equal(picture, before)
    for column, expected in zip((100, 540), brightness, strict=True):
        assert np.abs(image[20:60, column - 50:column + 50] - expected).max() <= 4
    assert ink(image).any()


def test_a_background_of_another_shape_is_not_distorted():
    square = np.full((200, 200), 240, np.uint8)
    image = shown(640, 480, [], square)
    assert abs(int((image[240] > 60).all(axis=1).sum()) - 480) <= 8
    assert (image[:, 320] > 60).all()


@pytest.mark.parametrize('background', [b'', b'not a picture', pictures.jpeg()[:100]])
def test_a_background_that_cannot_be_decoded_is_left_out(background):
    assert status_image(320, 240, LINES, EncodedImage(background)) == status_image(320, 240, LINES)


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.text(max_size=400), max_size=6),
       st.booleans())
def test_any_text_in_any_size(width, height, lines, over):
    shown(width, height, lines, pictures.image(7, 300) if over else None)


@settings(deadline=None)
@given(st.text(' /a', min_size=100, max_size=400), st.integers(1, 100))
def test_whatever_breaks_a_line(line, width):
    shown(width, 48, [line])
