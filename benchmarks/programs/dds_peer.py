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
The sender or the receiver of pictures for `dds_profiles`: `dds_peer.py receive|'send KB SECONDS'`.

It needs rclpy or, where that is missing, Cyclone DDS's own Python, and nothing else: the Python
that runs it need not have what this package needs. It prints what it took, as JSON.
"""

import array
from collections.abc import Iterator
import json
import os
import select
import sys
import time
from typing import Any

_FPS, _MATCH_S, _SETTLE_S = 30.0, 20.0, 1.0
_TOPIC = '/camera/image_raw/compressed'


class Ros:
    """Pictures by rclpy."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CompressedImage
        rclpy.init()
        self._spin_once, self._type = rclpy.spin_once, CompressedImage
        self._node = rclpy.create_node('dds_profiles')
        self._qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.ages_ms: list[float] = []

    def prepare(self, data: bytes) -> None:
        self._message = self._type(format='jpeg', data=array.array('B', data))
        self._publisher = self._node.create_publisher(self._type, _TOPIC, self._qos)

    def matched(self) -> bool:
        return bool(self._publisher.get_subscription_count())

    def send(self) -> None:
        stamp = self._message.header.stamp
        stamp.sec, stamp.nanosec = divmod(time.time_ns(), 10**9)
        self._publisher.publish(self._message)

    def listen(self) -> None:
        self._node.create_subscription(self._type, _TOPIC, self._on_message, self._qos)

    def wait(self) -> None:
        self._spin_once(self._node, timeout_sec=0.1)

    def _on_message(self, message: Any) -> None:
        stamp = message.header.stamp
        self.ages_ms.append(time.time() * 1e3 - stamp.sec * 1e3 - stamp.nanosec / 1e6)


class Cyclone:
    """The same by Cyclone DDS's own Python."""

    def __init__(self) -> None:
        from cyclonedds import core, domain, idl, topic
        from cyclonedds.idl.types import int64, sequence, uint8
        self._core, self._domain = core, domain.DomainParticipant(int(os.environ['ROS_DOMAIN_ID']))
        self._type = idl.make_idl_struct('Picture', 'Picture',
                                         {'stamp': int64, 'data': sequence[uint8]})
        self._qos = core.Qos(core.Policy.Reliability.BestEffort, core.Policy.History.KeepLast(1))
        self._topic = topic.Topic(self._domain, 'picture', self._type, qos=self._qos)
        self.ages_ms: list[float] = []

    def prepare(self, data: bytes) -> None:
        from cyclonedds.pub import DataWriter
        self._data, self._writer = data, DataWriter(self._domain, self._topic, qos=self._qos)

    def matched(self) -> bool:
        return bool(self._writer.get_matched_subscriptions())

    def send(self) -> None:
        self._writer.write(self._type(stamp=time.time_ns(), data=self._data))

    def listen(self) -> None:
        from cyclonedds.sub import DataReader
        core, self._reader = self._core, DataReader(self._domain, self._topic, qos=self._qos)
        self._waiting = core.WaitSet(self._domain)
        self._waiting.attach(core.ReadCondition(self._reader, core.SampleState.Any
                                                | core.ViewState.Any | core.InstanceState.Any))

    def wait(self) -> None:
        self._waiting.wait(100_000_000)
        self.ages_ms += [(time.time_ns() - each.stamp) / 1e6 for each in self._reader.take(10)]


def play(role: str) -> None:
    """Send or receive; print what it took, as JSON."""
    try:
        import rclpy  # noqa: F401
        dds: Any = Ros()
    except ImportError:
        dds = Cyclone()
    if role == 'receive':
        dds.listen()
        while not select.select([0], [], [], 0)[0]:
            dds.wait()
        print(json.dumps(dds.ages_ms))
    else:
        kilobytes, seconds = role.split()[1:]
        dds.prepare(os.urandom(int(kilobytes) * 1000))
        deadline_s = time.monotonic() + _MATCH_S
        while not dds.matched() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        time.sleep(_SETTLE_S)
        print(json.dumps(list(_send_all(dds, round(float(seconds) * _FPS)))))
        time.sleep(_SETTLE_S)  # for what is under way
    sys.stdout.flush()
    os._exit(0)  # what it has in memory goes away with its namespace


def _send_all(dds: Any, count: int) -> Iterator[float | None]:
    """Send at a steady rate; return for each how many ms that took, None where it failed."""
    due_s = time.monotonic()
    for _ in range(count):
        time.sleep(max(0.0, due_s - time.monotonic()))
        began_s = time.monotonic()
        due_s = max(due_s + 1 / _FPS, began_s)
        try:
            dds.send()
            yield (time.monotonic() - began_s) * 1e3
        except Exception:  # rclpy's and Cyclone's have nothing in common
            yield None


if __name__ == '__main__':
    play(sys.argv[1])
