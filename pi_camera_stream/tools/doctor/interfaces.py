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

"""Network interfaces, as the kernel tells them: netdevice(7)."""

from dataclasses import dataclass
import fcntl
import socket
import struct

_SIOCGIFFLAGS, _SIOCGIFADDR = 0x8913, 0x8915
_UP, _LOOPBACK, _POINT_TO_POINT, _RUNNING, _MULTICAST = 0x1, 0x8, 0x10, 0x40, 0x1000
_REQUEST = struct.Struct('16s24x')  # struct ifreq
_FLAGS = struct.Struct('16xH')
_ADDRESS = struct.Struct('20x4s')


@dataclass(frozen=True)
class Interface:
    """One that is up and has an IPv4 address."""

    name: str
    index: int
    address: str
    can_multicast: bool


def interfaces() -> list[Interface]:
    """Return those by which other machines are met; neither loopback nor tunnels."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for index, name in socket.if_nameindex():
            request = _REQUEST.pack(name.encode())
            try:
                flags, = _FLAGS.unpack_from(fcntl.ioctl(probe, _SIOCGIFFLAGS, request))
                raw, = _ADDRESS.unpack_from(fcntl.ioctl(probe, _SIOCGIFADDR, request))
            except OSError:  # it has gone, or has no address
                continue
            if flags & _UP and flags & _RUNNING and not flags & (_LOOPBACK | _POINT_TO_POINT):
                found.append(Interface(name, index, socket.inet_ntoa(raw),
                                       bool(flags & _MULTICAST)))
    return found
