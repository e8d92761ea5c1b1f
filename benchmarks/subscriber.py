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
What FrameSubscriber costs, compared with a bare rclpy subscription that decodes each frame.

One process publishes JPEGs of 1280x720 and 148 kB at 30/s, best effort. Two subscribers, each in
a process of its own, receive them one after the other: bare rclpy with cv2.imdecode in the
callback, and FrameSubscriber. It prints the subscriber's CPU time per frame, the time from just
before `publish` to the decoded array, and how much of that is decoding.

    .venv/bin/python -m benchmarks subscriber
"""

import argparse
import array
from collections.abc import Sequence
import json
from pathlib import Path
import statistics
import subprocess
import tempfile
import threading
import time
from typing import Any, NoReturn

import cv2
import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.client import frame_subscriber
from pi_camera_stream.client.qos import image_qos
from pi_camera_stream.core.with_parent import with_parent
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CompressedImage

from .common import command
from .common.pictures import load_pictures, make_pictures

TOPIC = '/camera/image_raw/compressed'
WARM_UP = 30


def publish(folder: Path) -> NoReturn:
    """Publish for ever."""
    rclpy.init()
    node = rclpy.create_node('publisher')
    publisher = node.create_publisher(CompressedImage, TOPIC, image_qos())
    pictures = [array.array('B', jpeg) for jpeg in load_pictures(folder)]
    due_s = time.monotonic()
    while True:
        for data in pictures:
            message = CompressedImage(format='jpeg', data=data)
            message.header.stamp = node.get_clock().now().to_msg()
            publisher.publish(message)
            due_s += 1 / 30
            time.sleep(max(0.0, due_s - time.monotonic()))


class Meter:
    """Takes in when pictures were decoded; ends the process after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.count = seconds, 0
        self.ages_ms: list[float] = []
        self.decode_ms: list[float] = []
        self.done = threading.Event()

    def add(self, stamp_ns: int) -> None:
        """Note that the picture of `stamp_ns` has just been decoded."""
        self.count += 1
        if self.count == WARM_UP:
            self.cpu_s, self.began_s = time.process_time(), time.monotonic()
        if self.count > WARM_UP:
            self.ages_ms.append((time.time_ns() - stamp_ns) / 1e6)
            if time.monotonic() - self.began_s > self.seconds and not self.done.is_set():
                cpu_s = time.process_time() - self.cpu_s
                print(json.dumps({
                    'median_ms': statistics.median(self.ages_ms), 'pictures': len(self.ages_ms),
                    'decode_ms': statistics.median(self.decode_ms),
                    'cpu_ms': cpu_s * 1e3 / len(self.ages_ms)}), flush=True)
                self.done.set()


def bare(meter: Meter) -> None:
    """Receive as a program without this package does."""
    rclpy.init()
    node = rclpy.create_node('bare')

    def on_image(message: CompressedImage) -> None:
        began_s = time.perf_counter()
        cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        meter.decode_ms.append((time.perf_counter() - began_s) * 1e3)
        meter.add(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)

    node.create_subscription(CompressedImage, TOPIC, on_image, image_qos())
    executor = SingleThreadedExecutor()  # what rclpy.spin uses
    executor.add_node(node)
    while not meter.done.is_set():
        executor.spin_once(timeout_sec=1)


def ours(meter: Meter) -> None:
    """Receive with FrameSubscriber; note how long the decoding in it takes."""
    decode = vars(frame_subscriber)['decode_frame']

    def timed(*arguments: Any) -> Any:
        began_s = time.perf_counter()
        image = decode(*arguments)
        meter.decode_ms.append((time.perf_counter() - began_s) * 1e3)
        return image
    vars(frame_subscriber)['decode_frame'] = timed
    with FrameSubscriber(TOPIC) as frames:
        for frame in frames:
            meter.add(frame.stamp_ns)
            if meter.done.is_set():
                return


def main(arguments: Sequence[str]) -> int:
    """Measure both, by turns."""
    parser = command.parser('subscriber', __doc__)
    parser.add_argument('--seconds', type=float, default=10, help='of each run (default: 10)')
    parser.add_argument('--rounds', type=int, default=3, help='default: 3')
    parser.add_argument('--run', choices=('publish', 'bare', 'ours'), help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    if options.run == 'publish':
        publish(options.folder)
    if options.run:
        {'bare': bare, 'ours': ours}[options.run](Meter(options.seconds))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        size = make_pictures(Path(folder), 1280, 720, 148_000)
        publisher = subprocess.Popen(with_parent(command.itself(
            'subscriber', '--run', 'publish', '--folder', folder)))
        try:
            rows: dict[str, list[dict[str, float]]] = {'bare': [], 'ours': []}
            for _ in range(options.rounds):
                for name, row in rows.items():
                    out = subprocess.run(
                        command.itself('subscriber', '--run', name, '--seconds',
                                       str(options.seconds)),
                        check=True, text=True, stdout=subprocess.PIPE).stdout
                    row.append(json.loads(out.splitlines()[-1]))
        finally:
            publisher.kill()
            publisher.wait()
    print(f'{size / 1e3:.0f} kB a picture')
    middle = {name: {key: statistics.median(run[key] for run in row) for key in row[0]}
              for name, row in rows.items()}
    for name, figures in middle.items():
        print(f'{name}: published -> decoded {figures["median_ms"]:.2f} ms median, '
              f'{figures["decode_ms"]:.2f} of them decoding; CPU {figures["cpu_ms"]:.2f} ms a '
              'picture')
    print(f'ours / bare: CPU {middle["ours"]["cpu_ms"] / middle["bare"]["cpu_ms"]:.2f}; '
          f'ours beyond decoding: '
          f'{middle["ours"]["median_ms"] - middle["ours"]["decode_ms"]:.2f} ms')
    return 0
