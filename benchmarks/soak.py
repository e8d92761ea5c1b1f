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
Whether anything grows, slows down or ends when everything happens at once for a long time.

Run it with: script/soak [--minutes 30] [--busy-loops 0] [--attacks], which makes the virtual
environment and runs `python -m benchmarks soak`.

Camera node (test pattern, 1280x720), bridge and consumer run as processes. The bridge has five
viewers who stay, one who reconnects every 5 s, one who reads nothing, five who go from topic to
topic, and a driver whose car follows `cmd_vel`. Alongside the camera's topics, 30 others come and
go, 5 every 2 s. At the beginning (after a tenth of the time), in the middle and at the end, it
prints what each process holds, the round trip of a command to the bridge, the time from a press
to the car, and the age of frames on arrival. With --attacks, an attacker does all that
`benchmarks.programs.attacker` can at the same time. The exit code is 1 if something has grown,
ended or complained.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

import aiohttp
from std_msgs.msg import String
from support.car import Car
from support.driver import Driver
from support.guest import Guest
from support.processes import parameters, Program, running
from support.web import get, parts

from .common import command
from .common.proc import snapshot
from .programs.attacker import attack, KINDS, SOURCE
from .programs.going_topics import NAMES

VIEWERS, WANDERERS = 5, 5
STAY_S = 5.0
WINDOW_S = 30.0
LET_GO_S, PRESS_S = 0.4, 0.6
GROWTH, GROWTH_MB, MORE = 1.1, 10, 5  # of memory; descriptors and threads
MORE_ATTACKED = 256  # what waits to be let go is sometimes more and sometimes less


@dataclass
class Sample:
    """What a process holds: MB of 2**20 bytes, and counts."""

    rss_mb: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Look at a process."""
    now = snapshot(pid)
    return Sample(now.rss_mb, len(os.listdir(f'/proc/{pid}/fd')), now.threads)
PARAMETERS: dict[str, dict[str, Any]] = {
    'camera': {'source': 'pattern', 'width': 1280, 'height': 720, 'fps': 30.0},
    'bridge': {'port': 0, 'address': '127.0.0.1', 'teleop__enabled': 'true',
               'teleop__insecure': 'true', 'teleop__stamped': 'true', 'trusted_proxies': SOURCE},
    'consumer': {'processor': 'edges'},
}


class Watching(threading.Thread):
    """Look at one stream until it is stopped; ages of pictures in s, with when they came."""

    def __init__(self, url: str | Callable[[], str], stay_s: float | None = None) -> None:
        super().__init__(daemon=True)
        self._url, self._stay_s = url, stay_s
        self.ages: list[tuple[float, float]] = []
        self.stopping = threading.Event()
        self.visits = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            self.visits += 1
            until_s = time.monotonic() + (self._stay_s or 1e9)
            try:
                with get(self.url()) as response:
                    for headers, _ in parts(response):
                        now_s = time.time()
                        self.ages.append((now_s, now_s - float(headers['X-Timestamp'])))
                        if self.stopping.is_set() or time.monotonic() > until_s:
                            break
            except (OSError, ValueError, StopIteration, RuntimeError):
                self.stopping.wait(0.5)  # the topic has gone; the bridge is looked at elsewhere

    def url(self) -> str:
        """Return the address of the next visit."""
        return self._url if isinstance(self._url, str) else self._url()


class Returning(threading.Thread):
    """Come by WebSocket for some seconds, again and again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.stopping = threading.Event()
        self.pictures = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                asyncio.run(self._visit())
            except Exception:  # the bridge has gone: that is seen elsewhere
                self.stopping.wait(0.5)

    async def _visit(self) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(
                f'{self._url}ws', max_msg_size=0) as connection:
            until_s = time.monotonic() + STAY_S
            while time.monotonic() < until_s and not self.stopping.is_set():
                message = await connection.receive(timeout=STAY_S)
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.pictures += 1
                    sequence = int.from_bytes(message.data[4:8], 'big')
                    await connection.send_json({'type': 'ack', 'sequence': sequence})


