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

import threading

import cv2
from pi_camera_stream.codecs import h264_encoder
from pi_camera_stream.codecs.h264 import StreamReader
from pi_camera_stream.core.frame import Frame, StampedImage
from pi_camera_stream.core.reception import Reception
from pi_camera_stream.web.stream import video_renderer
from pi_camera_stream.web.stream.tiers import H264, H264_SMALL
from pi_camera_stream.web.stream.video_renderer import VideoRate, VideoRenderer
import pytest
from support import pictures
from support.processes import wait_until

SIZE = (320, 240)


class Bench:
    """A renderer with the real encoder, and what it delivers."""

    def __init__(self, spec=H264):
        self.frames, self.reception, self.sequence = [], Reception(), 0
        self.rate = VideoRate(6e6)
        self.renderer = VideoRenderer(spec, self.rate, self.frames.append, self.reception)

    def put(self, jpeg=None, size=SIZE):
        self.sequence += 1
        self.renderer.put(Frame(jpeg or pictures.jpeg(*size, self.sequence), 10**9, self.sequence,
                                *size))

    def encode(self, count=1, **how):
        """Put pictures, each when the one before has become a frame; return the last."""
        for _ in range(count):
            before = len(self.frames)
            self.put(**how)
            wait_until(lambda before=before: len(self.frames) > before)
        return self.frames[-1]

    def thread(self):
        return next((one for one in threading.enumerate() if one.name == 'h264'), None)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    end(bench)


def end(bench):
    bench.renderer.want(False)
    wait_until(lambda: bench.thread() is None)


def test_nothing_is_made_and_no_thread_lives_while_nobody_wants_frames(bench):
    bench.put()
    assert bench.thread() is None
    bench.renderer.want(True)
    assert bench.encode().key
    assert bench.thread() is not None
    bench.renderer.want(False)
    wait_until(lambda: bench.thread() is None)
    bench.put()
    assert bench.thread() is None


def test_a_frame_has_the_stamp_and_number_of_its_picture_and_looks_like_it(bench):
    bench.renderer.want(True)
    reader = StreamReader()
    for number in range(1, 5):
        frame = bench.encode()
        assert (frame.sequence, frame.stamp_ns) == (number, 10**9)
        assert (frame.width, frame.height, frame.key) == (*SIZE, number == 1)
        assert reader.read(frame.data) == (frame.data, frame.key)


def test_a_jpeg_in_its_own_size_is_not_decoded_to_bgr(bench, monkeypatch):
    monkeypatch.setattr(video_renderer, 'decode_frame', None)
    bench.renderer.want(True)
    assert bench.encode(2).sequence == 2


def test_an_image_that_is_no_jpeg_is_encoded_too(bench):
    bench.renderer.want(True)
    bench.renderer.put(StampedImage(lambda: pictures.image(*SIZE), 5, 7, *SIZE))
    wait_until(lambda: bench.frames)
    assert bench.frames[0].sequence == 7
    grey = cv2.cvtColor(pictures.image(*SIZE), cv2.COLOR_BGR2GRAY)
    bench.renderer.put(StampedImage(lambda: grey, 5, 8, *SIZE))
    wait_until(lambda: len(bench.frames) == 2)


@pytest.mark.parametrize(('size', 'small'), [
    ((1280, 720), (640, 360)), ((640, 480), (320, 240)), ((1920, 1080), (640, 360)),
    ((720, 1280), (360, 640)), ((322, 242), (160, 120))])
def test_the_small_rendition_is_at_most_half_and_640x360(size, small):
    bench = Bench(H264_SMALL)
    bench.renderer.want(True)
    frame = bench.encode(size=size)
    end(bench)
    assert (frame.width, frame.height) == small


def test_a_key_frame_comes_when_it_is_asked_for(bench):
    bench.renderer.want(True)
    bench.encode(3)
    bench.renderer.request_key_frame()
    assert bench.encode().key
    assert not bench.encode().key


def test_who_begins_anew_begins_with_a_key_frame(bench):
    for _ in range(2):
        bench.renderer.want(True)
        assert bench.encode().key
        assert not bench.encode().key
        bench.renderer.want(False)


def test_one_picture_that_cannot_be_decoded_is_one_picture(bench):
    bench.renderer.want(True)
    bench.encode()
    bench.put(pictures.jpeg(*SIZE)[:100])
    wait_until(lambda: bench.reception.refused)
    assert not bench.encode().key
    assert bench.renderer.failed == ''


def test_while_one_is_encoded_only_the_newest_waits(bench):
    begun, release = threading.Event(), threading.Event()

    def read():
        begun.set()
        release.wait()
        return pictures.image(*SIZE)

    bench.renderer.want(True)
    bench.renderer.put(StampedImage(read, 1, 1, *SIZE))
    begun.wait()
    bench.sequence = 1
    for _ in range(5):
        bench.put()
    release.set()
    wait_until(lambda: len(bench.frames) == 2)
    assert [frame.sequence for frame in bench.frames] == [1, 6]
    assert bench.renderer.replaced == 4


def test_what_is_missing_is_one_sentence_and_the_thread_ends(bench, monkeypatch):
    monkeypatch.setattr(h264_encoder, 'why_missing', lambda: 'H.264 needs PyAV')
    bench.renderer.want(True)
    bench.put()
    wait_until(lambda: bench.renderer.failed)
    assert bench.renderer.failed == 'H.264 needs PyAV'
    wait_until(lambda: bench.thread() is None)
    bench.put()
    assert bench.thread() is None


def test_an_encoder_that_fails_is_one_sentence(bench, monkeypatch):
    def encode(*_):
        raise RuntimeError('out of memory')

    monkeypatch.setattr(h264_encoder.H264Encoder, 'encode', encode)
    bench.renderer.want(True)
    bench.put()
    wait_until(lambda: bench.renderer.failed)
    assert bench.renderer.failed == 'H.264 cannot be encoded (RuntimeError: out of memory)'
    wait_until(lambda: bench.thread() is None)


def test_where_it_takes_too_long_it_is_smaller_and_then_there_is_none(bench, monkeypatch):
    bench.renderer.want(True)
    effort, sizes = bench.renderer._effort, []
    # As if each picture took as long as it may not.
    monkeypatch.setattr(effort, 'add', lambda _took_s, _interval_s: slow(effort))

    def slow(effort):
        sizes.append(bench.sequence)
        if len(sizes) % 3 == 0:
            effort._level += 1
            effort.reason = f'level {effort._level}'

    def put_until(done):
        while not done():
            before = len(sizes)
            bench.put()
            wait_until(lambda before=before: len(sizes) > before or bench.renderer.failed)

    monkeypatch.setattr(effort, 'level', lambda _: effort._level)
    put_until(lambda: bench.renderer.failed)
    assert [frame.width for frame in bench.frames] == [320] * 3 + [240] * 3 + [160] * 3
    assert [frame.key for frame in bench.frames] == [True, False, False] * 3
    assert bench.renderer.failed == 'level 3'
    wait_until(lambda: bench.thread() is None)


def test_the_bit_rate_follows_size_and_rate_and_is_bounded():
    rate = VideoRate(6e6)
    assert rate.bitrate_bps(H264, 1280, 720) == pytest.approx(2e6)
    assert rate.bitrate_bps(H264_SMALL, 1280, 720) == pytest.approx(0.5e6)
    assert rate.bitrate_bps(H264, 3840, 2160) == pytest.approx(6e6)
    rate.interval_s, rate.share = 1 / 15, 0.5
    assert rate.bitrate_bps(H264, 1280, 720) == pytest.approx(0.5e6)
