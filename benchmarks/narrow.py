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
Whether the page finds the quality that a narrow link carries, on each of many visits.

Two network namespaces act as two machines: camera node and bridge in one, a real Chromium in the
other. The link is narrow from the beginning and has a small queue (tbf with
`burst 4kb latency 100ms`), so that no frame ever gets through at full speed. Each visit opens the
page anew and waits until it has settled; then its rate, age at paint and tier are recorded.
Needs root, iproute2, Chromium and playwright (`script/setup --test` installs the latter):

    sudo .venv/bin/python -m benchmarks narrow [--visits 5] [--only 8]
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import cast, IO

from pi_camera_stream.core.with_parent import with_parent

from .browser import CHROMIUM, Ears
from .common import command, networks
from .common.pictures import make_pictures

WIDTH, HEIGHT, FPS = 1280, 720, 30
LINKS = {8: 54_000, 5: 35_000, 20: 148_000}  # Mbit/s: bytes of a picture
SHAPE = ('burst', '4kb', 'latency', '100ms')
PORT = 8080
LEAST_PER_S, MOST_AGE_MS = 24.0, 60.0  # what each visit should get
WARM_UP_S = 6


def visit(address: str, visits: int, settle_s: float, seconds: float) -> None:
    """Print one JSON line for each visit: its rate, its ages at paint in ms, and its tier."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        for _ in range(visits):
            context = browser.new_context(viewport={'width': 1280, 'height': 800})
            page, ears = context.new_page(), Ears()
            page.on('websocket', ears.listen)
            page.goto(address)
            page.wait_for_timeout(settle_s * 1e3)
            ears.forget()
            page.wait_for_timeout(seconds * 1e3)
            tier = page.locator('.figures .tier').first.inner_text()
            print(json.dumps((len(ears.ages_ms) / seconds, sorted(ears.ages_ms), tier)),
                  flush=True)
            context.close()
        browser.close()


@contextmanager
def robot(host: networks.Prefix, folder: str) -> Iterator[None]:
    """Run camera and bridge on a host."""
    nodes = [
        ('camera', '-p', 'source:=file', '-p', f'path:={folder}', '-p', f'fps:={FPS}.0'),
        ('bridge', '-p', f'port:={PORT}', '-p', 'address:=0.0.0.0')]
    programs = [subprocess.Popen(
        with_parent([*host, sys.executable, '-m', 'pi_camera_stream', name, '--ros-args',
                     *arguments]),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name, *arguments in nodes]
    try:
        time.sleep(WARM_UP_S)
        yield
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait()


def measure(mbps: int, options: argparse.Namespace) -> bool:
    """Print a line for each visit; return whether all were as they should be."""
    with tempfile.TemporaryDirectory() as folder, networks.two_hosts() as (server, viewers):
        size = make_pictures(Path(folder), WIDTH, HEIGHT, LINKS[mbps])
        networks.narrow(server, mbps * 1e6, shape=SHAPE)
        print(f'{mbps} Mbit/s, {FPS} pictures/s of {size / 1e3:.0f} kB: '
              f'{size * FPS * 8 / 1e6:.1f} Mbit/s; load {os.getloadavg()[0]:.1f}', flush=True)
        with robot(server, folder):
            visitor = subprocess.Popen(
                with_parent([*viewers, *command.itself(
                    'narrow', '--visit', f'http://{networks.ADDRESSES[0]}:{PORT}/',
                    '--visits', str(options.visits), '--settle', str(options.settle),
                    '--seconds', str(options.seconds))]),
                stdout=subprocess.PIPE, text=True)
            lines = cast(IO[str], visitor.stdout)
            well = [_tell(*json.loads(line)) for line in lines]
            return len(well) == options.visits and all(well)


def _tell(per_s: float, ages_ms: list[float], tier: str) -> bool:
    if not ages_ms:
        print('   0.0/s', flush=True)
        return False
    age_ms, late_ms = statistics.median(ages_ms), ages_ms[int(0.95 * (len(ages_ms) - 1))]
    well = per_s >= LEAST_PER_S and age_ms <= MOST_AGE_MS
    print(f'  {per_s:5.1f}/s, age at paint {age_ms:4.0f} ms median {late_ms:4.0f} p95, {tier}'
          f'{"" if well else "  <- not as it should be"}', flush=True)
    return well


def main(arguments: Sequence[str]) -> int:
    """Measure link after link; 1 when a visit got less than it should."""
    parser = command.parser('narrow', __doc__)
    parser.add_argument('--visits', type=int, default=5, help='of each link (default: 5)')
    parser.add_argument('--settle', type=float, default=8.0,
                        help='seconds before it counts (default: 8)')
    parser.add_argument('--seconds', type=float, default=8.0,
                        help='that are measured (default: 8)')
    parser.add_argument('--only', type=int, choices=LINKS,
                        help='this link, in Mbit/s (default: all)')
    parser.add_argument('--visit', metavar='ADDRESS', help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.visit:
        visit(options.visit, options.visits, options.settle, options.seconds)
        return 0
    networks.check()
    command.stay_on_this_machine()
    links = [options.only] if options.only else list(LINKS)
    well = [measure(mbps, options) for mbps in links]
    return 0 if all(well) else 1
