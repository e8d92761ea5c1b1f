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
How soon the vehicle does what its driver wants, and how soon it stops without the driver.

Run it with: .venv/bin/python -m benchmarks driving [--only keys|cut|frozen|spectators]

keys        from a key press in a real Chromium until another process has received `cmd_vel`
cut         the link between driver and robot is cut at full speed: from when the last command
            that arrived was given, by the bridge's own stamp, until the vehicle is told to stop
frozen      the camera stops while commands go on: from when the last frame was captured, until
            the vehicle is told to stop
spectators  one driver and 20 spectators on a link of 50 Mbit/s: the age of the driver's frames,
            and the round trip of the commands, with the driver's priority and without

All but `keys`, which needs Chromium and playwright, use the scripted driver of test/support;
`cut` and `spectators` need root and iproute2, for network namespaces.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
import json
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from pi_camera_stream.core.with_parent import with_parent
from support.driving_link import Child, driving_over, start_robot
from support.processes import wait_until

from .common import command, networks
from .common.pictures import make_pictures
from .load.client_pool import ClientConfig

CHROMIUM = '/usr/bin/chromium'
ROUNDS = {'keys': 200, 'cut': 100, 'frozen': 20}
SPECTATORS, LINK_BPS = 20, 50_000_000
WIDTH, HEIGHT, FPS, SIZE = 1280, 720, 30, 148_000
WARM_UP_S, SECONDS = 8.0, 20.0


def figures(name: str, values_s: Iterable[float], goal: str) -> None:
    """Print the spread of times."""
    ordered = sorted(value * 1e3 for value in values_s)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    print(f'{name}: {ordered[0]:.1f} ms least, {at(0.5):.1f} median, {at(0.95):.1f} p95, '
          f'{at(0.99):.1f} p99, {ordered[-1]:.1f} most; {len(ordered)} times; goal {goal}; '
          f'load {os.getloadavg()[0]:.1f}', flush=True)


def measure_cuts(rounds: int) -> None:
    """Cut the link again and again."""
    times_s, moved = [], 0
    with networks.two_hosts() as (robot, desk), \
            driving_over(robot, desk, networks.ADDRESSES[0]) as drive:
        for _ in range(rounds):
            after_s, motion = drive.cut(seconds=0.7)
            times_s.append(after_s)
            moved += bool(motion)
            time.sleep(random.uniform(0.0, 0.1))  # noqa: S311 - no secret
    figures('link cut, to zero', times_s, 'all below 500 ms')
    print(f'  above 500 ms: {sum(time_s >= 0.5 for time_s in times_s)} of {rounds}; '
          f'motion after the zero: {moved}')


def measure_frozen(rounds: int) -> None:
    """Stop the camera again and again."""
    times_s = []
    with driving_over((), (), '127.0.0.1', port=18081) as drive:
        for _ in range(rounds):
            drive.wait_for_full_speed()
            time.sleep(random.uniform(0.3, 0.5))  # noqa: S311 - no secret
            began_s = time.time()
            drive.camera.process.send_signal(signal.SIGSTOP)
            stop = wait_until(lambda began_s=began_s: next(
                (heard for heard in drive.heard()
                 if heard['stamp_s'] > began_s and not heard['linear']), None))
            time.sleep(0.1)
            times_s.append(stop['stamp_s'] - drive.pictures()[-1]['taken_s'])
            drive.camera.process.send_signal(signal.SIGCONT)
    figures('picture frozen, to zero', times_s, 'all below 600 ms')