class Soak:
    """All who take part."""

    def __init__(self, programs: dict[str, Program], driver: Driver, car: Car,
                 viewers: list[Watching]) -> None:
        self.programs, self.driver, self.car, self.viewers = programs, driver, car, viewers
        self.samples: list[dict[str, Sample]] = []
        self.more = MORE
        # When the car heard of one, and how long that took, in s.
        self.presses: list[tuple[float, float]] = []

    def press(self, throttle: float) -> None:
        """Let go, press, and see when the car hears of it."""
        self.driver.let_go()
        time.sleep(LET_GO_S)
        told, pressed_s = len(self.car.heard), time.time()
        stood = bool(told) and self.car.heard[-1].standing
        self.driver.hold(throttle=throttle, steering=0.3)
        time.sleep(PRESS_S)
        given_s = next((given_s for given_s in list(self.driver.given.copy().values())[-100:]
                        if given_s >= pressed_s), None)
        heard_s = next((heard.came_s for heard in self.car.heard[told:]
                        if not heard.standing and heard.came_s > pressed_s), None)
        if stood and given_s is not None and heard_s is not None:
            self.presses.append((heard_s, heard_s - given_s))

    def measure(self, when: str) -> None:
        """Print what is the case now."""
        now_s = time.time()
        samples = {name: sample(program.process.pid) for name, program in self.programs.items()}
        self.samples.append(samples)
        trips = [(heard_s - self.driver.given[number]) * 1e3
                 for number, heard_s in self.driver.heard.copy().items()
                 if now_s - heard_s < WINDOW_S and number in self.driver.given]
        ages = [age_s * 1e3 for viewer in self.viewers for came_s, age_s in list(viewer.ages)
                if now_s - came_s < WINDOW_S]
        presses = [took_s * 1e3 for heard_s, took_s in self.presses
                   if now_s - heard_s < WINDOW_S]
        held = '; '.join(f'{name} {one.rss_mb:.0f} MB, {one.descriptors} descriptors, '
                         f'{one.threads} threads' for name, one in samples.items())
        print(f'{when}: {held}; round trip of a command {spread(trips)}, to the car '
              f'{spread(presses)}; age of frames {spread(ages)}; '
              f'{len(ages) / WINDOW_S / max(1, len(self.viewers)):.1f} frames/s a viewer; '
              f'load {os.getloadavg()[0]:.1f}', flush=True)

    def faults(self) -> Iterator[str]:
        """Return what is wrong now, in sentences."""
        for name, program in self.programs.items():
            if program.process.poll() is not None:
                yield f'the {name} has ended with exit code {program.process.returncode}'
            for word in ('Traceback', 'a callback failed', 'Fatal'):
                if word in program.output:
                    where = program.output.index(word)
                    yield f'the {name} says: {program.output[where:where + 2000]}'
        if not any(not heard.standing for heard in self.car.heard):
            yield 'the car has never moved'

    def growth(self) -> Iterator[str]:
        """Return what has grown from the first measurement to the last one, in sentences."""
        for name, first in self.samples[0].items():
            last = self.samples[-1][name]
            if last.rss_mb > first.rss_mb * GROWTH + GROWTH_MB:
                yield f'the {name} has grown from {first.rss_mb:.0f} to {last.rss_mb:.0f} MB'
            for what in ('descriptors', 'threads'):
                if getattr(last, what) > getattr(first, what) + self.more:
                    yield (f'the {name} had {getattr(first, what)} {what} and has '
                           f'{getattr(last, what)}')


def spread(values: list[float]) -> str:
    """Return median and 95th percentile in words."""
    if len(values) < 2:
        return 'unknown'
    return (f'{statistics.median(values):.1f} ms median, '
            f'{statistics.quantiles(values, n=20)[-1]:.1f} p95')


def main(arguments: Sequence[str]) -> int:
    """Run it; return the exit code."""
    parser = command.parser('soak', __doc__)
    parser.add_argument('--minutes', type=float, default=30.0, help='default: 30')
    parser.add_argument('--busy-loops', type=int, default=0, metavar='N',
                        help='processes that only keep the processor busy (default: 0)')
    parser.add_argument('--attacks', action='store_true',
                        help='alongside: connections that say nothing or do not read, and a flood')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine(1 + os.getpid() % 100)
    seconds = options.minutes * 60
    with ExitStack() as stack:
        def child(*words: str, **more: Any) -> None:
            process = subprocess.Popen(words, **more)
            stack.callback(process.wait)
            stack.callback(process.kill)

        for _ in range(options.busy_loops):
            child(sys.executable, '-c', 'while True: pass')
        child(sys.executable, '-m', 'benchmarks.programs.going_topics', stdin=subprocess.PIPE)
        programs = {name: stack.enter_context(running(name, *parameters(**given)))
                    for name, given in PARAMETERS.items()}
        url = programs['bridge'].wait_for(r'at (http://\S+/)').group(1)
        port = int(url.rstrip('/').rpartition(':')[2])
        for kind in KINDS if options.attacks else ():
            stack.enter_context(attack(kind, port))
        guest = Guest('car')
        stack.callback(guest.close)
        car = Car(guest)
        guest.node.create_subscription(String, '/camera/results', lambda _: None, 1)
        viewers = [Watching(f'{url}stream.mjpg') for _ in range(VIEWERS)]
        coming = [Watching(lambda: f'{url}stream.mjpg?topic={random.choice(NAMES)}',  # noqa: S311
                           STAY_S) for _ in range(WANDERERS)]
        coming.append(Watching(f'{url}stream.mjpg', STAY_S))
        returning = Returning(url)
        stuck = stack.enter_context(socket.create_connection(('127.0.0.1', port)))
        stuck.sendall(b'GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n')
        everybody: list[Watching | Returning] = [*viewers, *coming, returning]
        for thread in everybody:
            stack.callback(thread.join, 10)
            stack.callback(thread.stopping.set)
            thread.start()
        driver = stack.enter_context(Driver(url))
        driver.sit_down()
        soak = Soak(programs, driver, car, viewers)
        if options.attacks:
            soak.more = MORE_ATTACKED
        code = drive(soak, seconds)
        print(f'{sum(one.visits for one in coming)} visits, '
              f'{returning.pictures} frames by WebSocket, {len(driver.heard)} commands heard')
    return code


def drive(soak: Soak, seconds: float) -> int:
    """Drive back and forth for that long, and measure; return the exit code."""
    began_s = time.monotonic()
    due = {'beginning': 0.1 * seconds, 'middle': 0.5 * seconds, 'end': seconds}
    throttle = 0.8
    while due:
        throttle = -throttle
        soak.press(throttle)
        if problems := list(soak.faults()) if time.monotonic() - began_s > 30 else []:
            print('\n'.join(problems))
            return 1
        when = next(iter(due))
        if time.monotonic() - began_s >= due[when]:
            del due[when]
            soak.measure(when)
    problems = [*soak.faults(), *soak.growth()]
    print('\n'.join(problems) or 'nothing has grown, ended or complained')
    return 1 if problems else 0
