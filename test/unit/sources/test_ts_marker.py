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

import io
import random

import av
import numpy as np
from pi_camera_stream.sources.workers.url.ts_marker import TsMarker
import pytest

FRAMES = 30


@pytest.fixture(scope='module')
def stream():
    """Return MPEG-TS of a real encoder and muxer, its PID, and its pictures as they went in."""
    noise = np.random.default_rng(1)
    file, packets = io.BytesIO(), []
    with av.open(file, 'w', format='mpegts') as container:
        video = container.add_stream('libx264', rate=30, options={
            'tune': 'zerolatency', 'g': '10'})
        video.width, video.height = 320, 240
        for _ in range(FRAMES):
            image = noise.integers(0, 256, (240, 320, 3), np.uint8)
            for packet in video.encode(av.VideoFrame.from_ndarray(image, format='bgr24')):
                packets.append(bytes(packet))
                container.mux(packet)
    with av.open(io.BytesIO(file.getvalue())) as container:
        pid = container.streams.video[0].id
    return file.getvalue(), pid, packets


def demuxed(data):
    with av.open(io.BytesIO(data), format='mpegts', options={'fflags': 'noparse'}) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def marked(data, pid, size=188 * 7):
    marker = TsMarker()
    marker.pid = pid
    return b''.join(marker.feed(data[at:at + size], at) for at in range(0, len(data), size))


@pytest.mark.parametrize('size', [188, 1316, 1000, 7])
def test_marks_change_no_picture(stream, size):
    data, pid, packets = stream
    out = marked(data, pid, size)
    marks = (len(out) - len(data)) // 188
    assert FRAMES - 3 <= marks <= FRAMES  # by chance a picture may fill its last packet exactly
    pictures = demuxed(out)
    assert pictures == demuxed(data)
    assert len(pictures) == FRAMES
    assert all(packet in picture for packet, picture in zip(packets, pictures, strict=True))


def test_a_picture_is_whole_before_the_next_one_begins(stream):
    data, pid, _ = stream
    marker = TsMarker()
    marker.pid = pid
    starts, came = [], b''
    for at in range(0, len(data), 188):
        if data[at + 1] & 0x40 and (data[at + 1] & 0x1f) << 8 | data[at + 2] == pid:
            starts.append(len(came))
        came += marker.feed(data[at:at + 188], at)
    before_last = demuxed(came[:starts[-1]])
    assert before_last == demuxed(data)[:-1]


def test_when_a_picture_began_is_known(stream):
    data, pid, _ = stream
    marker = TsMarker()
    marker.pid = pid
    begins, wholes = [], []
    for at in range(0, len(data), 188):
        if data[at + 1] & 0x40 and (data[at + 1] & 0x1f) << 8 | data[at + 2] == pid:
            begins.append(at + 1)
        marker.feed(data[at:at + 188], at + 1)
        if marker.whole_ns and marker.whole_ns not in wholes:
            wholes.append(marker.whole_ns)
    assert len(begins) == FRAMES
    assert wholes in (begins, begins[:-1])


def test_nothing_is_marked_before_the_stream_is_known(stream):
    data, _, _ = stream
    marker = TsMarker()
    assert marker.feed(data, 1) == data
    assert marker.whole_ns == 0


@pytest.mark.parametrize('seed', range(20))
def test_garbage_comes_to_an_end(stream, seed):
    data, pid, _ = stream
    dice = random.Random(seed)
    broken = bytearray(data)
    for _ in range(50):
        broken[dice.randrange(len(broken))] = dice.randrange(256)
    cut = dice.randrange(len(broken))
    del broken[cut:cut + dice.randrange(400)]
    assert len(demuxed(marked(bytes(broken), pid))) >= FRAMES // 2
