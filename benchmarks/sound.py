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
How old sound is when a browser plays it, and whether it comes with its frame.

Run it with: .venv/bin/python -m benchmarks sound [--seconds 10] [--ways websocket,webrtc]
One program makes a click and a white frame at the same moment, twice a second: the click comes as
from a sound card (ALSA's file plug-in), the frame through a pipe, and `serve` takes both. A real
Chromium plays into PulseAudio's null sink, where each click is timed; the page times when it draws
the white frame. A click that a page makes by itself tells how much of that the browser and the
sound server need for any sound. Needs arecord (alsa-utils), PulseAudio (pulseaudio,
pulseaudio-utils), Chromium and playwright. All traffic is on loopback.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, cast

import cv2
import numpy as np
from pi_camera_stream.core.with_parent import with_parent
from playwright.sync_api import Browser, sync_playwright

from .browser import CHROMIUM
from .common import command
from .common.proc import cpu_s
from .common.sound_card import clicks, RATE, SoundCard
from .common.sound_server import listening, SoundServer

PORT = 18166
FPS = 30
PERIOD_S = 0.5
_WARM_UP_S = 15.0  # the jitter buffer of WebRTC begins with a lot
_WAYS = {'websocket': '', 'webrtc': 'delete window.AudioDecoder;'}
# Notes when a white picture is drawn.
_PROBE = """
window.flashes = [];
const draw = CanvasRenderingContext2D.prototype.drawImage;
const one = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
let white = false;
CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
  draw.call(this, image, ...rest);
  const nowMs = performance.timeOrigin + performance.now();
  one.drawImage(image, 0, 0, 1, 1);
  const before = white;
  white = one.getImageData(0, 0, 1, 1).data[1] > 128;
  if (white && !before) flashes.push(nowMs);
};
"""


# Clicks by itself, twice a second; returns when, by the clock of the system.
_CLICK = """
async () => {
  const context = new AudioContext({ latencyHint: 'interactive', sampleRate: 48000 });
  await context.resume();
  const sound = context.createBuffer(1, 96, 48000);
  sound.getChannelData(0).fill(0.6);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const clicks = [];
  for (let number = 0; number < 6; number += 1) {
    const source = context.createBufferSource();
    source.buffer = sound;
    source.connect(context.destination);
    source.start();
    clicks.push(performance.timeOrigin + performance.now());
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await context.close();
  return clicks;
}
"""


class _Camera:
    """Write pictures into a pipe, a white one with each click."""

    def __init__(self, pipe: Path, card: SoundCard) -> None:
        self._pipe, self._card = pipe, card
        self._jpegs = [cv2.imencode('.jpg', np.full((360, 640, 3), level, np.uint8))[1].tobytes()
                       for level in (40, 255)]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with self._pipe.open('wb', buffering=0) as out, suppress(BrokenPipeError):
            while True:
                begin_s = self._card.begin_ns / 1e9 or time.monotonic()
                number = int((time.monotonic() - begin_s) * FPS) + 1
                time.sleep(max(0.0, begin_s + number / FPS - time.monotonic()))
                out.write(self._jpegs[number % round(PERIOD_S * FPS) == 0])


@contextmanager
def _serving(card: SoundCard, folder: Path) -> Iterator[int]:
    """Run the server; yield the number of its process."""
    pipe = folder / 'pictures'
    os.mkfifo(pipe)
    _Camera(pipe, card)
    process = subprocess.Popen(with_parent([
        sys.executable, '-m', 'pi_camera_stream', 'serve', '--source', 'stdin', '--path',
        str(pipe), '--address', '127.0.0.1', '--port', str(PORT), '--audio', card.name,
        '--h264-above-bps', '100000000000']), env={**os.environ, **card.environment},
        stdout=subprocess.DEVNULL)
    try:
        time.sleep(3.0)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _measure_output(browser: Browser, server: SoundServer) -> float:
    """Return how many ms later the sound server plays what a page plays now."""
    page = browser.new_page()
    server.clicks_ms.clear()
    made_ms: list[float] = page.evaluate(_CLICK)
    page.close()
    return statistics.median(heard_ms - at_ms for at_ms, heard_ms in zip(
        made_ms, server.clicks_ms, strict=True))


def _measure(browser: Browser, way: str, seconds: float, card: SoundCard, server: SoundServer,
             output_ms: float, pid: int) -> str:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.add_init_script(_WAYS[way] + _PROBE)
    page.goto(f'http://127.0.0.1:{PORT}/?sound=on')
    page.wait_for_timeout(_WARM_UP_S * 1000)
    page.evaluate('flashes.length = 0')
    server.clicks_ms.clear()
    used_s = cpu_s(pid)
    page.wait_for_timeout(seconds * 1000)
    used_s = cpu_s(pid) - used_s
    heard_ms = server.clicks_ms.copy()
    drawn_ms: list[float] = page.evaluate('flashes')
    context.close()
    begin_ms = (card.begin_ns + time.time_ns() - time.monotonic_ns()) / 1e6
    sound_ms = [_age_ms(at_ms, begin_ms) for at_ms in heard_ms]
    picture_ms = [_age_ms(at_ms, begin_ms) for at_ms in drawn_ms]
    if not sound_ms or not picture_ms:
        return f'{way}: {len(sound_ms)} clicks and {len(picture_ms)} flashes have come'
    before_ms = [age_ms - output_ms for age_ms in sound_ms]
    offset_ms = statistics.median(before_ms) - statistics.median(picture_ms)
    return (f'{way}: {len(sound_ms)} of {seconds / PERIOD_S:.0f} clicks; sound '
            f'{_figures(sound_ms)} old when it is to be heard, of which the browser takes '
            f'{output_ms:.0f} ms for anything that a page plays; without these it is '
            f'{_figures(before_ms)} old, pictures {_figures(picture_ms)} when drawn: it comes '
            f'{offset_ms:+.0f} ms after its picture; serve used {used_s / seconds:.1%} of a core')


def _age_ms(at_ms: float, begin_ms: float) -> float:
    """Return how long ago the click, or flash, was made that has come at this moment."""
    return (at_ms - begin_ms) % (PERIOD_S * 1e3)


def _figures(ages_ms: list[float]) -> str:
    ordered = sorted(ages_ms)
    return (f'{statistics.median(ordered):.0f} ms median, '
            f'{ordered[int(0.95 * (len(ordered) - 1))]:.0f} p95')


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line for each way."""
    parser = command.parser('sound', __doc__)
    parser.add_argument('--seconds', type=float, default=10.0, help='of each (default: 10)')
    parser.add_argument('--ways', default=','.join(_WAYS),
                        help=f'default: {",".join(_WAYS)}')
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright, \
            listening(Path(name)) as server:
        card = SoundCard(Path(name), clicks(round(PERIOD_S * RATE)))
        try:
            with _serving(card, Path(name)) as pid:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, env={**os.environ, **server.environment},
                    ignore_default_args=['--mute-audio'], args=[
                        '--no-sandbox', '--autoplay-policy=no-user-gesture-required'])
                output_ms = _measure_output(browser, server)
                for way in cast(Any, options).ways.split(','):
                    print(_measure(browser, way, options.seconds, card, server, output_ms, pid),
                          flush=True)
                browser.close()
        finally:
            card.stop()
    return 0
