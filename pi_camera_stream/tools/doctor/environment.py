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

"""The variables that decide who meets whom, and how."""

from collections.abc import Iterator, Mapping
import os
from pathlib import Path

from . import Finding, Options

MAX_DOMAIN = 101  # above it, ports meet those that Linux hands out to others
_RANGES = ('LOCALHOST', 'SUBNET', 'OFF', 'SYSTEM_DEFAULT')
_NEW, _OLD = 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'
FAST_DDS, CYCLONE_DDS, ZENOH = 'Fast DDS', 'Cyclone DDS', 'Zenoh'
_MIDDLEWARES = {'rmw_fastrtps_cpp': FAST_DDS, 'rmw_fastrtps_dynamic_cpp': FAST_DDS,
                'rmw_cyclonedds_cpp': CYCLONE_DDS, 'rmw_connextdds': 'Connext',
                'rmw_zenoh_cpp': ZENOH}
_FAST_DDS_2 = ('humble', 'iron', 'jazzy')  # which do not know the new name


def check_environment(_: Options) -> Iterator[Finding]:
    yield from findings(os.environ)


def findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    domain = environment.get('ROS_DOMAIN_ID') or '0'
    if our_domain(environment) is None:
        yield Finding('broken', f'ROS_DOMAIN_ID is {domain!r}',
                      f'set it to a number from 0 to {MAX_DOMAIN}, the same on all machines')
    else:
        yield Finding('ok', f'ROS domain {domain}; machines see each other only within one domain')
    if middleware(environment) == ZENOH:
        yield Finding('note', 'Zenoh finds other nodes through its router',
                      'run `ros2 run rmw_zenoh_cpp rmw_zenohd` on each machine (docs/dds.md)')
    else:
        yield from _discovery(environment)
        yield from _profiles(environment)


def _discovery(environment: Mapping[str, str]) -> Iterator[Finding]:
    discovery = environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'SUBNET'
    if discovery not in _RANGES:
        yield Finding('broken', f'ROS_AUTOMATIC_DISCOVERY_RANGE is {discovery!r}',
                      f'set it to one of {", ".join(_RANGES)}')
    elif discovery == 'OFF':
        yield Finding('broken', 'ROS_AUTOMATIC_DISCOVERY_RANGE is OFF: nodes find nobody',
                      'unset it')
    elif not leaves_machine(environment):
        yield Finding('note', 'ROS is limited to this machine',
                      'unset ROS_AUTOMATIC_DISCOVERY_RANGE and ROS_LOCALHOST_ONLY on all machines '
                      'that are to communicate')
    else:
        yield Finding('ok', f'ROS discovery range {discovery}')


def _profiles(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look for files of the middleware in use: Fast DDS goes on in silence without one."""
    used = middleware(environment)
    files = {name: environment.get(name, '') for name in (_NEW, _OLD)} if used == FAST_DDS else {}
    distribution = environment.get('ROS_DISTRO', '')
    if files.get(_NEW) and not files.get(_OLD) and distribution in _FAST_DDS_2:
        yield Finding('broken', f'ROS {distribution} does not read {_NEW}',
                      f'export {_OLD}={files[_NEW]}')
    uri = environment.get('CYCLONEDDS_URI', '')
    if used == CYCLONE_DDS and uri.startswith('file://'):
        files['CYCLONEDDS_URI'] = uri.removeprefix('file://')
    for name, path in files.items():
        if path and Path(path).is_file():
            yield Finding('ok', f'{name} is {path}')
        elif path:
            yield Finding('broken', f'{name} names {path}, which does not exist',
                          'give the full path of the file, or unset it')


def middleware(environment: Mapping[str, str]) -> str:
    """Return what carries our messages: Fast DDS is what ROS takes by itself."""
    return _MIDDLEWARES.get(environment.get('RMW_IMPLEMENTATION', ''), FAST_DDS)


def our_domain(environment: Mapping[str, str]) -> int | None:
    """Return the ROS domain; None where ROS_DOMAIN_ID is senseless."""
    text = environment.get('ROS_DOMAIN_ID') or '0'
    return int(text) if text.isdecimal() and int(text) <= MAX_DOMAIN else None


def leaves_machine(environment: Mapping[str, str]) -> bool:
    return (environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE') not in ('LOCALHOST', 'OFF')
            and environment.get('ROS_LOCALHOST_ONLY') != '1')


def needs_multicast(environment: Mapping[str, str]) -> bool:
    """Return whether nodes find other machines by multicast, and not by an address."""
    return leaves_machine(environment) and not (
        environment.get('ROS_STATIC_PEERS') or environment.get('ROS_DISCOVERY_SERVER'))
