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
Whether viewers and drivers come back after a program was killed and started again.

Run it with: .venv/bin/python -m benchmarks kills [--times 20] [--busy-loops 4]
`serve`, then camera node, bridge and consumer are each killed (SIGKILL) at random moments,
alongside busy loops, and started again after two seconds, as systemd and the launch files do.
Viewers reopen their stream when it breaks off; the driver reconnects as a page does, and presses
and releases a control by turns. It measures the time from the kill, including these two seconds,
until all viewers get new frames and the vehicle gets new commands. The exit code is 1 if somebody
did not come back.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
import math
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from urllib.request import urlopen

from pi_camera_stream.core.with_parent import with_parent

from .common import command
from .common.networks import free_port
from .ends import busy

DELAY_S = 2.0  # nodes/restarts.py, RestartSec in config/
BACK_S = 90.0  # whoever takes longer has not come back
VIEWERS = 3
PROGRAMS = 'serve', 'camera', 'bridge', 'consumer'
MODULE = [sys.executable, '-m', 'pi_camera_stream']


class Service:
    """A program that is started again when it has died."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = [*MODULE, *words]
        self._ended = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Kill it; it comes again by itself."""
        self._process.kill()

    def stop(self) -> None:
        """Kill it for good."""
        self._ended.set()
        self._process.kill()
        self._thread.join()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(with_parent(self._words), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _keep(self) -> None:
        while True:
            self._process.wait()
            if self._ended.wait(DELAY_S):
                return
            self._process = self._start()
            if self._ended.is_set():
                self._process.kill()


class Viewer(threading.Thread):
    """Watches a stream, and opens it again when it breaks off."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.stamp_s = 0.0  # of the newest picture

    def run(self) -> None:
        while True:
            try:
                with urlopen(self._url, timeout=5.0) as response:  # noqa: S310 - our own
                    for line in response:
                        # A picture that says that none comes has no stamp.
                        if line.lower().startswith(b'x-timestamp:'):
                            self.stamp_s = float(line.partition(b':')[2])
            except (OSError, ValueError):
                time.sleep(0.2)


# Who waits -> what returns when the newest that has come was made, in s.
Waiting = Mapping[str, Callable[[], float]]


@dataclass(frozen=True)
class Return:
    """How long it took until all were back, and who was the last; infinite when one was not."""

    seconds: float
    last: str


def comes_back(kill: Callable[[], None], waiting: Waiting) -> Return:
    """Kill, and see how long it takes until all have something newer."""
    time.sleep(random.uniform(0.5, 2.0))  # noqa: S311 - no secret
    struck_s = time.time()
    kill()
    back: dict[str, float] = {}
    while len(back) < len(waiting):
        now_s = time.time() - struck_s
        if now_s > BACK_S:
            return Return(math.inf, ', '.join(waiting.keys() - back.keys()))
        # What was under way when it was killed does not count.
        back.update({name: now_s for name, newest in waiting.items()
                     if name not in back and newest() > struck_s + DELAY_S})
        time.sleep(0.01)
    last = max(back, key=back.__getitem__)
    return Return(back[last], last)


def report(name: str, returns: Sequence[Return]) -> bool:
    """Print a line; return whether all came back each time."""
    longest = max(returns, key=lambda one: one.seconds)
    back = sum(one.seconds < math.inf for one in returns)
    print(f'{name:9}killed {len(returns)} times: all back {back} times, after '
          f'{statistics.median(one.seconds for one in returns):.1f} s (median), '
          f'at most {longest.seconds:.1f} s ({longest.last}); load {os.getloadavg()[0]:.0f}',
          flush=True)
    return back == len(returns)


def viewers(what: str, url: str) -> Waiting:
    """Let some watch."""
    threads = {f'viewer {number} of {what}': Viewer(url) for number in range(VIEWERS)}
    for thread in threads.values():
        thread.start()
    return {name: partial(getattr, thread, 'stamp_s') for name, thread in threads.items()}


def wait_for(waiting: Waiting) -> None:
    """Return when all have something."""
    until_s = time.monotonic() + BACK_S
    while not all(newest() for newest in waiting.values()):
        if time.monotonic() > until_s:
            raise RuntimeError('nothing has come at all')
        time.sleep(0.05)


def kill_serve(times: int) -> bool:
    """Try it without ROS."""
    port = free_port()
    service = Service(['serve', '--source', 'pattern', '--fps', '30', '--address', '127.0.0.1',
                       '--port', str(port)])
    try:
        waiting = viewers('serve', f'http://127.0.0.1:{port}/stream.mjpg')
        wait_for(waiting)
        return report('serve', [comes_back(service.kill, waiting) for _ in range(times)])
    finally:
        service.stop()


class Driving(threading.Thread):
    """Somebody who drives, and sits down again when the bridge has gone."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url

    def run(self) -> None:
        from support.driver import Driver
        while True:
            try:
                with Driver(self._url) as driver:
                    driver.sit_down()
                    while driver.code is None:
                        driver.let_go()
                        time.sleep(0.4)
                        driver.hold(throttle=0.8)
                        time.sleep(0.6)
            except Exception:  # there is no bridge yet
                time.sleep(0.5)


def kill_nodes(times: int, names: Sequence[str]) -> bool:
    """Try it with ROS: pictures, what OpenCV finds in them, and the car."""
    from support.car import Car
    from support.guest import Guest
    port = free_port()
    url = f'http://127.0.0.1:{port}/'
    with ExitStack() as stack:
        nodes = {name: Service([name, '--ros-args', *(
            word for pair in given.items() for word in ('-p', f'{pair[0]}:={pair[1]}'))])
            for name, given in {
                'camera': {'source': 'pattern', 'fps': '30.0'},
                'bridge': {'address': '127.0.0.1', 'port': str(port), 'teleop.enabled': 'true',
                           'teleop.insecure': 'true', 'teleop.stamped': 'true'},
                'consumer': {'processor': 'edges'}}.items()}
        for node in nodes.values():
            stack.callback(node.stop)
        guest = Guest('car')
        stack.callback(guest.close)
        car = Car(guest)
        Driving(url).start()

        def moved_s() -> float:
            return next((heard.came_s for heard in reversed(car.heard) if not heard.standing), 0.0)

        waiting = {
            **viewers('the camera', f'{url}stream.mjpg'),
            **viewers('the consumer',
                      f'{url}stream.mjpg?topic=/camera/image_processed/compressed'),
            'the car': moved_s}
        wait_for(waiting)
        well = [report(name, [comes_back(nodes[name].kill, waiting) for _ in range(times)])
                for name in names]
        return all(well)


def main(arguments: Sequence[str]) -> int:
    """Kill each, and print a line about it."""
    parser = command.parser('kills', __doc__)
    parser.add_argument('--times', type=int, default=20, help='of each program (default: 20)')
    parser.add_argument('--busy-loops', type=int, default=4, help='alongside (default: 4)')
    parser.add_argument('--programs', nargs='+', choices=PROGRAMS, default=PROGRAMS,
                        metavar='NAME', help=f'some of {", ".join(PROGRAMS)} (default: all)')
    options = parser.parse_args(arguments)
    command.stay_on_this_machine(1 + os.getpid() % 100)
    with busy(options.busy_loops):
        well = 'serve' not in options.programs or kill_serve(options.times)
        if names := [name for name in options.programs if name != 'serve']:
            well &= kill_nodes(options.times, names)
    return 0 if well else 1
