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
What a frame costs: CPU time of the camera node, latency from topic to array, memory of each node.

Run it with: .venv/bin/python -m benchmarks pipeline [--seconds 20]
A 1280x720 JPEG of about 148 kB is piped in 30 times a second. The camera node is compared with a
program that only publishes the same bytes with rclpy. All traffic is on loopback.
"""

import argparse
import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, cast, IO
import urllib.request

import cv2
import numpy as np
from pi_camera_stream.core.with_parent import with_parent

from .common import command
from .common.proc import cpu_s, snapshot

FPS = 30
SIZE = (1280, 720)
TOPIC = '/camera/image_raw/compressed'
PORT = 18080
WARM_UP_S = 4


def picture(size_bytes: int = 148_000) -> bytes:
    """Return a JPEG of nearly `size_bytes`: blurred noise, at the quality that fits."""
    noise = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return min((cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
                for quality in range(30, 100)), key=lambda data: abs(len(data) - size_bytes))


def publish_bare(jpeg: bytes) -> None:
    """Publish with rclpy and nothing else, until killed; the yardstick."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CompressedImage
    rclpy.init()
    node = rclpy.create_node('bare')
    publisher = node.create_publisher(CompressedImage, TOPIC, QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    due = time.monotonic()
    while True:
        message = CompressedImage(format='jpeg', data=array.array('B', jpeg))
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        due += 1 / FPS
        time.sleep(max(0.0, due - time.monotonic()))


class Subscriber:
    """Receive and decode in a thread; note when each picture was an array."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.experimental.events_executor import EventsExecutor
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CompressedImage
        rclpy.init()
        self._node = rclpy.create_node('subscriber')
        self._node.create_subscription(CompressedImage, TOPIC, self._on_message, QoSProfile(
            depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        self._executor = EventsExecutor()
        self._executor.add_node(self._node)
        self.received_ms: list[float] = []
        self.decode_ms: list[float] = []
        threading.Thread(target=self._spin, daemon=True).start()

    def reset(self) -> None:
        """Forget what was measured."""
        self.received_ms, self.decode_ms = [], []

    def _on_message(self, message: Any) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        started = time.perf_counter()
        cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        self.decode_ms.append((time.perf_counter() - started) * 1e3)
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        self.received_ms.append((now_ns - stamp_ns) / 1e6)

    def _spin(self) -> None:
        while True:
            self._executor.spin_once(timeout_sec=1)


@contextmanager
def child(*arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and kill it at the end."""
    process = subprocess.Popen(with_parent([sys.executable, *arguments]), stdin=stdin,
                               stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def measure(pid: int, seconds: float, subscriber: Subscriber) -> tuple[float, str]:
    """Return the CPU milliseconds a received frame of a running process, and a row."""
    time.sleep(WARM_UP_S)
    subscriber.reset()
    before = cpu_s(pid)
    time.sleep(seconds)
    used = cpu_s(pid) - before
    frames = max(1, len(subscriber.received_ms))
    per_frame = used * 1e3 / frames
    return per_frame, (
        f'{per_frame:6.2f} ms CPU a frame, {frames / seconds:5.1f} frames/s, received after '
        f'{statistics.median(subscriber.received_ms):5.2f} ms, decoding takes '
        f'{statistics.median(subscriber.decode_ms):5.2f} ms (medians)')


def feed(process: subprocess.Popen[bytes], jpeg: bytes) -> None:
    """Write the picture into a node's standard input, FPS times a second."""
    pipe = cast(IO[bytes], process.stdin)

    def write() -> None:
        due = time.monotonic()
        try:
            while True:
                pipe.write(jpeg)
                pipe.flush()
                due += 1 / FPS
                time.sleep(max(0.0, due - time.monotonic()))
        except (BrokenPipeError, ValueError):
            pass
    threading.Thread(target=write, daemon=True).start()


def watch() -> None:
    """Be one viewer of the bridge, as soon as it listens."""
    while True:
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{PORT}/stream.mjpg') as response:
                while response.read(65536):
                    pass
        except OSError:
            time.sleep(0.1)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line each."""
    parser = command.parser('pipeline', __doc__)
    parser.add_argument('--seconds', type=float, default=20.0,
                        help='of each measurement (default: 20)')
    parser.add_argument('--publish-bare', metavar='JPEG', help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    if options.publish_bare:
        publish_bare(Path(options.publish_bare).read_bytes())
    jpeg = picture()
    path = Path(tempfile.mkdtemp()) / 'picture.jpg'
    path.write_bytes(jpeg)
    print(f'{SIZE[0]}x{SIZE[1]}, {len(jpeg)} bytes, {FPS}/s, {options.seconds:.0f} s each')
    subscriber = Subscriber()
    module = ('-m', 'pi_camera_stream')
    try:
        with child('-m', 'benchmarks', 'pipeline', '--publish-bare', str(path)) as bare:
            bare_ms, row = measure(bare.pid, options.seconds, subscriber)
        print(f'bare rclpy publisher  {row}')
        with child(*module, 'camera', '--ros-args', '-p', 'source:=stdin',
                   stdin=subprocess.PIPE) as camera:
            feed(camera, jpeg)
            camera_ms, row = measure(camera.pid, options.seconds, subscriber)
            print(f'camera node           {row}')
            print(f'                      {camera_ms - bare_ms:+.2f} ms over the bare publisher')
            with child(*module, 'bridge', '--ros-args', '-p', f'port:={PORT}') as bridge, \
                    child(*module, 'consumer') as consumer:
                time.sleep(WARM_UP_S)
                threading.Thread(target=watch, daemon=True).start()
                time.sleep(WARM_UP_S)
                for name, process in (('camera', camera), ('bridge, one viewer', bridge),
                                      ('consumer, motion', consumer)):
                    print(f'memory of {name:20}{snapshot(process.pid).rss_mb:6.1f} MB')
    finally:
        shutil.rmtree(path.parent)
    return 0
