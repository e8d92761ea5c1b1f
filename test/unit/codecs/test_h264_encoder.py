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

import sys

import av
import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import h264
from pi_camera_stream.codecs.h264_encoder import H264Encoder, why_missing
from pi_camera_stream.core.frame import H264
from pi_camera_stream.core.group_mailbox import GroupMailbox
import pytest

WIDTH, HEIGHT = 320, 240
BITRATE_BPS, FPS = 400_000, 30


def scene(number, width=WIDTH, height=HEIGHT):
    """Return what a camera sees that is turned: the same things, a little further each time."""
    rng = np.random.default_rng(1)
    coarse = np.clip(rng.integers(40, 216, (height // 8, width // 2, 1))
                     + rng.integers(-20, 20, (height // 8, width // 2, 3)), 0, 255)
    wide = cv2.resize(coarse.astype(np.uint8), (width * 4, height), interpolation=cv2.INTER_CUBIC)
    at = number * 4 % (3 * width)
    return np.ascontiguousarray(wide[:, at:at + width])


class Decoder:
    """Decode what comes, whatever is missing; an error raises."""

    def __init__(self):
        self._context = av.CodecContext.create('h264', 'r')
        self._context.options = {'flags': '+low_delay'}
        self._context.thread_count = 1

    def decode(self, data):
        return [picture.to_ndarray(format='bgr24')
                for picture in self._context.decode(av.Packet(data))]


@pytest.fixture
def encoder():
    return H264Encoder(BITRATE_BPS, FPS)


def test_there_is_an_encoder():
    assert why_missing() == ''


def test_what_is_installed_and_broken_is_a_reason(monkeypatch, tmp_path):
    (tmp_path / 'av.py').write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'av')
    reason = why_missing()
    assert 'cannot be loaded (ValueError: numpy.dtype size changed): sudo apt' in reason


def test_each_image_comes_out_at_once_and_looks_alike(encoder):
    decoder = Decoder()
    for number in range(20):
        frame = encoder.encode(scene(number), stamp_ns=number, sequence=number + 1)
        assert (frame.stamp_ns, frame.sequence, frame.codec) == (number, number + 1, H264)
        assert (frame.width, frame.height) == (WIDTH, HEIGHT)
        image, = decoder.decode(frame.data)
        assert cv2.PSNR(image, scene(number)) > 25


def test_colours_are_those_that_went_in(encoder):
    sent = np.zeros((720, 1280, 3), np.uint8)
    sent[:, :640], sent[:, 640:] = (30, 60, 220), (200, 180, 20)
    image, = Decoder().decode(encoder.encode(sent, 0).data)
    for column in (320, 960):
        assert np.abs(image[360, column].astype(int) - sent[360, column]).max() < 12
    assert encoder.encode(sent[..., 0].copy(), 0) is not None  # grey ones, too


def test_the_first_frame_and_the_wanted_ones_are_key_frames(encoder):
    keys = []
    for number in range(12):
        if number == 7:
            encoder.request_key_frame()
        frame = encoder.encode(scene(number), number)
        found = [h264.unit_type(unit) for unit in h264.nal_units(frame.data)]
        assert frame.key == (h264.IDR in found) == (h264.SPS in found)
        if frame.key:
            keys.append(number)
    assert keys == [0, 7]


def test_no_frame_is_much_larger_than_the_others(encoder):
    sizes = []
    for number in range(120):
        if number % 30 == 29:
            encoder.request_key_frame()
        sizes.append(len(encoder.encode(scene(number), number).data))
    share = BITRATE_BPS / FPS / 8
    assert max(sizes) <= 2.1 * share
    assert 0.4 * share < sum(sizes) / len(sizes) < 1.1 * share


def test_the_bit_rate_follows_at_once_and_beyond_its_buffer_with_a_key_frame(encoder):
    def mean_size(bitrate_bps):
        encoder.bitrate_bps = bitrate_bps
        frames = [encoder.encode(scene(number), number) for number in range(60)]
        return sum(len(frame.data) for frame in frames[20:]) / 40, any(
            frame.key for frame in frames)

    usual, _ = mean_size(BITRATE_BPS)
    less, key = mean_size(0.7 * BITRATE_BPS)
    assert less < 0.85 * usual
    assert not key
    more, key = mean_size(2 * BITRATE_BPS)
    assert more > 1.4 * usual
    assert key


def test_a_new_size_begins_with_a_key_frame(encoder):
    encoder.encode(scene(0), 0)
    reader = h264.StreamReader()
    for size, told in (((641, 363), (640, 362)), ((64, 48), (64, 48)), ((2, 2), (2, 2))):
        frame = encoder.encode(scene(0, 656, 368)[:size[1], :size[0]].copy(), 0)
        assert reader.read(frame.data) == (frame.data, True)
        assert (reader.parameters.width, reader.parameters.height) == told
        assert (frame.width, frame.height) == told
    with pytest.raises(ValueError, match='one row or column'):
        encoder.encode(np.zeros((1, 100, 3), np.uint8), 0)


def test_another_frame_rate_has_other_shares(encoder):
    encoder.encode(scene(0), 0)
    encoder.fps = 10
    sizes = [len(encoder.encode(scene(5 * number), number).data) for number in range(40)]
    assert max(sizes) <= 2.1 * BITRATE_BPS / 10 / 8
    assert max(sizes) > 2.1 * BITRATE_BPS / FPS / 8


def test_a_picture_is_another_one_where_a_frame_is_missing(encoder):
    whole, gappy = Decoder(), Decoder()
    frames = [encoder.encode(scene(number), number) for number in range(3)]
    images = [whole.decode(frame.data)[0] for frame in frames]
    gappy.decode(frames[0].data)
    assert not np.array_equal(gappy.decode(frames[2].data)[0], images[2])


# What a viewer does between frames: it takes some of what waits.
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.3)), min_size=5, max_size=60))
def test_whatever_is_left_out_by_the_rule_the_rest_looks_as_if_nothing_was(course):
    encoder = H264Encoder(100_000, FPS)
    mailbox = GroupMailbox(3, 0.2, encoder.request_key_frame)
    everything, viewer = Decoder(), Decoder()
    images, now_s, waiting, shown = [], 0.0, 0, 0
    for number, (taken, pause_s) in enumerate(course):
        now_s += pause_s
        frame = encoder.encode(scene(number, 64, 48), number)
        images += everything.decode(frame.data)
        before = mailbox.dropped
        mailbox.put(frame, lambda frame=frame: frame.key, now_s)
        waiting += 1 - (mailbox.dropped - before)
        for _ in range(min(taken, waiting)):
            waiting -= 1
            shown += 1
            frame = mailbox.take()
            image, = viewer.decode(frame.data)
            assert np.array_equal(image, images[frame.stamp_ns])
    assert shown + waiting + mailbox.dropped == len(course)
