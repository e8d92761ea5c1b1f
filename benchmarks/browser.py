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
How old frames are when a browser paints them: the page in a real Chromium, over its WebSocket.

Run it with: .venv/bin/python -m benchmarks browser [--seconds 20] [--video FILE]
A 1280x720 JPEG of about 148 kB is piped in 30 times a second, or a video is played. The page
measures the age of each frame right after painting it and reports it to the bridge; these reports
are evaluated. Needs Chromium and playwright (`script/setup --test` installs the latter). All
traffic is on loopback.
"""

from collections.abc import Sequence
import json
import statistics
import subprocess
import time

from playwright.sync_api import sync_playwright, WebSocket

from .common import command
from .lean import wait_for
from .pipeline import child, feed, FPS, picture, PORT, WARM_UP_S

CHROMIUM = '/usr/bin/chromium'


class Ears:
    """Hear what the page tells the bridge of each picture."""

    def __init__(self) -> None:
        self.ages_ms: list[float] = []
        self.painted_s: list[float] = []
        self.left_out = 0

    def listen(self, socket: WebSocket) -> None:
        """Hear what is sent over `socket` from now on."""
        socket.on('framesent', self._hear)

    def forget(self) -> None:
        """Begin anew."""
        self.ages_ms, self.painted_s, self.left_out = [], [], 0

    def _hear(self, payload: str | bytes) -> None:
        message = json.loads(payload)
        if message['type'] == 'ack' and message.get('age_ms') is None:
            self.left_out += 1
        elif message['type'] == 'ack':
            self.ages_ms.append(message['age_ms'])
            self.painted_s.append(time.monotonic())

    def row(self, seconds: float) -> str:
        """Return the figures."""
        ages_ms = sorted(self.ages_ms)
        pauses_ms = sorted((after - before) * 1e3 for before, after in
                           zip(self.painted_s, self.painted_s[1:], strict=False))
        interval_ms = statistics.median(pauses_ms)

        def share(values: list[float], part: float) -> float:
            return values[int(part * (len(values) - 1))]

        return (f'{len(ages_ms) / seconds:.1f} painted/s, {self.left_out} dropped; age at paint '
                f'{share(ages_ms, 0.5):.0f} ms median, {share(ages_ms, 0.95):.0f} p95, '
                f'{share(ages_ms, 0.99):.0f} p99, which are '
                f'{share(ages_ms, 0.5) / interval_ms:.2f} frame intervals at the median; '
                f'between two paints {interval_ms:.0f} ms median, {share(pauses_ms, 0.95):.0f} '
                f'p95, {share(pauses_ms, 0.99):.0f} p99')


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line."""
    parser = command.parser('browser', __doc__)
    parser.add_argument('--seconds', type=float, default=20.0, help='default: 20')
    parser.add_argument('--video', metavar='FILE', help='play this video instead')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    source = ('source:=file', '-p', f'path:={options.video}') if options.video else (
        'source:=stdin',)
    ears = Ears()
    module = ('-m', 'pi_camera_stream')
    with sync_playwright() as playwright, \
            child(*module, 'bridge', '--ros-args', '-p', f'port:={PORT}'), \
            child(*module, 'camera', '--ros-args', '-p', *source,
                  stdin=subprocess.PIPE) as camera:
        if not options.video:
            jpeg = picture()
            feed(camera, jpeg)
            print(f'{len(jpeg)} bytes, {FPS}/s, {options.seconds:.0f} s')
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1280, 'height': 800})
        page.on('websocket', ears.listen)
        wait_for(f'http://127.0.0.1:{PORT}/healthz')
        time.sleep(WARM_UP_S)
        page.goto(f'http://127.0.0.1:{PORT}/')
        page.wait_for_timeout(WARM_UP_S * 1000)
        ears.forget()
        page.wait_for_timeout(options.seconds * 1000)
        print(ears.row(options.seconds))
        browser.close()
    return 0
