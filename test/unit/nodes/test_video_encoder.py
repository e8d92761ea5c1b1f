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
from pi_camera_stream.codecs import h264, h264_effort
from pi_camera_stream.codecs.h264_decoder import H264Decoder
from pi_camera_stream.codecs.jpeg import JpegHeader
from pi_camera_stream.codecs.limits import MAX_PIXELS
from pi_camera_stream.core.frame import EncodedImage
from pi_camera_stream.nodes.camera.video_encoder import VideoEncoder, VideoImage
import pytest

PICTURE = np.random.default_rng(1).integers(0, 255, (240, 320, 3)).astype(np.uint8)
JPEG = cv2.imencode('.jpg', PICTURE)[1].tobytes()


def picture(content=PICTURE, interval_s=1 / 30, size=(320, 240)):
    return VideoImage(content, JpegHeader(*size, 3), 1_000_000_000, 'lens', interval_s)


@pytest.fixture
def encoder():
    return VideoEncoder(6e6, MAX_PIXELS)


@pytest.mark.parametrize('content', [PICTURE, EncodedImage(JPEG)])
def test_too_slow_is_smaller_then_nothing_and_each_is_said_once(encoder, monkeypatch, content):
    monkeypatch.setattr(h264_effort, '_JUDGED_S', 0.1)
    monkeypatch.setattr(h264_effort, '_RETRY_S', 1e6)
    hurried = picture(content, interval_s=1e-5)
    widths, said = [], []
    for _ in range(10_000):
        frame, sentence = encoder.encode(hurried)
        said += [sentence] if sentence else []
        if frame is None:
            break
        widths.append(frame.width)
    assert list(dict.fromkeys(widths)) == [320, 160, 80]
    assert len(said) == 3
    assert said[0].startswith('H.264 is encoded in a smaller size, because this processor takes')
    assert said[2].startswith('H.264 is not encoded, because this processor takes')
    assert encoder.why_not == said[2]
    assert encoder.encode(hurried) == (None, '')
    assert encoder.encode(picture(content, interval_s=1))[0].width == 320  # less to do
    assert encoder.why_not == encoder.made_smaller == ''


def test_bit_rate_follows_pixels_rate_and_the_most(encoder):
    def mean_bytes(interval_s):
        sizes = [len(encoder.encode(picture(np.roll(PICTURE, 8 * at, 1), interval_s))[0].data)
                 for at in range(40)]
        return np.mean(sizes[20:])

    share = 2e6 * 320 * 240 / (1280 * 720) / 30 / 8  # of a picture, whatever the rate
    assert 0.5 * share < mean_bytes(1 / 30) < 1.2 * share
    assert 0.5 * share < mean_bytes(1 / 90) < 1.2 * share
    encoder.most_bps = 80_000
    assert mean_bytes(1 / 30) < 0.7 * share


def test_many_requests_are_two_key_frames_a_second_and_none_is_forgotten(encoder, monkeypatch):
    now_s = 100.0
    monkeypatch.setattr('time.monotonic', lambda: now_s)
    keys = []
    for number in range(90):
        if number < 60:
            encoder.request_key_frame()
        if encoder.encode(picture())[0].key:
            keys.append(number)
        now_s += 1 / 30
    assert len(keys) == 5  # the first one, then every 15 pictures
    assert keys[-1] >= 60


def test_after_a_rest_it_begins_with_a_key_frame(encoder):
    assert encoder.title == ''
    assert encoder.encode(picture())[0].key
    assert not encoder.encode(picture())[0].key
    assert encoder.title == 'libx264'
    encoder.forget()
    assert encoder.title == ''
    data = encoder.encode(picture())[0].data
    assert [h264.unit_type(unit) for unit in h264.nal_units(data)][:2] == [h264.SPS, h264.PPS]


def test_what_cannot_be_decoded_is_one_sentence(encoder):
    with pytest.raises(ValueError, match='it cannot be decoded'):
        encoder.encode(picture(EncodedImage(b'\xff\xd8' + bytes(50))))
    grey = VideoImage(np.full((240, 320), 90, np.uint8), JpegHeader(320, 240, 1), 0, '', 1 / 30)
    image = H264Decoder().decode(encoder.encode(grey)[0].data)()
    assert np.abs(image.astype(int) - 90).max() < 4


def test_without_libx264_it_says_so_once(encoder, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'av', None)
    missing = 'H.264 needs PyAV: sudo apt install python3-av'
    assert [encoder.encode(picture()) for _ in range(3)] == [(None, missing), *2 * [(None, '')]]
    assert encoder.why_not == missing
