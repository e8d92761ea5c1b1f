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
A cable on which every packet takes its time: two TUN devices, and a thread that passes packets on.

Since the delay is below TCP, whatever works by acknowledgements (congestion control, TCP_INFO,
what is unsent) sees a long way, which a proxy would hide from it. All packets are as long under
way, and none overtakes another one.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import os
import select
import struct
import threading
import time

from pi_camera_stream.core.errors import PermanentError

_DEVICE = '/dev/net/tun'
_TUNSETIFF = 0x400454CA  # linux/if_tun.h, as the next two
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_REQUEST = struct.Struct('16sH22x')  # struct ifreq
_LARGEST_PACKET = 65_536


@contextmanager
def long_cable(names: tuple[str, str], delay_s: float) -> Iterator[None]:
    """
    Join two new network devices as long as the context lasts.

    Raises
    ------
    PermanentError
        This machine has no TUN devices.

    """
    try:
        ends = [_open(name) for name in names]
    except OSError as error:
        raise PermanentError(
            f'--rtt-ms needs {_DEVICE}, which cannot be used here ({error.strerror}): try '
            '`modprobe tun`, or leave --rtt-ms out') from error
    stopped, stop = os.pipe()
    carrier = threading.Thread(target=_carry, args=(ends, delay_s, stopped), daemon=True)
    carrier.start()
    try:
        yield
    finally:
        os.close(stop)
        carrier.join()
        for descriptor in (*ends, stopped):
            os.close(descriptor)  # and the devices are gone


def _open(name: str) -> int:
    descriptor = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _REQUEST.pack(name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _carry(ends: list[int], delay_s: float, stopped: int) -> None:
    under_way: deque[tuple[float, int, bytes]] = deque()  # when, to where, and what
    poll = select.epoll()
    for descriptor in (*ends, stopped):
        poll.register(descriptor, select.EPOLLIN)
    while True:
        wait_s = under_way[0][0] - time.monotonic() if under_way else None
        ready = [descriptor for descriptor, _ in
                 poll.poll(None if wait_s is None else max(0.0, wait_s))]
        if stopped in ready:
            poll.close()
            return
        arrives_s = time.monotonic() + delay_s
        for descriptor in ready:
            other = ends[0] if descriptor == ends[1] else ends[1]
            under_way.extend((arrives_s, other, packet) for packet in _packets(descriptor))
        while under_way and under_way[0][0] <= time.monotonic():
            _, descriptor, packet = under_way.popleft()
            try:
                os.write(descriptor, packet)
            except OSError:  # the device is down, or full: what a network does with such packets
                pass


def _packets(descriptor: int) -> Iterator[bytes]:
    """Return what waits at one end."""
    while True:
        try:
            yield os.read(descriptor, _LARGEST_PACKET)
        except OSError:  # no more; or the device is down
            return
