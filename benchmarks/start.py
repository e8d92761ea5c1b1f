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
How long it takes from the start of the programs to the first frame that a browser paints.

Run it with: .venv/bin/python -m benchmarks start [--rounds 10]
A Chromium that is already open requests the page until it is there: by turns that of `serve`, and
that of camera node and bridge, which are started together. Both show the test pattern. What the
first round reads from the disk is in memory for the others. All traffic is on loopback.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
import json
import statistics
import time

from pi_camera_stream.core.errors import PermanentError
from playwright.sync_api import Browser, Error, sync_playwright, WebSocket

from .browser import CHROMIUM
from .common import command
from .common.networks import free_port
from .pipeline import child

_PATIENCE_S = 60.0
_LOOK_MS = 5


def serve(port: int) -> list[list[str]]:
    """Return the one program that needs no ROS."""
    return [['serve', '--source', 'pattern', '--port', str(port), '--address', '127.0.0.1']]


def nodes(port: int) -> list[list[str]]:
    """Return the two nodes that it takes."""
    return [['camera', '--ros-args', '-p', 'source:=pattern'],
            ['bridge', '--ros-args', '-p', f'port:={port}', '-p', 'address:=127.0.0.1']]


PROGRAMS: dict[str, Callable[[int], list[list[str]]]] = {'serve': serve, 'ROS nodes': nodes}


def first_picture_s(browser: Browser, programs: Callable[[int], list[list[str]]]) -> float:
    """Start the programs; return the seconds until the first paint, or PermanentError."""
    painted_s: list[float] = []

    def hear(payload: str | bytes) -> None:
        message = json.loads(payload)
        if message['type'] == 'ack' and message.get('age_ms') is not None:
            painted_s.append(time.monotonic())

    def listen(socket: WebSocket) -> None:
        socket.on('framesent', hear)

    page, port = browser.new_page(viewport={'width': 1280, 'height': 800}), free_port()
    page.on('websocket', listen)
    with ExitStack() as stack:
        started_s = time.monotonic()
        for words in programs(port):
            stack.enter_context(child('-m', 'pi_camera_stream', *words))
        there = False
        while not painted_s:
            if time.monotonic() > started_s + _PATIENCE_S:
                raise PermanentError(f'no frame within {_PATIENCE_S:.0f} s')
            try:
                if not there:
                    page.goto(f'http://127.0.0.1:{port}/', wait_until='commit')
                    there = True
            except Error:  # nobody listens yet
                pass
            page.wait_for_timeout(_LOOK_MS)
    page.close()
    return painted_s[0] - started_s


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line each."""
    parser = command.parser('start', __doc__)
    parser.add_argument('--rounds', type=int, default=10, help='default: 10')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    took_s: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        for number in range(options.rounds + 1):
            for name, programs in PROGRAMS.items():
                seconds = first_picture_s(browser, programs)
                if number:
                    took_s[name].append(seconds)
        browser.close()
    for name, values in took_s.items():
        print(f'{name:10} {statistics.median(values):.2f} s (median), {min(values):.2f} to '
              f'{max(values):.2f}, {len(values)} times')
    return 0
