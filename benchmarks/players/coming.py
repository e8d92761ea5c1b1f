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

"""Players that come and go for a long time: whether anything grows."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
import os
import random
import statistics
import time

from . import rtsp_client
from .latency import Ports, site
from .rtsp_client import Counted, RtspClient
from .study import OutletStudy
from ..common import networks, proc
from ..common.proc import Snapshot
from ..video.attempt import tell
from ..video.server import Server

_VISITORS = 12  # who come and go, each by itself
_LONGEST_S, _PAUSE_S = 4.0, 1.0
_LEAVES_AT_ONCE = 0.2  # of them, before it plays
_LOOKS = 40
_GROWTH_MB = 4.0


class Visits:
    """Visitors at one server, until they are cancelled."""

    def __init__(self, port: int) -> None:
        self.visits = self.frames = 0
        self.refused: list[str] = []
        self._port, self._random = port, random.Random(1)  # noqa: S311 - no secret

    async def run(self) -> None:
        await asyncio.gather(*(self._come_and_go() for _ in range(_VISITORS)))

    async def _come_and_go(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0, _PAUSE_S))
            counted = Counted()
            client = RtspClient(counted)
            way = self._random.choice((rtsp_client.TCP, rtsp_client.UDP))
            stays_s = self._random.uniform(0, _LONGEST_S)
            if self._random.random() < _LEAVES_AT_ONCE:
                stays_s = self._random.uniform(0, 0.1)
            try:
                with suppress(TimeoutError, asyncio.TimeoutError):
                    await asyncio.wait_for(self._visit(client, way), stays_s)
            finally:
                client.close()
            self.visits += 1
            self.frames += len(counted.frames_ns)

    async def _visit(self, client: RtspClient, way: str) -> None:
        try:
            await client.play('127.0.0.1', self._port, way, '127.0.0.1')
            await client.count()
        except (OSError, asyncio.IncompleteReadError) as error:
            self.refused.append(repr(error))
            await asyncio.sleep(_PAUSE_S)


def coming(study: OutletStudy) -> bool:
    """Let players come and go, and look at the server meanwhile."""
    ports = Ports(*(networks.free_port() for _ in range(3)))
    with networks.loopback() as route, site(study, route, ports) as server:
        time.sleep(study.warm_up_s)
        visits = Visits(ports.rtsp)
        looks = asyncio.run(_look(study, server, visits))
        time.sleep(study.warm_up_s)
        end = proc.snapshot(server.pid)
    third = len(looks) // 3
    print(f'{study.minutes:g} minutes, {visits.visits} players, {visits.frames} frames, '
          f'{len(visits.refused)} refused {sorted(set(visits.refused))[:3]}; load '
          f'{os.getloadavg()[0]:.1f}')
    _tell('while they come', looks)
    print(f'  when all have gone: {end.rss_mb:.1f} MB, {end.sockets} sockets, {end.threads} '
          'threads')
    return all([
        tell('memory, last third more than the middle one', _middle_mb(looks[-third:])
             - _middle_mb(looks[third:-third]), _GROWTH_MB, ' MB'),
        tell('sockets when all have gone, more than before', end.sockets - looks[0].sockets, 0,
             '', digits=0),
        tell('refused', len(visits.refused), 0, '', digits=0)])


async def _look(study: OutletStudy, server: Server, visits: Visits) -> list[Snapshot]:
    """Return what the server had, first before anybody came."""
    looks = [proc.snapshot(server.pid)]
    running = asyncio.create_task(visits.run())
    for _ in range(_LOOKS):
        await asyncio.sleep(60 * study.minutes / _LOOKS)
        looks.append(proc.snapshot(server.pid))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return looks


def _middle_mb(looks: Sequence[Snapshot]) -> float:
    return statistics.median(look.rss_mb for look in looks)


def _tell(name: str, looks: Sequence[Snapshot]) -> None:
    some = looks[::max(1, len(looks) // 8)]
    print(f'  {name}: ' + ', '.join(f'{look.rss_mb:.1f}' for look in some) + ' MB; at most '
          f'{max(look.sockets for look in looks)} sockets, {max(look.threads for look in looks)} '
          'threads', flush=True)
