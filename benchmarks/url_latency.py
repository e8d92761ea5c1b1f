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

"""
How old frames from the network are: from their drawing to `UrlSource.read`.

Run it with: .venv/bin/python -m benchmarks url_latency [--seconds 10] [NAME ...]
FFmpeg sends frames of 1280x720, 30 a second, with the time of their drawing in their pixels, as
H.264 over loopback. The age includes encoding, sending, decoding, and encoding as JPEG. Needs
ffmpeg with libx264.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import statistics
import subprocess
import threading
import time
from typing import cast, IO

import cv2
import numpy as np
from pi_camera_stream.core import block_code
from pi_camera_stream.core.errors import TemporaryError
from pi_camera_stream.core.frame import EncodedImage
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource

from .common import command

FPS = 30
SIZE = (1280, 720)
PORT = 45012
# name: what FFmpeg sends to, how, and what we open
WAYS = {
    'mpegts-udp': (f'udp://127.0.0.1:{PORT}?pkt_size=1316', 'mpegts', f'udp://127.0.0.1:{PORT}'),
    'mpegts-tcp': (f'tcp://127.0.0.1:{PORT}', 'mpegts', f'tcp://127.0.0.1:{PORT}?listen'),
    'h264-udp': (f'udp://127.0.0.1:{PORT}?pkt_size=1316', 'h264', f'udp://127.0.0.1:{PORT}'),
    'h264-tcp': (f'tcp://127.0.0.1:{PORT}', 'h264', f'tcp://127.0.0.1:{PORT}?listen'),
    'rtp': (f'rtp://127.0.0.1:{PORT}', 'rtp', f'rtp://127.0.0.1:{PORT}'),
    'rtsp': (f'rtsp://127.0.0.1:{PORT}/live', 'rtsp', f'rtsp://127.0.0.1:{PORT}/live?listen'),
}


def draw(pipe: IO[bytes], stop: threading.Event) -> None:
    """Write moving pictures, grey, each with the time at which it was drawn."""
    noise = np.random.default_rng(1).integers(0, 256, (SIZE[1] // 20, SIZE[0] // 10), np.uint8)
    wide = cv2.resize(noise, (2 * SIZE[0], SIZE[1]))
    due_s, number = time.monotonic(), 0
    while not stop.is_set():
        number += 1
        begin = number * 8 % SIZE[0]
        image = wide[:, begin:begin + SIZE[0]].copy()
        block_code.draw(image, block_code.BlockCode(number, time.time_ns() // 1000))
        try:
            pipe.write(image.tobytes())
            pipe.flush()
        except (BrokenPipeError, ValueError):
            return
        due_s += 1 / FPS
        time.sleep(max(0.0, due_s - time.monotonic()))


@contextmanager
def sender(target: str, container: str) -> Iterator[None]:
    """Let FFmpeg send until the context ends."""
    process = subprocess.Popen([
        'ffmpeg', '-loglevel', 'fatal', '-fflags', 'nobuffer', '-f', 'rawvideo', '-pix_fmt',
        'gray', '-s', f'{SIZE[0]}x{SIZE[1]}', '-r', str(FPS), '-i', '-', '-c:v', 'libx264',
        '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-b:v', '4M',
        '-g', str(FPS), '-flush_packets', '1', '-f', container, target],
        stdin=subprocess.PIPE)
    stop = threading.Event()
    painter = threading.Thread(target=draw, args=(cast(IO[bytes], process.stdin), stop))
    painter.start()
    try:
        yield
    finally:
        stop.set()
        process.kill()
        process.wait()
        painter.join()


def measure(name: str, seconds: float) -> None:
    """Print the ages of the pictures that come one way."""
    target, container, url = WAYS[name]
    source = UrlSource(SourceSettings('url', url))
    source.start()
    ages_ms: list[float] = []
    stamps_ms: list[float] = []
    time.sleep(1.5)  # until it listens
    with sender(target, container):
        end_s, first_s = time.monotonic() + seconds + 3, 0.0
        while time.monotonic() < end_s:
            try:
                capture = source.read(0.25)
            except TemporaryError as error:
                print(f'{name}: {error}')
                break
            now_us, now_ns = time.time_ns() / 1000, time.monotonic_ns()
            if capture is None:
                continue
            first_s = first_s or time.monotonic()
            jpeg = np.frombuffer(cast(EncodedImage, capture.content).data, np.uint8)
            code = block_code.read(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)))
            if code is not None and time.monotonic() > first_s + 2:
                ages_ms.append((now_us - code.time_us) / 1000)
                stamps_ms.append((now_ns - capture.monotonic_ns) / 1e6)
    source.stop()
    if len(ages_ms) < FPS:
        print(f'{name}: too few frames ({len(ages_ms)})')
        return
    median, latest = statistics.median(ages_ms), statistics.quantiles(ages_ms, n=20)[-1]
    print(f'{name:12s} {len(ages_ms):4d} frames, age median {median:5.1f} ms, 95 % below '
          f'{latest:5.1f} ms; since the stamp {statistics.median(stamps_ms):5.1f} ms; '
          f'{source.counters()["left out by the worker"]} dropped')


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for."""
    parser = command.parser('url_latency', __doc__)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help=f'some of {", ".join(WAYS)} (default: all)')
    parser.add_argument('--seconds', type=float, default=10.0, help='of each (default: 10)')
    options = parser.parse_args(arguments)
    for name in options.names or WAYS:
        measure(name, options.seconds)
    return 0
