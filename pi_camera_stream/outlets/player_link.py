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

"""What tells a narrow link to a player from a player that reads slowly."""

import asyncio
import socket
import struct
import time

from ..web.stream.byte_transport import ByteTransport

# Of struct tcp_info (linux/tcp.h, since 4.10): tcpi_rwnd_limited, in microseconds.
_WINDOW_LIMITED = struct.Struct('=176xQ')
_MOSTLY = 0.5
# Whoever sends something himself, as players do their reports, may acknowledge the last bytes of a
# frame so late (delayed acknowledgements: RFC 1122, 4.2.3.2; Linux).
_LATE_S = 0.04


class PlayerTransport(ByteTransport):
    """
    A transport over a TCP connection to a player.

    Smaller frames help over a narrow link. They do not help whoever reads slowly, such as a
    program that works on each picture, and would be worse for all others.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer.transport, writer.drain)  # type: ignore[arg-type]
        self._connection: socket.socket | None = writer.get_extra_info('socket')

    def take_transit_s(self) -> float | None:
        """Return as otherwise, but for what an acknowledgement may have been late."""
        took_s = super().take_transit_s()
        return took_s if took_s is None or took_s == float('inf') else max(0.0, took_s - _LATE_S)

    async def wait_drained(self) -> float | None:
        """Wait as otherwise; None where the player, and not the link, was waited for."""
        begun_s, limited_s = time.monotonic(), self._limited_s()
        took_s = await super().wait_drained()
        reading_s = self._limited_s() - limited_s
        return None if reading_s > _MOSTLY * (time.monotonic() - begun_s) else took_s

    def _limited_s(self) -> float:
        """Return for how long the receive window of the player has kept data back, in all."""
        if self._connection is None:
            return 0.0
        try:
            info = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO,
                                              _WINDOW_LIMITED.size)
            return float(_WINDOW_LIMITED.unpack(info)[0]) / 1e6
        except (AttributeError, OSError, struct.error):  # not Linux, an old one, or closed
            return 0.0
