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

"""A picture that claims to be enormous reaches no decoder; where it may, the same picture does."""

import cv2
import numpy as np
from pi_camera_stream.codecs import still_image
from pi_camera_stream.codecs.jpeg_codec import decode_jpeg
from pi_camera_stream.codecs.rate_controlled_encoder import RateControlledEncoder
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.codecs.status_image import status_image
from pi_camera_stream.core.frame import EncodedImage, Frame, image_size
from pi_camera_stream.core.rendition_spec import RenditionSpec
import pytest
from support import bombs, pictures

JPEG = pictures.jpeg(64, 48)
PNG = cv2.imencode('.png', pictures.image(64, 48))[1].tobytes()
FEWER = 64 * 48 - 1


@pytest.fixture
def decoded(monkeypatch):
    """Return the sizes of all pictures that OpenCV has been asked for."""
    sizes, imdecode = [], cv2.imdecode

    def noted(data, flags):
        image = imdecode(data, flags)
        sizes.append(image_size(image))
        return image
    monkeypatch.setattr(cv2, 'imdecode', noted)
    return sizes


def test_a_jpeg(decoded):
    for data in (bombs.jpeg(), bombs.jpeg(bombs.LARGEST), bombs.hidden_jpeg(), bombs.gif()):
        assert decode_jpeg(data) is None
        assert decode_jpeg(data, 8, grey=True) is None
    assert decode_jpeg(JPEG, max_pixels=FEWER) is None
    assert decoded == []
    assert decode_jpeg(JPEG).shape == (48, 64, 3)


@pytest.mark.parametrize('data', [
    bombs.png(), bombs.png(bombs.LARGEST), bombs.depth_png(), bombs.png_of_one_part(),
    bombs.moving_png(bombs.LARGEST, bombs.LARGEST)])
def test_a_png(decoded, data):
    with pytest.raises(ValueError, match=r'^it '):
        still_image.decode(data)
    with pytest.raises(ValueError, match="'max_pixels' allows 3071"):
        still_image.decode(PNG, FEWER)
    assert decoded == []
    assert still_image.decode(bytes(12) + PNG).shape == (48, 64, 3)


def test_renditions(decoded):
    specs = [RenditionSpec(scale=0.25), RenditionSpec(scale=0.5)]
    for data in (bombs.jpeg(), bombs.jpeg(bombs.LARGEST)):
        with pytest.raises(ValueError, match=r'^it has '):
            RenditionEncoder().encode(EncodedImage(data), *bombs.LARGEST, specs, 1, 1)
    with pytest.raises(ValueError, match="'max_pixels' allows 3071"):
        RenditionEncoder(FEWER).encode(EncodedImage(JPEG), 64, 48, specs, 1, 1)
    assert decoded == []
    assert len(RenditionEncoder(FEWER + 1).encode(
        EncodedImage(JPEG), 64, 48, specs, 1, 1)) == 2


def test_what_shall_fit_a_bit_rate(decoded):
    for data, most in ((bombs.jpeg(), 10**9), (JPEG, FEWER)):
        encoder = RateControlledEncoder(80, most)
        encoder.bitrate_bps, encoder.interval_s = 40_000.0, 0.1
        with pytest.raises(ValueError, match="'max_pixels' allows"):
            encoder.fit(Frame(data, 1, 1, 64, 48))
    assert decoded == []


def test_the_background_of_a_status_picture(decoded):
    plain = status_image(64, 48, ['NO SIGNAL'])
    for data in (bombs.jpeg(), bombs.jpeg(bombs.LARGEST), bombs.hidden_jpeg(), bombs.gif()):
        assert status_image(64, 48, ['NO SIGNAL'], EncodedImage(data)) == plain
    assert decoded == []


@pytest.mark.parametrize('size', [(1920, 1080), (1000, 2000), (64, 1000), (3000, 48)])
def test_a_large_background_is_decoded_no_larger_than_needed(decoded, size):
    picture = np.full((*size[::-1], 3), 240, np.uint8)
    jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
    made = status_image(320, 240, [''], EncodedImage(jpeg))
    width, height = decoded[0]
    scale = min(320 / size[0], 240 / size[1])
    assert width <= size[0]
    assert height <= size[1]
    assert width >= min(1, scale) * size[0]
    assert width < 2 * scale * size[0] + 8 or width == size[0]
    image = cv2.imdecode(np.frombuffer(made, np.uint8), 0)
    assert abs(int(image[120, 160]) - 80) < 5
