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

"""By which names and addresses others in the network reach this machine."""

import array
from collections.abc import Iterator
import fcntl
import ipaddress
from pathlib import Path
import socket
import struct

_SIOCGIFCONF = 0x8912  # netdevice(7)
_ENTRY = struct.Struct('16sHH4s16x')  # struct ifreq with a sockaddr_in
_MOST_ENTRIES = 128
_IPV6 = Path('/proc/net/if_inet6')
_LINK_LOCAL = 0x20  # the scope
_PASSING = 0x01 | 0x20 | 0x40  # flags: temporary, deprecated, tentative

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_names() -> list[str]:
    """Return the names of this machine, as it is found by mDNS and by itself, too."""
    name = socket.gethostname().lower()
    short = name.partition('.')[0]
    names = [name, short, f'{short}.local'] if short else []
    return list(dict.fromkeys([*names, 'localhost']))


def host_addresses() -> list[Address]:
    """Return the addresses of all interfaces; none of IPv6 that mean something on a link only."""
    found: list[Address] = [*_ipv4(), *_ipv6()]
    loopback: list[Address] = [ipaddress.IPv4Address('127.0.0.1'), ipaddress.IPv6Address('::1')]
    return list(dict.fromkeys([*found, *loopback]))


def _ipv4() -> Iterator[ipaddress.IPv4Address]:
    space = array.array('B', bytes(_ENTRY.size * _MOST_ENTRIES))
    place, size = space.buffer_info()
    request = struct.pack('iP', size, place)  # struct ifconf
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        used, _ = struct.unpack('iP', fcntl.ioctl(probe, _SIOCGIFCONF, request))
    for _, family, _, address in _ENTRY.iter_unpack(space.tobytes()[:used]):
        if family == socket.AF_INET:
            yield ipaddress.IPv4Address(address)


def _ipv6() -> Iterator[ipaddress.IPv6Address]:
    try:
        lines = _IPV6.read_text(encoding='ascii').splitlines()
    except OSError:  # there is no IPv6 here
        return
    for line in lines:
        number, _, _, scope, flags, *_ = line.split()
        if int(scope, 16) != _LINK_LOCAL and not int(flags, 16) & _PASSING:
            yield ipaddress.IPv6Address(int(number, 16))
