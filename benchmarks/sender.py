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
How correct the stamps are of frames that come over HTTP from a clock that is 10 s ahead.

Two network namespaces act as two machines with a link of 50 Mbit/s and a queue of 50 ms: `serve`
in one sends a test pattern of 1280x720, and the source `url` in the other receives it. Each frame
has the time of its drawing in its pixels, which shows by how much its stamp is wrong. The link
carries these frames, and also those of other viewers (--viewers), or a bulk transfer that fills
the queue (--bulk). Needs root and iproute2:

    sudo .venv/bin/python -m benchmarks sender
    sudo .venv/bin/python -m benchmarks sender --viewers 2
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

import cv2
import numpy as np
from pi_camera_stream.core import block_code
from pi_camera_stream.core.frame import EncodedImage
from pi_camera_stream.core.with_parent import with_parent
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource

from .common import command, networks

SHIFT_S, FPS, PORT, BULK_PORT = 10.0, 30, 8080, 8090
_SETTLING_S = 3.0  # in which the first round trips are made, and not counted
_BULK = ('import socket\n'
         's = socket.create_server(("", {port}))\n'
         'c = s.accept()[0]\n'
         'try:\n'
         '    while True: c.sendall(bytes(65536))\n'
         'except OSError: pass')


def watch(url: str) -> None:
    """Read a stream, or whatever comes, for ever."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - it is ours
        while answer.read1(65536):
            pass


def receive(options: argparse.Namespace) -> None:
    """Print one JSON line for each picture: how wrong its stamp is, and may be, in ms; bytes."""
    import socket
    url = f'http://{networks.ADDRESSES[0]}:{PORT}/stream.mjpg?tier=full'
    for _ in range(options.viewers):
        threading.Thread(target=watch, args=(url,), daemon=True).start()
    if options.bulk:
        def load() -> None:
            with socket.create_connection((networks.ADDRESSES[0], BULK_PORT)) as bulk:
                while bulk.recv(1 << 20):
                    pass
        threading.Thread(target=load, daemon=True).start()
    source = UrlSource(SourceSettings('url', url))
    source.start()
    end_s = time.monotonic() + _SETTLING_S + options.receive
    while time.monotonic() < end_s:
        capture = source.read(0.25)
        if capture is None or time.monotonic() < end_s - options.receive:
            continue
        stamp_ns = time.time_ns() - (time.monotonic_ns() - capture.monotonic_ns)
        content = capture.content
        assert isinstance(content, EncodedImage)  # noqa: S101 - for mypy
        code = block_code.read(np.asarray(cv2.imdecode(  # 1280x720, under any max_pixels
            np.frombuffer(content.data, np.uint8), cv2.IMREAD_GRAYSCALE)))
        known_ms = source.sender.uncertainty_ms
        if code is not None:
            true_ns = code.time_us * 1000 - int(SHIFT_S * 1e9)
            print(json.dumps([(stamp_ns - true_ns) / 1e6, known_ms, len(content.data)]),
                  flush=True)
    source.stop()


@contextmanager
def sender(prefix: networks.Prefix, bulk: bool) -> Iterator[None]:
    """Let the sender run, and what fills the link."""
    from support.sending import sending
    filling = [*prefix, sys.executable, '-c', _BULK.format(port=BULK_PORT)]
    with sending(SHIFT_S, '--size', '1280x720', '--fps', str(FPS), '--address',
                 networks.ADDRESSES[0], '--bridge.jpeg-quality', '97', port=PORT, prefix=prefix), \
            command.beside([filling] if bulk else []):
        if bulk:
            time.sleep(1.0)
        yield


def main(arguments: Sequence[str]) -> int:
    """Measure once."""
    parser = command.parser('sender', __doc__)
    parser.add_argument('--mbps', type=float, default=50, help='of the link (default: 50)')
    parser.add_argument('--seconds', type=float, default=20, help='default: 20')
    parser.add_argument('--viewers', type=int, default=0,
                        help='others on the same link (default: 0)')
    parser.add_argument('--bulk', action='store_true', help='fill the queue of the link')
    parser.add_argument('--receive', type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.receive:
        receive(options)
        return 0
    with networks.cable(round(options.mbps * 1e6)) as route, \
            sender(route.server, options.bulk):
        out = subprocess.run(
            with_parent([*route.viewers, *command.itself(
                'sender', '--receive', str(options.seconds), '--viewers', str(options.viewers),
                *(['--bulk'] if options.bulk else []))]),
            stdout=subprocess.PIPE, text=True, check=True).stdout
    pictures = [json.loads(line) for line in out.splitlines()]
    known = [(abs(error_ms), known_ms) for error_ms, known_ms, _ in pictures if known_ms]
    if not known:
        print(f'of {len(pictures)} frames, none has the capture time of its sender')
        return 1
    errors_ms, known_ms = zip(*known, strict=True)
    beyond = sum(error > stated for error, stated in known)
    print(f'{len(pictures) / options.seconds:.1f} pictures/s of '
          f'{statistics.mean(size for *_, size in pictures) / 1e3:.0f} kB on '
          f'{options.mbps:g} Mbit/s, {options.viewers} other viewers'
          f'{", bulk transfer" * options.bulk}; load {os.getloadavg()[0]:.1f}')
    print(f'stamps wrong by {statistics.median(errors_ms):.2f} ms median, '
          f'at most {max(errors_ms):.2f}; stated to {statistics.median(known_ms):.2f} ms '
          f'median, at most {max(known_ms):.2f}; {len(pictures) - len(known)} by arrival, '
          f'{beyond} of {len(known)} beyond what is stated')
    return 0
