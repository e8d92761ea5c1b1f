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
The least that can show pictures to many: an event loop that writes the same bytes to each viewer.

It reads no request, knows nothing of any viewer, and stands here as the floor of what a server in
Python can cost: whoever has not taken the last picture gets the next one.
"""

import asyncio
import itertools
from pathlib import Path
import time
from typing import cast

from pi_camera_stream.core.shutdown_signals import end_at_once

from ..common.command import server_options
from ..common.pictures import load_pictures

_HEAD = (b'HTTP/1.1 200 OK\r\n'
         b'Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n')


class Viewer(asyncio.Protocol):
    """A connection, among those to be written to once it has asked."""

    def __init__(self, watching: set[asyncio.Transport]) -> None:
        self._watching = watching

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _: bytes) -> None:
        self._transport.write(_HEAD)
        self._watching.add(self._transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._watching.discard(self._transport)


async def serve(folder: Path, fps: float, address: str, port: int) -> None:
    """Write a picture to everybody, again and again."""
    watching: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Viewer(watching), address, port, backlog=1024)
    due_s = loop.time()
    for jpeg in itertools.cycle(load_pictures(folder)):
        due_s += 1.0 / fps
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        part = (b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n'
                b'X-Timestamp: %.6f\r\n\r\n%b\r\n' % (len(jpeg), time.time(), jpeg))
        for transport in list(watching):
            if not transport.get_write_buffer_size():
                transport.write(part)


def main() -> None:
    """Serve until SIGINT."""
    end_at_once()
    options = server_options(__doc__)
    asyncio.run(serve(options.folder, options.fps, options.address, options.port))


if __name__ == '__main__':
    main()
