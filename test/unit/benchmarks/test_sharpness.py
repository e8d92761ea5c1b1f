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
import struct

from benchmarks.video import scene
from benchmarks.video.decoding import luma
from benchmarks.video.page import HEAD
from benchmarks.video.sharpness import look, psnr_db, Sharpness, Source, ssim
import cv2
import numpy as np
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
import pytest

WIDTH, HEIGHT = 320, 180


@pytest.fixture(scope='module')
def pictures():
    return list(scene.pictures(WIDTH, HEIGHT))


def test_the_scene_is_a_round_without_a_cut_of_pictures_that_all_differ(pictures):
    assert len(pictures) == scene.COUNT
    assert {picture.shape for picture in pictures} == {(HEIGHT, WIDTH, 3)}
    again = next(scene.pictures(WIDTH, HEIGHT))
    assert (again == pictures[0]).all()
    steps = [float(np.mean(cv2.absdiff(one, other)))
             for one, other in zip(pictures, [*pictures[1:], pictures[0]], strict=True)]
    assert min(steps) > 3
    assert steps[-1] < 1.5 * np.median(steps)


def test_the_same_picture_is_as_sharp_as_can_be(pictures):
    one = luma(pictures[0])
    assert ssim(one, one) == pytest.approx(1)
    assert psnr_db(one, one) == math.inf


def test_psnr_is_that_of_a_known_error():
    dark = np.full((40, 40), 50, np.uint8)
    assert psnr_db(dark, dark + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr_db(dark * 0, dark * 0 + 255) == pytest.approx(0)


def test_ssim_of_flat_pictures_is_that_of_their_brightness():
    one, other = np.full((40, 40), 100, np.uint8), np.full((40, 40), 150, np.uint8)
    expected = (2 * 100 * 150 + 2.55**2) / (100**2 + 150**2 + 2.55**2)
    assert ssim(one, other) == pytest.approx(expected, abs=1e-4)


def test_blur_is_seen(pictures):
    one = luma(pictures[0])
    slightly, much = (cv2.GaussianBlur(one, (0, 0), sigma) for sigma in (0.7, 3.0))
    assert ssim(one, much) < ssim(one, slightly) < 1
    assert psnr_db(one, much) < psnr_db(one, slightly)


def test_the_original_of_a_blurred_picture_is_found(pictures):
    lumas = [luma(picture) for picture in pictures]
    source = Source(lumas)
    assert source.size == (WIDTH, HEIGHT)
    for number in (0, 1, 77):
        found = source.find(np.asarray(cv2.GaussianBlur(lumas[number], (0, 0), 2), np.uint8))
        assert (found == lumas[number]).all()


def message(codec, key, sequence, data):
    payload = HEAD.pack(1, 5 * codec, codec, int(key), sequence, sequence * 1000) + data
    return struct.pack('>I', len(payload)) + payload


def test_what_a_page_has_kept_is_compared_with_its_source(pictures, tmp_path):
    encoder = H264Encoder(1e6, 30)
    kept = [message(0, False, 1, encode_jpeg(cv2.resize(pictures[0], None, fx=0.2, fy=0.2), 80))]
    for number in range(1, 13):
        if number == 8:
            encoder.request_key_frame()
        frame = encoder.encode(pictures[number], 0)
        kept.append(message(1, frame.key, number + 1, frame.data))
    path = tmp_path / 'kept'
    path.write_bytes(b''.join(kept))
    source = Source([luma(picture) for picture in pictures])
    shown = look(path, source)
    assert [one.h264 for one in shown] == [False] + 12 * [True]
    assert [one.key for one in shown] == [False, True, *6 * [False], True, *4 * [False]]
    assert shown[0].ssim < 0.9 < min(one.ssim for one in shown[1:])
    assert [one.stamp_ns for one in look(path, source, since_ns=12_000)] == [12_000, 13_000]
    assert len(look(path, source, every=4)) == 4
    seen = Sharpness.of(shown)
    assert (seen.count, seen.keys) == (13, 2)
    assert seen.least_ssim == shown[0].ssim < seen.ssim
    assert seen.least_psnr_db <= seen.psnr_db
    assert seen.kb == pytest.approx(sum(map(len, kept)) / 13e3, rel=0.1)


def test_what_cannot_be_decoded_is_left_out(tmp_path):
    path = tmp_path / 'kept'
    path.write_bytes(message(1, True, 1, b'\0\0\0\1\x65rubbish') + message(0, False, 2, b'no'))
    assert look(path, Source([np.zeros((180, 320), np.uint8)])) == []
