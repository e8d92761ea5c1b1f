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

"""Network interfaces (netdevice(7)), and sockets that do multicast on one of them: ip(7)."""

import contextlib
from dataclasses import dataclass
import fcntl
import socket
import struct

GROUP = '239.255.0.1'  # by which DDS participants find each other
_IP_MULTICAST_ALL = 49
_JOIN = struct.Struct('4s4si')  # struct ip_mreqn
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


def sender(interface: Interface) -> socket.socket:
    """Return a socket whose multicasts leave by an interface, and are looped back here, too."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                    _JOIN.pack(bytes(4), bytes(4), interface.index))
    made.setblocking(False)
    return made


def receiver(port: int, joined: list[Interface], address: str = GROUP) -> socket.socket:
    """
    Return a socket that receives what comes to the group on some interfaces, and nothing else.

    With the empty address, it receives what comes to this machine alone. Others may listen at the
    same port: each gets what comes to the group.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        made.bind((address, port))
        for interface in joined:
            with contextlib.suppress(OSError):  # it has gone, or there are too many
                made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _JOIN.pack(
                    socket.inet_aton(GROUP), bytes(4), interface.index))
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


def receive(ready: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """Return the next datagram and who sent it; nothing when there is none after all."""
    try:
        data, address = ready.recvfrom(65_536)
    except OSError:
        return b'', ('', 0)
    return data, (str(address[0]), int(address[1]))


def is_ours(address: str) -> bool:
    """Return whether it is an address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True
