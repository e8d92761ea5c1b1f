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
How old results are when a processor needs 200 ms per frame, and the camera sends 30 a second.

Run it with: .venv/bin/python -m benchmarks slow_processor [--seconds 20] [--busy]
The real camera node (test pattern, 1280x720) and the real consumer, with a processor of another
package, run on this machine. On arrival, a result should be at most 200 ms and 1.5 frame
intervals old.

With --capture, it needs no ROS: a program reads a stream of `serve` with cv2.VideoCapture, and
works as long on each picture. Ages are then those at the beginning of the work:

    .venv/bin/python -m benchmarks slow_processor --capture stream.mjpg --work-ms 100
"""

from collections.abc import Sequence
import json
import os
from pathlib import Path
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from pi_camera_stream.core.block_code import read
from pi_camera_stream.core.with_parent import with_parent

from .common import command
from .common.networks import free_port

FPS = 30
WORK_MS = 200
LIMIT_MS = WORK_MS + 1.5 * 1000 / FPS
WARM_UP_S = 4

PROCESSOR = f"""
import time
from pi_camera_stream.vision.processor import Findings, Processor


class Waiting(Processor):
    def process(self, image, info):
        time.sleep({WORK_MS / 1e3})
        return Findings()

    def annotate(self, image, findings):
        return image


class Busy(Waiting):
    def process(self, image, info):
        until = time.perf_counter() + {WORK_MS / 1e3}
        while time.perf_counter() < until:  # and holds Python's lock, as OpenCV does not
            pass
        return Findings()
"""


def install(folder: Path) -> None:
    """Install a package with the slow processors, as pip would."""
    (folder / 'slow_processors.py').write_text(PROCESSOR)
    information = folder / 'slow_processors-1.0.dist-info'
    information.mkdir()
    (information / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: slow_processors\nVersion: 1.0\n')
    (information / 'entry_points.txt').write_text(
        '[pi_camera_stream.processors]\nwaiting = slow_processors:Waiting\n'
        'busy = slow_processors:Busy\n')


def measure(seconds: float) -> tuple[list[float], list[float]]:
    """Return the ages of the results, in ms: as they say, and on arrival here."""
    import rclpy
    from std_msgs.msg import String
    rclpy.init()
    node = rclpy.create_node('benchmark')
    arrived: queue.Queue[tuple[float, float]] = queue.Queue()

    def on_result(message: String) -> None:
        now_ns = node.get_clock().now().nanoseconds
        result = json.loads(message.data)
        stamp_ns = result['stamp']['sec'] * 10**9 + result['stamp']['nanosec']
        arrived.put((result['age_ms'], (now_ns - stamp_ns) / 1e6))

    node.create_subscription(String, '/camera/results', on_result, 1)
    began_s = time.monotonic()
    while time.monotonic() < began_s + WARM_UP_S + seconds:
        rclpy.spin_once(node, timeout_sec=0.1)
        if time.monotonic() < began_s + WARM_UP_S:
            while not arrived.empty():
                arrived.get()
    rclpy.shutdown()
    pairs = [arrived.get() for _ in range(arrived.qsize())]
    return [said for said, _ in pairs], [seen for _, seen in pairs]


def capture(path: str, work_ms: float, seconds: float) -> list[float]:
    """Return the ages of pictures that a program gets which works so long on each, in ms."""
    import cv2
    port, ages_ms = free_port(), []
    server = subprocess.Popen(with_parent([
        sys.executable, '-m', 'pi_camera_stream', 'serve', '--address', '127.0.0.1', '--port',
        str(port), '--source', 'pattern', '--size', '1280x720', '--fps', str(FPS)]))
    try:
        video = cv2.VideoCapture()
        while server.poll() is None and not video.open(f'http://127.0.0.1:{port}/{path}'):
            time.sleep(0.5)
        began_s = time.monotonic()
        while time.monotonic() < began_s + WARM_UP_S + seconds:
            image = video.read()[1]
            if image is None:
                break
            code = read(image)
            if code is not None and time.monotonic() > began_s + WARM_UP_S:
                ages_ms.append(time.time() * 1e3 - code.time_us / 1e3)
            time.sleep(work_ms / 1e3)
        video.release()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    return ages_ms


def row(ages_ms: list[float]) -> str:
    """Return median, 95th percentile and maximum."""
    p95 = statistics.quantiles(ages_ms, n=20)[-1]
    return (f'median {statistics.median(ages_ms):6.1f} ms   p95 {p95:6.1f} ms   '
            f'most {max(ages_ms):6.1f} ms')


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the figures; return 1 when the results are too old."""
    parser = command.parser('slow_processor', __doc__)
    parser.add_argument('--seconds', type=float, default=20.0, help='default: 20')
    parser.add_argument('--busy', action='store_true',
                        help='work in Python instead of waiting')
    parser.add_argument('--capture', metavar='PATH',
                        help='read this of `serve` with OpenCV, without ROS')
    parser.add_argument('--work-ms', type=float, default=WORK_MS, help='with --capture')
    options = parser.parse_args(arguments)
    if options.capture:
        ages_ms = capture(options.capture, options.work_ms, options.seconds)
        if len(ages_ms) < 2:
            print('no pictures came')
            return 1
        print(f'{len(ages_ms) / options.seconds:.1f} pictures/s, load {os.getloadavg()[0]:.1f}\n'
              f'age                   {row(ages_ms)}')
        return 0
    command.stay_on_this_machine(96)
    program = [sys.executable, '-m', 'pi_camera_stream']
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(
            filter(None, (folder, os.environ.get('PYTHONPATH', ''))))}
        children = [
            subprocess.Popen(with_parent([*program, 'camera', '--ros-args', '-p',
                                          'source:=pattern', '-p', f'fps:={FPS}'])),
            subprocess.Popen(with_parent([
                *program, 'consumer', '--ros-args', '-p',
                f'processor:={"busy" if options.busy else "waiting"}']), env=environment)]
        try:
            said, seen = measure(options.seconds)
        finally:
            for child in children:
                child.send_signal(signal.SIGINT)
                child.wait()
    if len(seen) < 2:
        print('no results came')
        return 1
    print(f'{FPS} pictures/s, {WORK_MS} ms of work each, {options.seconds:.0f} s, '
          f'{len(seen)} results ({len(seen) / options.seconds:.2f}/s)')
    print(f'age when published    {row(said)}')
    print(f'age on arrival        {row(seen)}')
    ok = statistics.quantiles(seen, n=20)[-1] <= LIMIT_MS
    verdict = 'kept' if ok else 'MISSED'
    print(f'limit                 {LIMIT_MS:.1f} ms: {verdict} (p95 on arrival)')
    return 0 if ok else 1
