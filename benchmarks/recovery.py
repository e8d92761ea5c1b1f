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
How soon frames come again after a capture worker was killed, or hangs.

Run it with: .venv/bin/python -m benchmarks recovery [--rounds 20]
The camera node runs on the fake picamera2 of test/support, in a real worker process. Again and
again, that worker is killed or stopped as soon as frames come; at the end, the node is killed.
"""

from collections.abc import Sequence
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import threading
import time

from pi_camera_stream.core.with_parent import with_parent

from .common import command

TOPIC = '/camera/image_raw/compressed'


class Watcher:
    """Know when the last picture came."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CompressedImage
        rclpy.init()
        self.came_s = 0.0
        self._node = rclpy.create_node('watcher')
        self._node.create_subscription(CompressedImage, TOPIC, self._on_message, QoSProfile(
            depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        threading.Thread(target=rclpy.spin, args=(self._node,), daemon=True).start()

    def _on_message(self, _message: object) -> None:
        self.came_s = time.monotonic()

    def wait_for_picture_after(self, moment_s: float) -> None:
        """Return when one has come after that moment."""
        while self.came_s <= moment_s:
            time.sleep(0.002)


def workers(pid: int) -> list[int]:
    """Return the process ids of the children of a process."""
    return [int(child) for task in Path(f'/proc/{pid}/task').iterdir()
            for child in (task / 'children').read_text().split()]


def descriptors(pid: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f'/proc/{pid}/fd').iterdir()))


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line each."""
    parser = command.parser('recovery', __doc__)
    parser.add_argument('--rounds', type=int, default=20, help='default: 20')
    rounds = parser.parse_args(arguments).rounds
    command.stay_on_this_machine()
    watcher = Watcher()
    fake = str(command.ROOT / 'test' / 'support' / 'fake_picamera2')
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(
        [fake, *filter(None, [os.environ.get('PYTHONPATH')])])}
    node = subprocess.Popen(
        with_parent([sys.executable, '-m', 'pi_camera_stream', 'camera', '--ros-args', '-p',
                     'source:=picamera2', '-p', 'fps:=30']), env=environment,
        stderr=subprocess.DEVNULL)
    try:
        watcher.wait_for_picture_after(0.0)
        before = descriptors(node.pid)
        for number in (signal.SIGKILL, signal.SIGSTOP):
            times_s = []
            for _ in range(rounds):
                worker, = workers(node.pid)
                struck_s = time.monotonic()
                os.kill(worker, number)
                time.sleep(0.1)  # what was under way has come
                watcher.wait_for_picture_after(struck_s + 0.1)
                times_s.append(time.monotonic() - struck_s)
                time.sleep(0.5)
            print(f'{number.name}: frames again after {statistics.median(times_s):.2f} s '
                  f'(median), at most {max(times_s):.2f} s, in {rounds} rounds')
        print(f'children: 1 before, {len(workers(node.pid))} after; open files: {before} before, '
              f'{descriptors(node.pid)} after')
        worker, = workers(node.pid)
        node.kill()
        struck_s = time.monotonic()
        node.wait()
        while Path(f'/proc/{worker}').exists() and Path(
                f'/proc/{worker}/stat').read_text().rpartition(')')[2].split()[0] != 'Z':
            time.sleep(0.001)
        print(f'node killed: its worker is gone after {time.monotonic() - struck_s:.3f} s')
    finally:
        node.kill()
    return 0
