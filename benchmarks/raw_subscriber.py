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
What a subscriber to `image_raw` costs those of the JPEGs.

The real camera node publishes 1280x720 at 20/s: the test pattern, which it encodes, and JPEGs of
148 kB, which it passes on, from a folder and from standard input. A process of its own receives
`image_raw/compressed` all the time; by turns, another one receives `image_raw`, or none does. It
prints the medians of all turns: frames per second, and their age on arrival.

    .venv/bin/python -m benchmarks raw_subscriber

With --link, the subscriber to `image_raw` is on another machine: in a network namespace of its
own, behind a link of so many Mbit/s. That needs root and iproute2:

    sudo .venv/bin/python -m benchmarks raw_subscriber --link 100

The camera node brings the shared memory that images of 2.8 MB need between two programs on one
machine. With --segment 0.5 it has only what Fast DDS has by default, and most images are lost.
With --reliable, the subscriber to `image_raw` is reliable, and most of those are sent again.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
import json
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import cast, IO

from pi_camera_stream.core.with_parent import with_parent

from .common import command, networks
from .common.pictures import load_pictures, make_pictures

PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"><profiles>
  <transport_descriptors>
    <transport_descriptor><transport_id>here</transport_id><type>SHM</type>
      <segment_size>{size}</segment_size></transport_descriptor>
    <transport_descriptor><transport_id>network</transport_id><type>UDPv4</type>
    </transport_descriptor>
  </transport_descriptors>
  <participant profile_name="large" is_default_profile="true"><rtps>
    <userTransports><transport_id>here</transport_id><transport_id>network</transport_id>
    </userTransports><useBuiltinTransports>false</useBuiltinTransports>
  </rtps></participant>
</profiles></dds>
"""
Turn = dict[str, float]  # 'rate', 'median' and 'p95' of the ages in ms
FPS = 20
SIZE = (1280, 720)
WARM_UP_S = 3
WAIT_S = 30


def receive(kind: str, reliable: bool) -> None:
    """Print one JSON line for each message that arrives: its age in ms."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from rclpy.signals import SignalHandlerOptions
    from sensor_msgs.msg import CompressedImage, Image
    ending = threading.Event()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    node = rclpy.create_node(f'{kind}_receiver')

    def on_message(message: CompressedImage | Image) -> None:
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        print(json.dumps((time.time_ns() - stamp_ns) / 1e6), flush=True)

    message_type, topic = {'jpeg': (CompressedImage, '/camera/image_raw/compressed'),
                           'raw': (Image, '/camera/image_raw')}[kind]
    node.create_subscription(message_type, topic, on_message, QoSProfile(
        depth=5, reliability=ReliabilityPolicy.RELIABLE if reliable
        else ReliabilityPolicy.BEST_EFFORT))
    while not ending.is_set():
        rclpy.spin_once(node, timeout_sec=0.2)
    rclpy.shutdown()  # it leaves: one that is killed counts as a subscriber for 20 s more


