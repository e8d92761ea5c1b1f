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
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.core import block_code
from pi_camera_stream.core.block_code import BlockCode
import pytest
from support import pictures

CODES = st.builds(BlockCode, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))


@given(CODES, st.sampled_from([(640, 480), (1280, 720), (320, 240), (333, 251), (96, 80)]))
def test_what_was_drawn_is_read(code, size):
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    block_code.draw(image, code)
    assert block_code.read(image) == code
    assert block_code.read(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)) == code


@pytest.mark.parametrize('quality', [10, 50, 90])
@pytest.mark.parametrize('size', [(1280, 720), (640, 360), (320, 180)])
def test_it_survives_strong_compression_and_another_size(quality, size):
    image, code = pictures.image(1280, 720), BlockCode(123456, 1_795_000_000_123_456)
    block_code.draw(image, code)
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode('.jpg', scaled, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    assert block_code.read(cv2.imdecode(data, cv2.IMREAD_COLOR)) == code


def test_a_picture_without_the_code_has_none():
    assert block_code.read(pictures.image(640, 480)) is None
    assert block_code.read(np.zeros((4, 4, 3), np.uint8)) is None


def test_only_the_lower_band_is_drawn_into():
    image = np.full((100, 160, 3), 90, np.uint8)
    block_code.draw(image, BlockCode(1, 2))
    assert (image[:72] == 90).all()
