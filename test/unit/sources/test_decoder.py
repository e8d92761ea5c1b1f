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

from fractions import Fraction
import re
import threading

import av
import numpy as np
from pi_camera_stream.core.errors import TemporaryError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.workers.runtime.decoder import Decoder
from pi_camera_stream.sources.workers.runtime.video_writer import VideoWriter
from pi_camera_stream.sources.workers.runtime.worker_status import WorkerStatus
import pytest
from support import h264_streams, pictures
from support.processes import WAIT_S, wait_until

FRAMES, GROUP = 30, 10
IMAGES = [pictures.image(320, 240, seed) for seed in range(FRAMES)]


@pytest.fixture(scope='module')
def packets():
    """Return H.264 of four slices a picture, a key frame every ten."""
    encoder = av.CodecContext.create('libx264', 'w')
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, 'yuv420p'
    encoder.time_base = Fraction(1, 30)
    encoder.options = {'tune': 'zerolatency', 'g': str(GROUP),
                       'x264-params': 'slices=4:scenecut=0'}
    return [bytes(packet) for image in IMAGES
            for packet in encoder.encode(av.VideoFrame.from_ndarray(image, format='bgr24'))]


class Writer:
    """Keeps all pictures, and their times."""

    max_pixels = 10**6

    def __init__(self):
        self.images, self.times = [], []
        self.left_out = 0
        self.video = VideoWriter(self, SourceSettings())

    def send(self, kind, body):
        pass

    def decoded_size(self, width, height):
        return width, height

    def leave_out(self, count):
        self.left_out += count

    def put(self, picture, monotonic_ns):
        self.images.append(picture())
        self.times.append(monotonic_ns)


class SlowCodec:
    """A decoder that waits to be let go, packet by packet."""

    name, width, height, extradata, has_b_frames = 'h264', 0, 0, None, 0

    def __init__(self):
        self._codec = av.CodecContext.create('h264', 'r')
        self.let_go, self.waiting = threading.Semaphore(0), threading.Event()

    def decode(self, packet):
        self.waiting.set()
        self.let_go.acquire()
        return self._codec.decode(packet)


def packet(data, number):
    made = av.Packet(data)
    made.pts = number
    return made


def differences(images, expected):
    return [np.abs(image.astype(int) - other).mean()
            for image, other in zip(images, expected, strict=True)]


@pytest.mark.parametrize('in_slices', [False, True])
def test_pictures_come_out_whole_however_they_are_packed(packets, in_slices):
    writer = Writer()
    decoder = Decoder(av.CodecContext.create('h264', 'r'), writer, WorkerStatus(''))
    for number, data in enumerate(packets):
        parts = re.split(rb'(?=\x00\x00\x00\x01|(?<!\x00)\x00\x00\x01)', data)
        for part in parts[1:] if in_slices else [data]:
            decoder.put(packet(part, number), 1000 + number)
        # The last slice of a picture completes it; the next picture is not needed.
        wait_until(lambda number=number: len(writer.images) == number + 1)
    decoder.close()
    assert max(differences(writer.images, IMAGES)) < 8
    assert writer.times == [1000 + number for number in range(FRAMES)]


def test_one_that_is_too_slow_goes_on_with_the_newest_key_frame(packets):
    writer, codec = Writer(), SlowCodec()
    decoder = Decoder(codec, writer, WorkerStatus(''))
    decoder.put(packet(packets[0], 0), 0)
    assert codec.waiting.wait(WAIT_S)
    for number in range(1, 2 * GROUP + 3):
        decoder.put(packet(packets[number], number), number)
    codec.let_go.release(FRAMES)
    wait_until(lambda: writer.times[-1:] == [2 * GROUP + 2])
    decoder.close()
    assert writer.times == [0, 20, 21, 22]
    assert writer.left_out == 19
    assert max(differences(writer.images, [IMAGES[number] for number in writer.times])) < 8


def test_one_that_is_a_second_behind_waits_for_the_next_key_frame(packets):
    writer, codec = Writer(), SlowCodec()
    decoder = Decoder(codec, writer, WorkerStatus(''))
    decoder.put(packet(packets[0], 0), 0)
    assert codec.waiting.wait(WAIT_S)
    for number in range(1, GROUP):  # eight of them wait; then one comes that is a second later
        decoder.put(packet(packets[number], number), 2 * 10**9 if number == GROUP - 1 else number)
    for number in range(GROUP, GROUP + 2):
        decoder.put(packet(packets[number], number), 2 * 10**9 + number)
    codec.let_go.release(FRAMES)
    wait_until(lambda: len(writer.times) == 3)
    decoder.close()
    assert writer.times == [0, 2 * 10**9 + GROUP, 2 * 10**9 + GROUP + 1]
    assert writer.left_out == GROUP - 1
    assert max(differences(writer.images, [IMAGES[n] for n in (0, GROUP, GROUP + 1)])) < 8


def test_until_the_first_key_frame_it_says_what_is_missing(packets):
    writer, situation = Writer(), WorkerStatus('')
    decoder = Decoder(av.CodecContext.create('h264', 'r'), writer, situation)
    for number in range(1, GROUP + 1):
        decoder.put(packet(packets[number], number), number)
    wait_until(lambda: writer.times)
    decoder.close()
    assert writer.times == [GROUP]
    assert 'rpicam-vid --inline' in situation.sentence


def test_h265_under_the_name_of_h264_is_named():
    writer, situation = Writer(), WorkerStatus('')
    decoder = Decoder(av.CodecContext.create('h264', 'r'), writer, situation)
    for number, data in enumerate(h264_streams.access_units(codec='libx265')):
        decoder.put(packet(data, number), number)
    wait_until(lambda: 'H.265 arrives under the name of H.264' in situation.sentence)
    decoder.close()
    assert writer.images == []


@pytest.mark.parametrize('max_pixels', [320 * 240 - 1, 1000])
def test_pictures_of_more_pixels_than_may_be_are_left_out_and_that_is_said(packets, max_pixels):
    writer, situation = Writer(), WorkerStatus('')
    writer.max_pixels = max_pixels
    decoder = Decoder(av.CodecContext.create('h264', 'r'), writer, situation)
    decoder.put(packet(packets[0], 0), 0)
    wait_until(lambda: 'it has 320x240 pixels' in situation.sentence)
    decoder.close()
    assert writer.images == []
    known = av.CodecContext.create('h264', 'r')
    known.width, known.height = 320, 240
    with pytest.raises(TemporaryError, match="it has 320x240 pixels, but 'max_pixels' allows"):
        Decoder(known, writer, situation)