class Receiver:
    """A subscriber in a process of its own; a context manager."""

    def __init__(self, kind: str, prefix: networks.Prefix, reliable: bool = False) -> None:
        self.ages_ms: list[float] = []
        self._process = subprocess.Popen(
            with_parent([*prefix, *command.itself(
                'raw_subscriber', '--receive', kind, *(['--reliable'] if reliable else []))]),
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> 'Receiver':
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def wait_for_one(self) -> None:
        """Wait until the first picture has come, and a while for all to settle."""
        deadline_s = time.monotonic() + WAIT_S
        while not self.ages_ms:
            if time.monotonic() > deadline_s:
                raise SystemExit(f'no frame came for {WAIT_S} s')
            time.sleep(0.1)
        time.sleep(WARM_UP_S)
        self.ages_ms.clear()

    def _read(self) -> None:
        for line in cast(IO[str], self._process.stdout):
            self.ages_ms.append(json.loads(line))


@contextmanager
def camera(source: str, folder: Path, prefix: networks.Prefix) -> Iterator[None]:
    """Run the camera node."""
    values = [f'source:={source}', f'fps:={FPS}.0']
    if source == 'pattern':
        values += [f'width:={SIZE[0]}', f'height:={SIZE[1]}']
    elif source == 'file':
        values += [f'path:={folder}']
    process = subprocess.Popen(
        with_parent([*prefix, sys.executable, '-m', 'pi_camera_stream', 'camera', '--ros-args',
                     *(word for value in values for word in ('-p', value))]),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if source == 'stdin':
        threading.Thread(target=feed, args=(process.stdin, load_pictures(folder)),
                         daemon=True).start()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def feed(pipe: IO[bytes], pictures: list[bytes]) -> None:
    """Write the pictures into a node's standard input, FPS a second, for ever."""
    due_s = time.monotonic()
    try:
        while True:
            for jpeg in pictures:
                pipe.write(jpeg)
                pipe.flush()
                due_s += 1 / FPS
                time.sleep(max(0.0, due_s - time.monotonic()))
    except (BrokenPipeError, ValueError):
        pass


def enlarge_segment(path: Path, megabytes: float) -> None:
    """Let Fast DDS of all programs have so much shared memory."""
    path.write_text(PROFILE.format(size=round(megabytes * 2**20)))
    for name in ('FASTRTPS', 'FASTDDS'):  # Jazzy and older ones, Kilted
        os.environ[f'{name}_DEFAULT_PROFILES_FILE'] = str(path)


def summary(ages_ms: list[float], seconds: float) -> Turn:
    """Return what is to be known of one turn."""
    ages_ms = sorted(ages_ms)
    return {'rate': len(ages_ms) / seconds,
            'median': statistics.median(ages_ms) if ages_ms else float('nan'),
            'p95': ages_ms[len(ages_ms) * 95 // 100] if ages_ms else float('nan')}


def turns(options: argparse.Namespace, source: str, folder: Path, route: networks.Route
          ) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """Measure by turns; return the turns without, with, and of the raw images, in their order."""
    without: list[Turn] = []
    beside: list[Turn] = []
    raw: list[Turn] = []
    with camera(source, folder, route.server), \
            Receiver('jpeg', route.server) as jpegs:
        jpegs.wait_for_one()
        for _ in range(options.rounds):
            time.sleep(WARM_UP_S)
            jpegs.ages_ms.clear()
            time.sleep(options.seconds)
            without.append(summary(jpegs.ages_ms[:], options.seconds))
            with Receiver('raw', route.viewers, options.reliable) as raws:
                raws.wait_for_one()
                jpegs.ages_ms.clear()
                time.sleep(options.seconds)
                beside.append(summary(jpegs.ages_ms[:], options.seconds))
                raw.append(summary(raws.ages_ms[:], options.seconds))
    return without, beside, raw


def tell(name: str, rows: list[Turn]) -> None:
    """Print the medians of some turns."""
    rate = statistics.median(row['rate'] for row in rows)
    some = [row for row in rows if row['rate']]
    if not some:
        print(f'  {name:24}   none')
        return
    median, p95 = (statistics.median(row[key] for row in some) for key in ('median', 'p95'))
    print(f'  {name:24}{rate:6.1f}/s, age {median:6.1f} ms median, {p95:6.1f} ms p95', flush=True)


def main(arguments: Sequence[str]) -> int:
    """Measure one source after the other."""
    parser = command.parser('raw_subscriber', __doc__)
    parser.add_argument('--seconds', type=float, default=10, help='of a turn (default: 10)')
    parser.add_argument('--rounds', type=int, default=5, help='default: 5')
    parser.add_argument('--source', choices=('pattern', 'file', 'stdin'), action='append',
                        help='default: all')
    parser.add_argument('--link', type=float, metavar='MBPS', help='default: none')
    parser.add_argument('--segment', type=float, metavar='MB',
                        help='of shared memory (default: what the node needs)')
    parser.add_argument('--reliable', action='store_true', help='for the subscriber to image_raw')
    parser.add_argument('--receive', choices=('jpeg', 'raw'), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.receive:
        receive(options.receive, options.reliable)
        return 0
    command.stay_on_this_machine()
    if options.link:
        networks.check()
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'SUBNET'  # as far as the cable goes
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_pictures(folder, *SIZE, 148_000)
        if options.segment:
            enlarge_segment(folder / 'profile.xml', options.segment)
        route = stack.enter_context(networks.cable(round(options.link * 1e6)) if options.link
                                    else networks.loopback())
        for source in options.source or ('pattern', 'file', 'stdin'):
            without, beside, raw = turns(options, source, folder, route)
            print(f'{source}, load {os.getloadavg()[0]:.1f}')
            tell('JPEGs, nobody takes raw', without)
            tell('JPEGs beside image_raw', beside)
            tell('image_raw', raw)
            pairs = list(zip(without, beside, strict=True))
            rate = statistics.median(b['rate'] / a['rate'] for a, b in pairs)
            p95 = statistics.median(b['p95'] - a['p95'] for a, b in pairs)
            print(f'  JPEGs beside / without: rate {rate:.3f}, age p95 {p95:+.1f} ms', flush=True)
    return 0