def measure_spectators(named: bool, options: argparse.Namespace) -> None:
    """Drive on a narrow link that others use, too; `named` is whether the bridge knows who."""
    with tempfile.TemporaryDirectory() as folder, networks.cable(LINK_BPS) as route:
        make_pictures(Path(folder), WIDTH, HEIGHT, SIZE)
        bridge = start_robot(route.server, route.address, max_viewers=100)
        children = [bridge, Child(
            route.server, 'benchmarks.programs.stamped_stream', '--folder', folder, '--fps',
            FPS, '--ros-args', '--log-level', 'warn')]
        try:
            bridge.wait_for(' at http')
            result = Path(folder) / 'spectators.json'
            config = ClientConfig(
                route.address, 8080, '/stream.mjpg', options.spectators, 0, WARM_UP_S,
                options.seconds, False, bridge.process.pid, {}, str(result))
            driver = Child(route.viewers, 'support.driver',
                           f'http://{route.address}:8080/', *([] if named else ['unnamed']))
            children.append(driver)
            wait_until(lambda: driver.told)
            subprocess.run(with_parent([
                *route.viewers, sys.executable, '-m', 'benchmarks.load.client_main',
                json.dumps(asdict(config))]), check=True)
            until_s = time.time()
            told = list(driver.told)
        finally:
            for child in reversed(children):
                child.stop()
        spectators = json.loads(result.read_text())
    since_s = until_s - options.seconds
    pictures = [one for one in told if since_s < one.get('came_s', 0) < until_s]
    commands = [one for one in told if since_s < one.get('heard_s', 0) < until_s]
    name = 'with his priority' if named else 'without priority'
    figures(f"driver's picture age {name}", [one['came_s'] - one['taken_s'] for one in pictures],
            'p95 at most 100 ms')
    figures(f'command round trip {name}', [one['heard_s'] - one['given_s'] for one in commands],
            'p95 at most 100 ms')
    tiers = Counter(one['tier'] for one in pictures)
    print(f'  driver: {len(pictures) / options.seconds:.1f} pictures/s, tiers '
          + ', '.join(f'{tier}: {count / len(pictures):.0%}' for tier, count in
                      sorted(tiers.items()))
          + f"; spectators: {spectators['frames_per_s_mean']:.1f} pictures/s, "
          f"{spectators['frame_kb']:.0f} kB, age p95 {spectators['age_p95_ms']:.0f} ms; bridge "
          f"{spectators['cpu_percent']:.0f} % CPU", flush=True)


def measure_keys(rounds: int) -> None:
    """Press and release a key again and again."""
    from playwright.sync_api import sync_playwright
    children = []
    try:
        camera = Child((), 'pi_camera_stream', 'camera', '--ros-args', '-p', 'source:=pattern')
        bridge = start_robot((), '127.0.0.1', port=18081)
        car = Child((), 'support.car')
        children += [camera, bridge, car]
        bridge.wait_for(' at http')
        car.wait_for('ready')
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[
                '--no-sandbox', '--disable-gpu'])
            page = browser.new_page(viewport={'width': 1280, 'height': 800})
            page.add_init_script("""addEventListener('keydown', (event) => {
                window.pressedMs = performance.timeOrigin + event.timeStamp;
            }, { capture: true });""")
            page.goto('http://127.0.0.1:18081/')
            page.locator('.wheel').click()
            page.wait_for_selector('body.drives')
            page.wait_for_timeout(3000)
            pressed_s, called_s = press(page, car, rounds)
            browser.close()
    finally:
        for child in reversed(children):
            child.stop()
    figures('key press in Chromium to cmd_vel received', pressed_s,
            'median at most 25 ms, p99 at most 60 ms')
    figures("  from the measuring program's call on", called_s, 'none')


def press(page: Any, car: Child, rounds: int) -> tuple[list[float], list[float]]:
    """Return how long it took from the browser's key event, and from our call."""
    pressed_s, called_s = [], []
    for _ in range(rounds):
        page.wait_for_timeout(random.uniform(100, 300))  # noqa: S311 - no secret
        began_s, told = time.time(), len(car.told)
        page.keyboard.down('w')
        came_s = wait_until(lambda told=told: next(
            (one['came_s'] for one in car.told[told:] if one['linear'] > 0), None))
        pressed_s.append(came_s - page.evaluate('pressedMs') / 1e3)
        called_s.append(came_s - began_s)
        page.keyboard.up('w')
        wait_until(lambda: car.told[-1]['linear'] == 0)
    return pressed_s, called_s


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line each."""
    parser = command.parser('driving', __doc__)
    parser.add_argument('--only', choices=('keys', 'cut', 'frozen', 'spectators'),
                        help='this measurement (default: all)')
    parser.add_argument('--rounds', type=int, help='of `keys`, `cut` and `frozen`')
    parser.add_argument('--seconds', type=float, default=SECONDS,
                        help=f'of `spectators` (default: {SECONDS:g})')
    parser.add_argument('--spectators', type=int, default=SPECTATORS,
                        help=f'default: {SPECTATORS}')
    parser.add_argument('--priority', choices=('with', 'without'),
                        help='of `spectators`: only this (default: both)')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    if options.only not in ('keys', 'frozen'):
        networks.check()  # before anything that takes long
    for name, measure in (('keys', measure_keys), ('cut', measure_cuts),
                          ('frozen', measure_frozen)):
        if options.only in (None, name):
            measure(options.rounds or ROUNDS[name])
    if options.only in (None, 'spectators'):
        for named in (True, False):
            if options.priority in (None, 'with' if named else 'without'):
                measure_spectators(named, options)
    return 0
