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

"""Players of others, each as a generator of the pictures that it has decoded."""

from contextlib import contextmanager
import os
import subprocess

import av
import cv2
import numpy as np
from pi_camera_stream.core import block_code

SIZE = (640, 480)  # of what they are to play
COUNT = 20
_ALIKE = 2


def see(pictures, size=SIZE):
    """See that pictures come, each later than the one before."""
    numbers, unreadable = [], 0
    for picture in pictures:
        assert picture.shape[:2] == size[::-1]
        code = block_code.read(picture)
        if code is not None:
            numbers.append(code.number)
        unreadable += code is None  # as those before the key frame, which FFmpeg may show, too
        if COUNT in (len(numbers), unreadable):
            break
    pictures.close()
    assert len(numbers) == COUNT
    assert numbers == sorted(numbers), numbers
    # Behind a key frame there may be no bits left for what is new: it looks like the one before.
    assert len(set(numbers)) >= COUNT - _ALIKE, numbers
    assert len(numbers) > (numbers[-1] - numbers[0]) / 4  # or they would not come at their rate


@contextmanager
def output(*command):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        yield process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ffmpeg(url, *options, prefix=(), size=SIZE):
    """Yield the pictures that ffmpeg has decoded."""
    with output(*prefix, 'ffmpeg', '-v', 'error', *options, '-i', url, '-fps_mode', 'passthrough',
                '-f', 'rawvideo', '-pix_fmt', 'bgr24', '-') as stream:
        while len(data := stream.read(size[0] * size[1] * 3)) == size[0] * size[1] * 3:
            yield np.frombuffer(data, np.uint8).reshape(*size[::-1], 3)


def gstreamer(*source, prefix=()):
    """Yield the pictures in what GStreamer has put together; its decoder is another package."""
    yield from decoded(*prefix, 'gst-launch-1.0', '-q', *source, '!', 'fdsink', 'fd=1')


def decoded(*command):
    """Yield the pictures in the H.264 that a program writes."""
    decoder = av.CodecContext.create('h264', 'r')
    with output(*command) as stream:
        yield from _pictures(decoder.decode, (
            packet for data in iter(lambda: os.read(stream.fileno(), 65536), b'')
            for packet in decoder.parse(data)))


def _pictures(decode, packets):
    """Yield what is decoded; who comes in the midst of a group can decode nothing at first."""
    begun = False
    for packet in packets:
        try:
            pictures = decode(packet)
        except av.error.InvalidDataError:
            assert not begun
            continue
        for picture in pictures:
            begun = True
            yield picture.to_ndarray(format='bgr24')


def rtspsrc(url, way, prefix=()):
    return gstreamer('rtspsrc', f'location={url}', f'protocols={way}', 'latency=0', '!',
                     'rtph264depay', '!', 'video/x-h264,stream-format=byte-stream', prefix=prefix)


def opencv(url):
    # As docs/players.md has it: with one thread; OpenCV 4.6 has no word for that.
    one_thread = [cv2.CAP_PROP_N_THREADS, 1] if hasattr(cv2, 'CAP_PROP_N_THREADS') else []
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, one_thread)
    try:
        while True:
            there, picture = capture.read()
            assert there
            yield picture
    finally:
        capture.release()


def pyav(url, way, **options):
    options.update({'rtsp_transport': way} if way else {})
    with av.open(url, options=options, timeout=30, format=None if way else 'h264') as container:
        yield from _pictures(lambda packet: packet.decode(), container.demux(video=0))
