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


import math

import cv2
import numpy as np
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
from pi_camera_stream.codecs.rate_controlled_encoder import RateControlledEncoder
from pi_camera_stream.core.frame import Frame, JPEG
import pytest

INTERVAL_S = 1 / 30
WIDTH, HEIGHT = 640, 360


def photo(number=0):
    """Return blurred noise, about as hard to compress as a photograph."""
    noise = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


PHOTOS = [photo(number) for number in range(4)]
JPEGS = [encode_jpeg(image, 85) for image in PHOTOS]
FULL_BPS = len(JPEGS[0]) * 8 / INTERVAL_S


def encode(encoder, pictures, bps, count=40):
    """Return what came of each of `count` pictures."""
    return [encode_one(encoder, pictures[number % len(pictures)], bps) for number in range(count)]


def encode_one(encoder, picture, bps):
    encoder.bitrate_bps, encoder.interval_s = bps, INTERVAL_S
    result = encoder.fit(Frame(picture, 7, 8, WIDTH, HEIGHT)) \
        if isinstance(picture, bytes) else encoder.encode(picture, 7, 8)
    assert result is None or (result.stamp_ns, result.sequence, result.codec) == (7, 8, JPEG)
    return result


def rate(results):
    """Return bits a second."""
    return sum(len(r.data) for r in results if r) * 8 / (len(results) * INTERVAL_S)


def test_a_jpeg_that_fits_passes_as_it_is():
    encoder = RateControlledEncoder(80)
    assert encode(encoder, JPEGS, math.inf, 1)[0].data is JPEGS[0]
    assert encoder.spec is None


def test_an_image_is_encoded_with_the_quality_asked_for_where_there_is_room():
    encoder = RateControlledEncoder(80)
    assert encode(encoder, PHOTOS, math.inf, 1)[0].data == encode_jpeg(PHOTOS[0], 80)
    encoder.quality = 30
    assert encode(encoder, PHOTOS, math.inf, 1)[0].data == encode_jpeg(PHOTOS[0], 30)


@pytest.mark.parametrize('pictures', [PHOTOS, JPEGS], ids=['images', 'JPEGs'])
@pytest.mark.parametrize('part', [0.7, 0.4, 0.2, 0.1, 0.05, 0.02])
def test_the_bit_rate_is_kept_and_used(pictures, part):
    encoder = RateControlledEncoder(80)
    encode(encoder, pictures, part * FULL_BPS)  # it learns
    results = encode(encoder, pictures, part * FULL_BPS)
    assert 0.5 * part < rate(results) / FULL_BPS < 1.15 * part
    for result in results:
        if result:
            header = read_header(result.data)
            assert (header.width, header.height) == (result.width, result.height)


def test_quality_goes_first_then_pixels_then_pictures():
    encoder = RateControlledEncoder(80)
    plans = []
    for part in (0.7, 0.3, 0.1, 0.02, 0.005):
        results = encode(encoder, PHOTOS, part * FULL_BPS)
        plans.append((encoder.spec.scale, encoder.spec.quality, results.count(None)))
    assert plans[0][0] == 1 and plans[0][1] < 80
    assert 1 > plans[1][0] > plans[2][0]
    assert [left_out for *_, left_out in plans[:3]] == [0, 0, 0]
    assert plans[-1][2] > 20
    assert encoder.left_out >= plans[-1][2]


def test_all_comes_back_when_there_is_room_again():
    encoder = RateControlledEncoder(80)
    encode(encoder, PHOTOS, 0.02 * FULL_BPS)
    results = encode(encoder, PHOTOS, 10 * FULL_BPS)
    assert results[-1].data == encode_jpeg(PHOTOS[3], 80)
    assert encoder.spec is None


def test_where_encoding_again_takes_too_long_pictures_are_left_out(monkeypatch):
    encoder = RateControlledEncoder(80)
    now_s = [0.0]

    def slow():
        now_s[0] += 1.0
        return now_s[0]
    monkeypatch.setattr('pi_camera_stream.codecs.rate_controlled_encoder.time.thread_time', slow)
    results = encode(encoder, JPEGS, 0.5 * FULL_BPS, 60)[20:]
    assert all(result.data in JPEGS for result in results if result)
    assert 15 <= results.count(None) <= 25


def test_what_cannot_be_decoded_is_refused():
    encoder = RateControlledEncoder(80)
    with pytest.raises(ValueError, match='JPEG'):
        encode_one(encoder, bytes(len(JPEGS[0])), 0.5 * FULL_BPS)


def test_grey_stays_grey():
    grey = cv2.cvtColor(PHOTOS[0], cv2.COLOR_BGR2GRAY)
    encoder = RateControlledEncoder(80)
    for part in (1.0, 0.1):
        result = encode_one(encoder, grey, part * FULL_BPS)
        assert read_header(result.data).components == 1
