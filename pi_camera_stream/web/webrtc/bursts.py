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

"""The packets of a frame by WebRTC, encrypted and sent in as few calls as it takes."""

import errno
import socket
from typing import Any

from .aiortc_inside import way
from ...core.segments import alike, can_cut, cuts

_AT_ONCE = 32  # with the largest packets, less than 64 KiB
_FULL = (errno.EAGAIN, errno.ENOBUFS)


class Bursts:
    """
    Send packets by a connection of aiortc, past its objects where that can be.

    That is not by a relay (TURN), nor while something waits for the kernel, nor where this or the
    interface cannot cut what it gets: then aiortc sends one after the other.
    """

    def __init__(self, dtls: Any) -> None:
        self._dtls = dtls
        self._can: bool | None = None  # until it is known

    async def send(self, packets: list[bytes]) -> None:
        """Send them; ConnectionError where it is over."""
        dtls = self._dtls
        session: Any = getattr(dtls, '_tx_srtp', None)
        found = way(dtls) if self._can is not False and session is not None else None
        if found is None or dtls.state != 'connected':
            for packet in packets:
                await dtls._send_rtp(packet)
            return
        left = [session.protect(packet) for packet in packets]
        self._send(left, *found)
        for datagram in left:
            await dtls.transport._send(datagram)

    def _send(self, left: list[bytes], shared: Any, address: Any) -> None:
        """Send what the kernel takes, and take it from the list."""
        # It is the socket of asyncio, which has no such call: it is lent, and not closed.
        connection = socket.socket(shared.family, shared.type, shared.proto, shared.fileno())
        try:
            if self._can is None:
                self._can = can_cut(connection)
            while left and self._can:
                some = left[:alike(left, _AT_ONCE)]
                connection.sendmsg(some, cuts(some), 0, address)
                del left[:len(some)]
        except OSError as error:
            self._can = error.errno in _FULL
        finally:
            connection.detach()
