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

"""H.264 for tests: streams, made on the fly, and what a decoder says of them."""

from contextlib import contextmanager
from fractions import Fraction
import functools
import itertools
import socket
import threading

import av

from . import pictures

SIZE = (320, 240)
INTERVAL_S = 0.01


@functools.cache
def access_units(count=20, group=10, slices=1, size=SIZE, pixels='yuv420p', options=(),
                 codec='libx264'):
    """Return so many access units of moving pictures, a key frame every `group` of them."""
    encoder = av.CodecContext.create(codec, 'w')
    encoder.width, encoder.height, encoder.pix_fmt = *size, pixels
    encoder.framerate, encoder.time_base = Fraction(30), Fraction(1, 30)
    encoder.thread_count = 1
    if codec == 'libx264':
        encoder.options = {'preset': 'ultrafast', 'tune': 'zerolatency', 'g': str(group),
                           'x264-params': f'slices={slices}:sliced-threads=0:scenecut=0',
                           **dict(options)}
    else:
        encoder.options = {'preset': 'ultrafast', 'tune': 'zerolatency',
                           'x265-params': f'keyint={group}:log-level=0:repeat-headers=1'}
    units = []
    for seed in range(count):
        picture = av.VideoFrame.from_ndarray(pictures.image(*size, seed), format='bgr24')
        units += map(bytes, encoder.encode(picture.reformat(format=pixels)))
    return [*units, *map(bytes, encoder.encode(None))]


def decode(units):
    """Return the pictures of some access units; whatever a decoder finds wrong raises."""
    decoder = av.CodecContext.create('h264', 'r')
    decoder.options = {'err_detect': 'explode+crccheck+bitstream+buffer'}
    decoder.thread_type = 'NONE'
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as said:
            found = [frame for unit in units for frame in decoder.decode(av.Packet(unit))]
            found += decoder.decode(None)
    finally:
        av.logging.set_level(level)
    assert said == []
    return [frame.to_ndarray(format='bgr24') for frame in found]


@contextmanager
def sending(pieces, interval_s=INTERVAL_S):
    """Let pieces of bytes be read from a TCP port, over and over, and yield its address."""
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                connection = server.accept()[0]
            except OSError:
                return
            try:
                for piece in itertools.cycle(pieces):
                    if ended.wait(interval_s):
                        break
                    connection.sendall(piece)
            except OSError:
                pass
            connection.close()

    with socket.create_server(('127.0.0.1', 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f'tcp://127.0.0.1:{server.getsockname()[1]}'
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
