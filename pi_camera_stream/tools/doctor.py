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

"""Find out what is wrong with this machine and the ROS graph around it, and say what helps."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
import os
import shutil
import socket
import sys

_MARKS = {'ok': 'ok     ', 'note': 'note   ', 'broken': 'BROKEN '}
_DISCOVERY_RANGES = ('LOCALHOST', 'SUBNET', 'OFF', 'SYSTEM_DEFAULT')
_CAMERA_PROGRAMS = ('rpicam-vid', 'libcamera-vid', 'raspivid')
_MAX_DOMAIN_ID = 101  # above it, ports meet those that Linux hands out to others


@dataclass(frozen=True)
class Finding:
    """What a check found: `ok`, `note` or `broken`; and what helps, unless it is ok."""

    level: str
    text: str
    remedy: str = ''


Check = Callable[[argparse.Namespace], Iterator[Finding]]


def main(args: Sequence[str] | None = None) -> int:
    """Print all findings; return 1 when something is broken."""
    parser = argparse.ArgumentParser(prog='python -m pi_camera_stream doctor', description=__doc__)
    parser.add_argument('--port', type=int, default=8080,
                        help='port of the HTTP bridge (default: 8080)')
    parser.add_argument('--seconds', type=float, default=2.0,
                        help='how long to look for topics (default: 2)')
    options = parser.parse_args(args)
    broken = 0
    for check in (check_python, check_modules, check_environment, check_port, check_camera,
                  check_topics):
        for finding in check(options):
            broken += finding.level == 'broken'
            print(_MARKS[finding.level] + finding.text, flush=True)
            if finding.remedy:
                print(f'         -> {finding.remedy}', flush=True)
    print(f'\n{broken} things are broken.' if broken != 1 else '\n1 thing is broken.')
    return 1 if broken else 0


def check_python(_: argparse.Namespace) -> Iterator[Finding]:
    """Look at the interpreter."""
    version = '.'.join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 10):  # noqa: UP036 - whoever has an older one is told here
        yield Finding('broken', f'Python {version} is too old', 'use Python 3.10 or newer')
    else:
        yield Finding('ok', f'Python {version} ({sys.executable})')


def check_modules(_: argparse.Namespace) -> Iterator[Finding]:
    """Look for what we import."""
    ros = 'source /opt/ros/<release>/setup.bash, or run script/setup and use .venv/bin/python'
    yield from _module('rclpy', 'broken', ros)
    for name in ('sensor_msgs', 'std_msgs', 'diagnostic_msgs'):
        yield from _module(name, 'broken', ros)
    yield from _module('aiohttp', 'broken', 'sudo apt install python3-aiohttp')
    yield from _module('cv2', 'broken', 'sudo apt install python3-opencv')
    yield from _module('av', 'note', 'sudo apt install python3-av, to play video files')
    if find_spec('cv_bridge') is None:
        yield Finding('note', 'cv_bridge is not there; OpenCV alone decodes as well')
    else:
        yield from _module('cv_bridge', 'note', 'OpenCV alone is used; cv_bridge has to be built '
                                                'for the NumPy that is installed')


def _module(name: str, level: str, remedy: str) -> Iterator[Finding]:
    try:
        module = import_module(name)
    except Exception as error:  # a module built for something else can fail in any way
        yield Finding(level, f'{name} cannot be imported ({error})', remedy)
    else:
        version = getattr(module, '__version__', '')
        yield Finding('ok', f'{name} {version}'.rstrip())


def check_environment(_: argparse.Namespace) -> Iterator[Finding]:
    """Look at the variables that decide who meets whom."""
    domain = os.environ.get('ROS_DOMAIN_ID', '0') or '0'
    if not domain.isdigit() or int(domain) > _MAX_DOMAIN_ID:
        yield Finding('broken', f'ROS_DOMAIN_ID is {domain!r}',
                      f'set it to a number from 0 to {_MAX_DOMAIN_ID}, the same on all machines')
    else:
        yield Finding('ok', f'ROS domain {domain}; machines meet only within one domain')
    discovery = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    if discovery not in _DISCOVERY_RANGES:
        yield Finding('broken', f'ROS_AUTOMATIC_DISCOVERY_RANGE is {discovery!r}',
                      f'set it to one of {", ".join(_DISCOVERY_RANGES)}')
    elif discovery == 'LOCALHOST' or os.environ.get('ROS_LOCALHOST_ONLY') == '1':
        yield Finding('note', 'ROS meets this machine only',
                      'unset ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_LOCALHOST_ONLY on all machines '
                      'that are to meet')
    else:
        yield Finding('ok', f'ROS discovery range {discovery}')


def check_port(options: argparse.Namespace) -> Iterator[Finding]:
    """See whether the bridge can listen, or does already."""
    if not 1 <= options.port <= 65535:
        yield Finding('broken', f'port {options.port} is none', 'choose one from 1 to 65535')
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('', options.port))
        except OSError as error:
            yield Finding('note', f'port {options.port} is taken ({error.strerror})',
                          'fine if it is our bridge; otherwise end the program that '
                          f"`ss -ltnp 'sport = :{options.port}'` shows, or use another port")
        else:
            yield Finding('ok', f'port {options.port} is free')


def check_camera(_: argparse.Namespace) -> Iterator[Finding]:
    """Look for a program that delivers a Raspberry Pi camera's pictures."""
    programs = [name for name in _CAMERA_PROGRAMS if shutil.which(name)]
    if programs:
        yield Finding('ok', f'{programs[0]} is here: `{programs[0]} … -o - | ros2 run '
                            'pi_camera_stream camera_node --ros-args -p source:=stdin`')
    else:
        yield Finding('note', f'none of {", ".join(_CAMERA_PROGRAMS)} is installed',
                      'on a Raspberry Pi: sudo apt install rpicam-apps')


def check_topics(options: argparse.Namespace) -> Iterator[Finding]:
    """Look for picture topics, and for subscribers that get nothing."""
    try:
        from ..nodes.ros_session import look_around
        topics = look_around(options.seconds)
    except Exception as error:
        yield Finding('broken', f'ROS does not start ({error})', 'mend what is BROKEN above')
        return
    if not topics:
        yield Finding('note', f'no picture topic was seen in {options.seconds:g} s',
                      'start the camera node; on another machine, use the same ROS_DOMAIN_ID and '
                      'a network that lets multicast pass')
    for topic in topics:
        if not topic.publishers:
            yield Finding('note', f'{topic.name} has subscribers but no publisher',
                          f'start the node that publishes it; {topic.subscribers[0]} waits')
        else:
            yield Finding('ok', f'{topic.name}: from {", ".join(topic.publishers)} to '
                                f'{len(topic.subscribers)} subscribers')
        if len(topic.publishers) > 1:
            yield Finding('note', f'{topic.name} has {len(topic.publishers)} publishers, whose '
                                  'pictures mix', 'give each camera a namespace of its own')
        for subscriber, reason in topic.mismatches:
            yield Finding('broken', f'{subscriber} gets nothing from {topic.name}: {reason}',
                          'let it subscribe with best effort and volatile (rviz2: Reliability '
                          'Policy "Best Effort"), or offer more with the qos_overrides parameters '
                          'of the publisher')
