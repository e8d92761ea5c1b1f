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
What each line of the DDS profiles and of the kernel settings does to frames.

Run it with: sudo .venv/bin/python -m benchmarks dds_profiles [--seconds 12] [--runs 3]
A publisher and a subscriber of CompressedImage, best effort with depth 1 at 30/s, run in network
namespaces, which are new for each run. `--only loss` measures a part. Needs root, iproute2 and
nftables. `--cyclone PYTHON` measures Cyclone DDS instead, with a Python that has
`pip install cyclonedds`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import json
import os
import statistics
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

from .common import command, networks

_CONFIG, _PEER = command.ROOT / 'config', command.ROOT / 'benchmarks' / 'programs' / 'dds_peer.py'
_DOMAIN = '62'
_TOPIC = '/camera/image_raw/compressed'
_NARROW_BPS, _LOSS = 20e6, 0.01
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
    with networks.hosts('sender', 'router', 'receiver') as (sender, router, receiver):
        if kind == 'router':
            for host, device, net in ((sender, 'out', 1), (receiver, 'in', 2)):
                networks.join((host, device), (router, device))
                for end, number in ((host, 2), (router, 1)):
                    _plug_in(end, device, f'10.97.{net}.{number}/24')
                networks.ip(host, 'route', 'add', 'default', 'via', f'10.97.{net}.1')
            subprocess.run([*router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'], check=True)
            networks.narrow(router, _NARROW_BPS, 'in')
        else:
            networks.join((sender, 'out'), (receiver, 'in'))
            _plug_in(sender, 'out', '10.97.1.2/24')
            _plug_in(receiver, 'in', '10.97.1.3/24')
        if kind == 'narrow':
            networks.narrow(sender, _NARROW_BPS, 'out')
        elif kind == 'loss':
            networks.lose(receiver, _LOSS, 'in')
        networks.wait_for_carrier(sender, 'out')
        networks.wait_for_carrier(receiver, 'in')
        yield (*sender, *_ALONE), (*receiver, *_ALONE)


def _plug_in(host: networks.Prefix, device: str, address: str) -> None:
    networks.ip(host, 'addr', 'add', address, 'dev', device)
    # No bigger packets than on a real cable.
    networks.ip(host, 'link', 'set', device, 'gso_max_segs', '1', 'gso_max_size', '1500', 'up')


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
        program = [python, str(_PEER)]
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


def main(arguments: Sequence[str]) -> int:
    """Measure all, and print a table."""
    parser = command.parser('dds_profiles', __doc__)
    parser.add_argument('--seconds', type=float, default=12.0, help='of sending (default: 12)')
    parser.add_argument('--runs', type=int, default=3,
                        help='of which medians are printed (default: 3)')
    parser.add_argument('--only', default='', help='this part: open, loss, narrow or router')
    parser.add_argument('--cyclone', metavar='PYTHON', help='measure Cyclone DDS with that Python')
    options = parser.parse_args(arguments)
    networks.check('nft', 'sysctl')
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
