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

"""H.264 to whoever connects, without a word: `tcp://:5001`, for `nc`, ffplay, Android viewers."""

import asyncio
import contextlib
import time

from aiohttp import web

from . import listening
from .listening import ListeningOutlet, Progress
from .outlet import Log, Outlet
from .player_link import PlayerTransport
from ..codecs.h264 import NEXT_BEGINS
from ..core.frame import Frame
from ..core.pacing import TokenBucket
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog

_READ_BYTES, _BYTES_A_SECOND = 4096, 4096.0


class RawTransport(PlayerTransport):
    """Access units one after the other (ITU-T H.264, annex B), and that the next one begins."""

    name = 'tcp'

    def _pack(self, frame: Frame) -> bytes:
        return frame.data + NEXT_BEGINS


class RawConnection:
    """One player. Event loop only."""

    def __init__(self, outlet: Outlet, topic: str, tier: str, reader: asyncio.StreamReader,
                 writer: asyncio.StreamWriter) -> None:
        self._outlet, self._topic, self._tier = outlet, topic, tier
        self._reader, self._writer = reader, writer
        self.address = str((writer.get_extra_info('peername') or ('?',))[0])
        self.since_s, self.plays = time.monotonic(), False
        self._progress, self._bytes = Progress(writer), TokenBucket(_BYTES_A_SECOND, _READ_BYTES)

    async def run(self) -> None:
        reading = asyncio.get_running_loop().create_task(self._read())
        try:
            stream = self._outlet.catalog.stream(self._topic)
            with self._outlet.places.admit(self.address):
                if reason := stream.video.reason():
                    raise web.HTTPServiceUnavailable(text=reason)
                self.plays = True
                transport = RawTransport(self._writer)
                await self._outlet.play(
                    stream, self._outlet.viewer(self.address, transport, self._tier), transport)
        except web.HTTPException as error:
            self._outlet.refuse((error.text or '').strip())
        except ConnectionError:
            pass
        finally:
            reading.cancel()
            self.abort()

    def poll(self, now_s: float) -> None:
        self._progress.look(now_s)
        # Who has nothing more to say may still be there (`nc` without input), which shows in what
        # it takes.
        gone = self._reader.at_eof() and now_s - self._progress.arrived_s > listening.STUCK_S
        if gone or self._progress.is_stuck(now_s):
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def _read(self) -> None:
        """Let what it says go by."""
        with contextlib.suppress(OSError):
            while data := await self._reader.read(_READ_BYTES):
                await asyncio.sleep(self._bytes.owe_s(len(data), time.monotonic()))


class RawTcpServer(ListeningOutlet):
    """
    Sends each who connects the parameter sets, a key frame, and what follows.

    It cannot ask who that is.
    """

    kind, what, parameter = 'tcp', 'H.264 over TCP', 'outlets'

    def __init__(self, address: str, port: int, topic: str, catalog: Catalog, rules: AccessRules,
                 places: Admission, log: Log, tier: str = '') -> None:
        """Make it; nothing listens yet. Topic and tier may be empty for the usual ones."""
        super().__init__(address, port, catalog, rules, places, log)
        self._topic, self._tier = topic, tier

    def url(self) -> str:
        return f'tcp://{self.host()}:{self.port}'

    def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
                   ) -> RawConnection:
        return RawConnection(self, self._topic, self._tier, reader, writer)
