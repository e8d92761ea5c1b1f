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

"""What the kernel knows of the way to one viewer."""

import asyncio
import fcntl
import socket
import struct
import termios
from typing import NamedTuple

_NOTSENT_LOWAT_BYTES = 16384
# Of struct tcp_info (linux/tcp.h): state, delivery_rate_app_limited, snd_mss, unacked,
# last_ack_recv, rtt, notsent_bytes, min_rtt, delivery_rate.
_TCP_INFO = struct.Struct('=B6xB8xI4xI28xI8xI72xII8xQ')
_LOST = struct.Struct('=100xI112xI')  # total_retrans, dsack_dups
_TCP_CLOSE, _TCP_CLOSE_WAIT = 7, 8  # linux/tcp_states.h
_STATE_BYTES = 1
_ACKNOWLEDGED = struct.Struct('=24xI92xQ16xI')  # unacked, bytes_acked, notsent_bytes
_CLEAR_BYTES = 16384  # no more than this may be left of a picture when the next one starts
_CLEAR_SHARE = 0.25  # nor more than this part of it
_LEFT, _NONE = struct.Struct('=i'), bytes(4)  # of SIOCOUTQ, which is TIOCOUTQ (tcp(7))
_NEXT_TO_NOTHING_BYTES = 2896  # two segments of Ethernet
_UNKNOWN = 0xFFFFFFFF
_LONG_S = 0.01  # a round trip of which one can see whether there is a queue on the way
_QUEUE_SHARE = 0.25  # of the round trip, which is not worth calling a queue


class LinkState(NamedTuple):
    """A look at the connection (tcp(7))."""

    unacked_bytes: int  # handed to the kernel, not known to have arrived; in whole segments
    segment_bytes: int
    least_round_trip_s: float  # of the last minutes
    since_answer_s: float  # since the last acknowledgement, to some ms
    bytes_per_s: int  # delivered by the path
    app_limited: bool = False  # it has delivered all there was: nobody knows what else it could
    round_trip_s: float = 0.0  # at present, with all that queues on the way

    @property
    def queue_s(self) -> float:
        """Return how long what is sent now waits on its way behind something else."""
        return max(0.0, self.round_trip_s - self.least_round_trip_s)


def progress(transport: asyncio.BaseTransport) -> tuple[bool, int]:
    """
    Return whether something of what was written has not arrived, and a number.

    As long as that stays the same, nothing more has arrived: it is what the other end has
    acknowledged; where the kernel does not tell, what this program still holds.
    """
    held = transport.get_write_buffer_size() if isinstance(transport, asyncio.Transport) else 0
    connection = transport.get_extra_info('socket')
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.size)
        unacked, acknowledged, unsent = _ACKNOWLEDGED.unpack(info)
    except (AttributeError, OSError, struct.error):  # not Linux 4.6, or closed
        return held > 0, held
    return held + unacked + unsent > 0, acknowledged


class Link:
    """
    The sending side of one connection. Event loop only.

    As soon as it is made, the kernel takes no more while 16 kB have not been sent: otherwise a
    narrow link would age every picture, because the kernel takes seconds of them.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # nothing may stay in user space
        connection = transport.get_extra_info('socket')
        self._socket: socket.socket | None = None
        if connection is not None and hasattr(socket, 'TCP_NOTSENT_LOWAT'):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT,
                                  _NOTSENT_LOWAT_BYTES)
            self._socket = connection

    @property
    def closed(self) -> bool:
        return self._transport.is_closing()

    def left(self) -> bool:
        """Return whether the other end has closed, which who does not read hears from nobody."""
        try:
            return self._socket is not None and self._socket.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, _STATE_BYTES)[0] in (
                    _TCP_CLOSE, _TCP_CLOSE_WAIT)
        except OSError:  # closed here
            return True

    def abort(self) -> None:
        self._transport.abort()

    def backlog_bytes(self) -> int:
        """Return how many bytes have not arrived yet, as far as this machine knows."""
        state = self.state()
        return self._transport.get_write_buffer_size() + (state.unacked_bytes if state else 0)

    def state(self) -> LinkState | None:
        """Return what the kernel says; None where it says nothing (not Linux, or closed)."""
        if self._socket is None:
            return None
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            (phase, flags, segment, unacked, since_answer_ms, round_trip_us, unsent,
             least_us, rate) = _TCP_INFO.unpack(info)
        except (OSError, struct.error):  # closed; or a kernel before 4.9
            return None
        if phase == _TCP_CLOSE:  # the other end has reset it, which the next write finds out
            return None
        return LinkState(unacked * segment + unsent, segment,
                         least_us / 1e6 if least_us < _UNKNOWN else 0.0, since_answer_ms / 1e3,
                         rate, bool(flags & 1), round_trip_us / 1e6)

    def is_clear(self) -> bool:
        """Return whether next to nothing is under way, at a fraction of what a look costs."""
        if self._socket is None:
            return False
        try:
            left = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, _NONE)
        except (OSError, ValueError):  # closed
            return False
        size: int = _LEFT.unpack(left)[0]
        return size <= _NEXT_TO_NOTHING_BYTES

    def lost_segments(self) -> int | None:
        """
        Return how many segments had to be sent again, without those that had arrived after all.

        Where the other end is only slow to acknowledge, they are sent again, too, and it says so.
        None where the kernel does not tell. Behind a reverse proxy, it is the way to that.
        """
        if self._socket is None:
            return None
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LOST.size)
            sent_again, in_vain = _LOST.unpack(info)
        except (OSError, struct.error):  # closed; or a kernel before 4.19
            return None
        return max(0, int(sent_again) - int(in_vain))

    def excess_bytes(self, state: LinkState, size: int) -> int:
        """
        Return how much of a picture of `size` bytes must still arrive before the next one starts.

        What a long path has in flight anyway is no backlog: with 100 ms of round trip a wide link
        would stand idle otherwise.
        """
        least_s = state.least_round_trip_s
        if not state.unacked_bytes or (state.app_limited and least_s > _LONG_S
                                       and state.queue_s < _QUEUE_SHARE * least_s):
            return 0
        in_flight = state.bytes_per_s * least_s
        least = max(2 * state.segment_bytes, min(_CLEAR_BYTES, int(size * _CLEAR_SHARE)))
        return state.unacked_bytes - max(least, int(in_flight * 1.25))
