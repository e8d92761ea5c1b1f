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
What each line of the DDS profiles and of the kernel settings does to pictures.

Run it with: sudo .venv/bin/python benchmarks/dds_profiles.py [--seconds 12] [--runs 3]
A publisher and a subscriber of CompressedImage, best effort with depth 1 at 30/s, run in network
namespaces, new ones for each run; `--only loss` measures a part. Needs root, iproute2, nftables.
`--cyclone PYTHON` measures Cyclone DDS instead, by a Python that has `pip install cyclonedds`.
"""

import argparse
import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import select
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any
from xml.etree import ElementTree

_CONFIG = Path(__file__).resolve().parents[1] / 'config'
_FPS, _MATCH_S, _SETTLE_S, _DOMAIN = 30.0, 20.0, 1.0, '62'
_TOPIC = '/camera/image_raw/compressed'
_NARROW = 'tbf rate 20mbit burst 64kb latency 50ms'
_FLOW = ('<flow_controller_descriptor_list><flow_controller_descriptor><name>paced</name>'
         '<max_bytes_per_period>9000</max_bytes_per_period><period_ms>4</period_ms>'
         '</flow_controller_descriptor></flow_controller_descriptor_list>')
_PACED = (f'<data_writer profile_name="{_TOPIC}"><qos><publishMode><kind>ASYNCHRONOUS</kind>'
          '<flow_controller_name>paced</flow_controller_name></publishMode></qos></data_writer>')
# So that the two share no memory, although they share the machine.
_ALONE = ('sh', '-c', 'mount -t tmpfs shm /dev/shm && exec "$@"', 'sh')


@dataclass(frozen=True)
class Variant:
    """What is set: a profile with lines taken out or put in, kernel settings, an environment."""

    name: str
    profile: str = ''
    without: str = ''
    extra: tuple[tuple[str, str], ...] = ()  # (before which end tag, what)
    kernel: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the profile."""
        tree = ElementTree.fromstring((_CONFIG / self.profile).read_bytes())  # noqa: S314 - ours
        ElementTree.register_namespace('', tree.tag[1:].partition('}')[0])
        for parent in list(tree.iter()):
            for child in list(parent):
                if self.without and child.tag.endswith(f'}}{self.without}'):
                    parent.remove(child)
        text = ElementTree.tostring(tree, encoding='unicode')
        for tag, what in self.extra:
            text = text.replace(f'</{tag}>', f'{what}</{tag}>', 1)
        return text


_FAST = 'fastdds_wifi.xml'
_SETTINGS = tuple(line for line in (_CONFIG / '60-ros-video.conf').read_text().splitlines()
                  if line.startswith('net.ipv4'))  # the others belong to the whole machine
_NONE, _PROFILE = Variant('nothing set'), Variant('profile', _FAST)
_NO_SIZE = Variant('profile without maxMessageSize', _FAST, 'maxMessageSize')
_NO_ROOM = Variant('profile without receiveBufferSize', _FAST, 'receiveBufferSize')
_KERNEL = Variant('kernel settings', kernel=_SETTINGS)
_SEND = Variant('profile + sendBufferSize 4 MB', _FAST, extra=(
    ('receiveBufferSize', '</receiveBufferSize><sendBufferSize>4194304</sendBufferSize>'
                          '<receiveBufferSize>4194304'),))
_DROP = Variant('profile + non_blocking_send', _FAST, extra=(
    ('transport_descriptor', '<non_blocking_send>true</non_blocking_send>'),))
_PACE = Variant('profile + flow controller 18 Mbit/s', _FAST,
                extra=(('rtps', _FLOW), ('profiles', _PACED)),
                environment={'RMW_FASTRTPS_PUBLICATION_MODE': 'AUTO'})
_TCP = Variant('TCP (LARGE_DATA)', environment={'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'})
PLAN = {  # (network, kB a picture) -> what is tried there
    ('open', 100): [_NONE, _PROFILE],
    ('open', 300): [_NONE, _PROFILE, _NO_SIZE, _NO_ROOM],
    ('loss', 100): [_NONE, _KERNEL, *(Variant(f'only {line}', kernel=(line,))
                                      for line in _SETTINGS), _PROFILE, _NO_SIZE, _NO_ROOM, _TCP],
    ('narrow', 100): [_NONE, _PROFILE, _SEND, _DROP, _TCP],
    ('router', 100): [_NONE, _PROFILE, _KERNEL],
    ('router', 60): [_NONE, _PROFILE, _PACE],
}
CYCLONE_PLAN = {case: [_NONE, Variant('profile', 'cyclonedds_wifi.xml')]
                for case in (('open', 100), ('open', 300), ('loss', 100), ('narrow', 100))}


