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

"""Datagrams that the kernel cuts from one piece: one call for many (UDP_SEGMENT, Linux 4.18)."""

from collections.abc import Sequence
import socket
import struct

_SOL_UDP, _UDP_SEGMENT = 17, 103  # linux/udp.h
_SIZE = struct.Struct('=H')

Datagram = bytes | memoryview


def can_cut(connection: socket.socket) -> bool:
    """Return whether the kernel can do that; an old one would send all in one piece."""
    try:
        connection.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


def alike(datagrams: Sequence[Datagram], most: int) -> int:
    """Return how many of the first have one size, but for the last one, which may be smaller."""
    size, count = len(datagrams[0]), 1
    most = min(most, len(datagrams))
    while count < most and len(datagrams[count]) <= size:
        count += 1
        if len(datagrams[count - 1]) < size:
            break
    return count


def cuts(datagrams: Sequence[Datagram]) -> list[tuple[int, int, bytes]]:
    """Return what `sendmsg` is told besides, for those that are `alike`; nothing for one."""
    if len(datagrams) == 1:
        return []
    return [(_SOL_UDP, _UDP_SEGMENT, _SIZE.pack(len(datagrams[0])))]
