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
How many large images arrive at another program on the same machine, best effort.

Run it with: .venv/bin/python -m benchmarks large [--seconds 10] [--rate 10] [--runs 3]
The real camera node publishes JPEGs of 8 MB from a folder, or raw images of 1920x1080, at a
steady rate, to one subscriber with depth 1. Each image has a CameraInfo, by which it is counted.
By turns, the node brings the shared memory that it needs, and has Fast DDS's own 512 kB, as it
does if you have configured Fast DDS yourself. `--shm 64` makes /dev/shm as small as that of a
container, which needs root. `--busy-loops 4` keeps the processor busy.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
import math
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .common import command, proc
from .common.pictures import make_pictures
from .ends import busy

KINDS = {'jpeg': 'JPEGs of 8 MB', 'raw': 'raw 1920x1080'}
WIDTH, HEIGHT, JPEG_BYTES = 3264, 2448, 8_000_000
WAYS: dict[str, dict[str, str]] = {
    'as it comes': {},
    "Fast DDS's own 512 kB": {'FASTDDS_BUILTIN_TRANSPORTS': 'DEFAULT'},
}
_SETTLE_S = 2.0  # after the first picture


def receive(kind: str, seconds: float) -> None:
    """Print what came in so many seconds, as JSON: pictures of how many, and their ages in ms."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image
    rclpy.init()
    node = rclpy.create_node('large_receiver')
    ages_ms: dict[tuple[int, int], float] = {}
    told: set[tuple[int, int]] = set()

    def on_picture(message: Any) -> None:
        stamp = message.header.stamp
        ages_ms[stamp.sec, stamp.nanosec] = \
            time.time() * 1e3 - stamp.sec * 1e3 - stamp.nanosec / 1e6

    def on_info(message: Any) -> None:
        told.add((message.header.stamp.sec, message.header.stamp.nanosec))

    message_type, topic = {'jpeg': (CompressedImage, '/camera/image_raw/compressed'),
                           'raw': (Image, '/camera/image_raw')}[kind]
    node.create_subscription(message_type, topic, on_picture, QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    node.create_subscription(CameraInfo, '/camera/camera_info', on_info, QoSProfile(
        depth=10, reliability=ReliabilityPolicy.BEST_EFFORT))
    while not told:
        rclpy.spin_once(node, timeout_sec=0.2)
    end_s = time.monotonic() + _SETTLE_S
    while time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.2)
    begin = max(told)
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        rclpy.spin_once(node, timeout_sec=0.2)
    end = max(told)
    for _ in range(10):  # for what is under way
        rclpy.spin_once(node, timeout_sec=0.1)
    stamps = {stamp for stamp in told | ages_ms.keys() if begin < stamp <= end}
    came = sorted(age for stamp, age in ages_ms.items() if stamp in stamps)
    print(json.dumps({'published': len(stamps), 'arrived': len(came),
                      'median': came[len(came) // 2] if came else math.nan,
                      'p95': came[len(came) * 95 // 100] if came else math.nan}))
    sys.stdout.flush()
    os._exit(0)


@contextmanager
def camera(kind: str, rate: float, folder: Path, environment: dict[str, str]
           ) -> Iterator[subprocess.Popen[bytes]]:
    """Run the camera node."""
    values = [f'fps:={rate:.1f}'] + (
        ['source:=file', f'path:={folder}'] if kind == 'jpeg' else
        ['source:=pattern', 'width:=1920', 'height:=1080'])
    process = subprocess.Popen(
        with_parent([sys.executable, '-m', 'pi_camera_stream', 'camera', '--ros-args',
                     *(word for value in values for word in ('-p', value))]),
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def segment_mb(pid: int) -> float:
    """Return how large the largest segment is that a process has."""
    ends = re.findall(r'^(\w+)-(\w+) .*/fast(?:dds|rtps)_[0-9a-f]{16}$',
                      Path(f'/proc/{pid}/maps').read_text(), re.MULTILINE)
    return max((int(end, 16) - int(begin, 16)) / 1e6 for begin, end in ends)


def measure(kind: str, options: argparse.Namespace, folder: Path, environment: dict[str, str]
            ) -> dict[str, Any]:
    """Return what came of one run."""
    with camera(kind, options.rate, folder, environment) as process:
        answer = subprocess.run(command.itself('large', '--receive', kind, '--seconds',
                                               str(options.seconds)),
                                stdout=subprocess.PIPE, check=True, text=True)
        return {**json.loads(answer.stdout.splitlines()[-1]),
                'segment': segment_mb(process.pid),
                'memory': proc.snapshot(process.pid).rss_mb}


def main(arguments: Sequence[str]) -> int:
    """Measure all, and print a table."""
    parser = command.parser('large', __doc__)
    parser.add_argument('--seconds', type=float, default=10.0, help='of a run (default: 10)')
    parser.add_argument('--rate', type=float, default=10.0, help='images per second (default: 10)')
    parser.add_argument('--runs', type=int, default=3, help='of each (default: 3)')
    parser.add_argument('--shm', type=int, metavar='MB', help='size of /dev/shm; needs root')
    parser.add_argument('--busy-loops', type=int, default=0, help='alongside (default: 0)')
    parser.add_argument('--receive', choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.receive:
        receive(options.receive, options.seconds)
        return 0
    if options.shm:
        return elsewhere(options)
    command.stay_on_this_machine()
    print('| what | rate | shared memory | arrived of published | age ms, median | p95 | segment '
          'MB | memory of the node MB |\n|---|---|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder, busy(options.busy_loops):
        make_pictures(Path(folder), WIDTH, HEIGHT, JPEG_BYTES, blur_pixels=0)
        for kind, name in KINDS.items():
            for way, environment in WAYS.items():
                for _ in range(options.runs):
                    row = measure(kind, options, Path(folder), environment)
                    print(f'| {name} | {options.rate:g} | {way} | {row["arrived"]} of '
                          f'{row["published"]} | {row["median"]:.1f} | {row["p95"]:.1f} | '
                          f'{row["segment"]:.1f} | {row["memory"]:.0f} |', flush=True)
    print(f'load {os.getloadavg()[0]:.1f} in the last minute')
    return 0


def elsewhere(options: argparse.Namespace) -> int:
    """Do the same with another /dev/shm."""
    if os.geteuid():
        raise PermanentError('--shm needs root: run it with sudo')
    own = command.itself('large', '--seconds', str(options.seconds), '--rate', str(options.rate),
                         '--runs', str(options.runs), '--busy-loops', str(options.busy_loops))
    return subprocess.run(
        ['unshare', '--mount', 'sh', '-c',
         f'mount -t tmpfs -o size={options.shm}m shm /dev/shm && exec "$@"', 'sh', *own],
        check=False).returncode
