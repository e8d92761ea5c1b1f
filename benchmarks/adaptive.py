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
What of a topic arrives over a narrow link, with the camera's adaptation and without.

Two network namespaces act as two machines: in one, the real camera node offers 35 Mbit/s; in the
other, a FrameSubscriber receives. The link carries 20 Mbit/s and has a queue of 50 ms; then it
widens to 100 Mbit/s. Needs root and iproute2 (and nftables for packet loss):

    sudo .venv/bin/python -m benchmarks adaptive
    sudo .venv/bin/python -m benchmarks adaptive --loss 1
"""

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from pi_camera_stream.core.with_parent import with_parent

from .common import command, networks
from .common.pictures import make_pictures

# When it arrived, its age, both in s, its bytes and its width.
Picture = tuple[float, float, int, int]
WIDTH, HEIGHT, FPS, SIZE = 1280, 720, 30, 146_000  # 35 Mbit/s


def receive(seconds: float) -> None:
    """Print one JSON line for each picture: when, its age in s, its bytes and its width."""
    from pi_camera_stream import FrameSubscriber
    until_s = time.monotonic() + seconds
    began_s = time.time()
    with FrameSubscriber() as frames:
        while time.monotonic() < until_s:
            frame = frames.next_frame(0.5)
            if frame is not None:
                print(json.dumps((time.time() - began_s, frame.age_s, len(frame.jpeg),
                                  frame.image.shape[1])), flush=True)


def run(options: argparse.Namespace, adaptive: bool, folder: str) -> list[Picture]:
    """Return what arrived, as `receive` tells it."""
    with networks.cable(round(options.mbps * 1e6)) as route:
        environment = {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
        if options.loss:
            networks.lose(route.viewers, options.loss / 100)
        camera = subprocess.Popen(
            with_parent([
                *route.server, sys.executable, '-m', 'pi_camera_stream', 'camera',
                '--ros-args', '-p', f'source:={options.source}', '-p', f'path:={folder}', '-p',
                f'fps:={FPS}.0', '-p', f'adaptive:={str(adaptive).lower()}',
                *options.parameters]),
            env=environment, stdout=subprocess.DEVNULL)
        try:
            time.sleep(3)
            receiver = subprocess.Popen(
                with_parent([*route.viewers, *command.itself(
                    'adaptive', '--receive', str(options.seconds + options.widened))]),
                env=environment, stdout=subprocess.PIPE, text=True)
            time.sleep(options.seconds)
            networks.narrow(route.server, 100e6)
            out, _ = receiver.communicate()
        finally:
            camera.terminate()
            camera.wait()
    return [json.loads(line) for line in out.splitlines()]


def tell(name: str, pictures: list[Picture], since_s: float, until_s: float) -> None:
    """Print what arrived in a span of time."""
    span = [p for p in pictures if since_s <= p[0] < until_s]
    ages = sorted(p[1] * 1e3 for p in span)
    if not span:
        print(f'{name:34}{0.0:8.1f} pictures/s')
        return
    at = {share: ages[min(len(ages) - 1, int(len(ages) * share))] for share in (0.5, 0.95)}
    print(f'{name:34}{len(span) / (until_s - since_s):8.1f} pictures/s, age {at[0.5]:6.1f} ms '
          f'median {at[0.95]:6.1f} p95, {sum(p[2] for p in span) / len(span) / 1e3:6.1f} kB, '
          f'width {min(p[3] for p in span)} to {max(p[3] for p in span)}')


def main(arguments: Sequence[str]) -> int:
    """Measure without adaptation, and with it."""
    parser = command.parser('adaptive', __doc__)
    parser.add_argument('--mbps', type=float, default=20, help='of the link (default: 20)')
    parser.add_argument('--loss', type=float, default=0,
                        help='percent of the packets (default: 0)')
    parser.add_argument('--seconds', type=float, default=25,
                        help='on the narrow link (default: 25)')
    parser.add_argument('--widened', type=float, default=18,
                        help='seconds on the wide one (default: 18)')
    parser.add_argument('--only', choices=('with', 'without'), help='adaptation (default: both)')
    parser.add_argument('--source', default='file', help='of the camera node (default: file)')
    parser.add_argument('--receive', type=float, help=argparse.SUPPRESS)
    options, parameters = parser.parse_known_args(arguments)
    options.parameters = parameters
    if options.receive:
        receive(options.receive)
        return 0
    networks.check('nft' if options.loss else 'tc')
    with tempfile.TemporaryDirectory() as folder:
        size = make_pictures(Path(folder), WIDTH, HEIGHT, SIZE)
        print(f'{size * FPS * 8 / 1e6:.1f} Mbit/s offered to {options.mbps:g}, '
              f'{options.loss:g} % loss; load {os.getloadavg()[0]:.1f}')
        for adaptive in (False, True):
            if options.only == ('without' if adaptive else 'with'):
                continue
            name = f'{"with" if adaptive else "without"} adaptation'
            pictures = run(options, adaptive, folder)
            first_s = pictures[0][0] if pictures else 0.0
            tell(f'{name}, first 5 s', pictures, first_s, first_s + 5)
            tell('  from 5 s on', pictures, first_s + 5, options.seconds)
            full = [p[0] - options.seconds for p in pictures
                    if p[0] > options.seconds and p[2] > 0.97 * size]
            tell('  last 3 s on 100 Mbit/s', pictures, options.seconds + options.widened - 4,
                 options.seconds + options.widened - 1)
            print('  full quality again after ' + (f'{full[0]:.1f} s' if full else '-'))
    return 0