@contextmanager
def network(kind: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """
    Return what to put before a command so that it runs at the sender's and the receiver's end.

    `narrow` has 20 Mbit/s at the sender, `router` on the way, `loss` loses 1 % of all packets.
    """
    names = [f'dds-{os.getpid()}-{part}' for part in ('sender', 'router', 'receiver')]
    with ExitStack() as stack:
        for name in names:
            stack.callback(subprocess.run, ['ip', 'netns', 'del', name], check=False)
            _run(f'ip netns add {name}')
            _run(f'ip -n {name} link set lo up')
        ends = [(names[0], 'out', 1), (names[2], 'in', 2)] if kind == 'router' else []
        if not ends:
            _run(f'ip link add out netns {names[0]} type veth peer name in netns {names[2]}')
            for name, device, host in ((names[0], 'out', 2), (names[2], 'in', 3)):
                _run(f'ip -n {name} addr add 10.97.1.{host}/24 dev {device}')
                _cable_up(name, device)
        router = names[1]
        for name, device, net in ends:
            _run(f'ip link add {device} netns {name} type veth peer name {device} netns {router}')
            _run(f'ip -n {name} addr add 10.97.{net}.2/24 dev {device}')
            _run(f'ip -n {router} addr add 10.97.{net}.1/24 dev {device}')
            _cable_up(name, device)
            _cable_up(router, device)
            _run(f'ip -n {name} route add default via 10.97.{net}.1')
        _run(f'ip netns exec {router} sysctl -qw net.ipv4.ip_forward=1')
        if kind == 'narrow':
            _run(f'tc -n {names[0]} qdisc add dev out root {_NARROW}')
        elif kind == 'router':
            _run(f'tc -n {router} qdisc add dev in root {_NARROW}')
        elif kind == 'loss':
            _run(f'ip netns exec {names[2]} nft -f -', 'table netdev loss { chain loss { type '
                 'filter hook ingress device in priority 0; numgen random mod 100 == 0 drop; }; }')
        for name, device in ((names[0], 'out'), (names[2], 'in')):
            path = f'ip netns exec {name} cat /sys/class/net/{device}/operstate'
            while _run(path).strip() != 'up':  # until then, DDS takes it for no network
                time.sleep(0.05)
        yield tuple(('ip', 'netns', 'exec', name, *_ALONE) for name in (names[0], names[2]))


def _cable_up(namespace: str, device: str) -> None:
    # No bigger packets than on a real cable.
    _run(f'ip -n {namespace} link set {device} gso_max_segs 1 gso_max_size 1500 up')


def _run(command: str, text: str = '') -> str:
    done = subprocess.run(command.split(), check=True, input=text, stdout=subprocess.PIPE,
                          text=True)
    return done.stdout


def measure(python: str, kind: str, kilobytes: int, seconds: float, variant: Variant
            ) -> dict[str, float]:
    """Return what came of one run."""
    environment = {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET',
                   'ROS_DOMAIN_ID': _DOMAIN, **variant.environment}
    environment.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None)
    if kind == 'router':  # which passes no multicast
        environment['ROS_STATIC_PEERS'] = '10.97.1.2;10.97.2.2'
    with network(kind) as (sender, receiver), tempfile.NamedTemporaryFile('w') as file:
        if variant.profile:
            file.write(variant.text())
            file.flush()
            environment |= {'FASTDDS_DEFAULT_PROFILES_FILE': file.name,
                            'FASTRTPS_DEFAULT_PROFILES_FILE': file.name,
                            'CYCLONEDDS_URI': f'file://{file.name}'}
        for line in variant.kernel:
            for end in (sender, receiver):
                subprocess.run([*end, 'sysctl', '-qw', line], check=True)
        program = [python, str(Path(__file__).resolve()), '--role']
        listening = subprocess.Popen([*receiver, *program, 'receive'], env=environment, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        sending = subprocess.run([*sender, *program, f'send {kilobytes} {seconds}'], check=False,
                                 env=environment, text=True, stdout=subprocess.PIPE)
        ages = json.loads(listening.communicate('\n')[0].splitlines()[-1])
    blocked = json.loads(sending.stdout.splitlines()[-1])
    return {'sent': len(blocked), 'whole': len(ages), 'age': _percentile(ages, 50),
            'age p95': _percentile(ages, 95), 'publish': _percentile(blocked, 50),
            'publish p95': _percentile(blocked, 95),
            'failed': sum(each is None for each in blocked)}


def _percentile(values: list[float], percent: int) -> float:
    known = sorted(value for value in values if value is not None)
    return known[min(len(known) - 1, len(known) * percent // 100)] if known else float('nan')


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
        self._core, self._domain = core, domain.DomainParticipant(int(_DOMAIN))
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


def main() -> int:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--seconds', type=float, default=12.0, help='of sending (default: 12)')
    parser.add_argument('--runs', type=int, default=3, help='medians of so many (default: 3)')
    parser.add_argument('--only', default='', help='open, loss, narrow or router')
    parser.add_argument('--cyclone', metavar='PYTHON', help='measure Cyclone DDS by that Python')
    parser.add_argument('--role', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        play(options.role)
    if os.geteuid():
        parser.error('network namespaces need root: run it with sudo')
    print('| network | kB | what is set | whole of sent | age ms | p95 | publish() ms | p95 | '
          'failed |\n|---|---|---|---|---|---|---|---|---|')
    for (kind, kilobytes), variants in (CYCLONE_PLAN if options.cyclone else PLAN).items():
        for variant in variants if options.only in ('', kind) else ():
            runs = [measure(options.cyclone or sys.executable, kind, kilobytes, options.seconds,
                            variant) for _ in range(options.runs)]
            row = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            print(f'| {kind} | {kilobytes} | {variant.name} | {row["whole"]:.0f} of '
                  f'{row["sent"]:.0f} | {row["age"]:.1f} | {row["age p95"]:.1f} | '
                  f'{row["publish"]:.2f} | {row["publish p95"]:.2f} | {row["failed"]:.0f} |',
                  flush=True)
    print(f'load {os.getloadavg()[1]:.1f} in the last 5 min')
    return 0


if __name__ == '__main__':
    sys.exit(main())
