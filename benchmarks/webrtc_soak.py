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
Whether viewers by WebRTC leave anything behind: those who come and go, and half-open ones.

Run it with: .venv/bin/python -m benchmarks webrtc_soak [--minutes 10] [--viewers 200]
[--half-open 200]

`serve` shows the test pattern. Spread over the time, viewers come for some seconds: a third of
them say that they leave, a third close the connection, and a third are cut off. Of the half-open
ones, half never connect, and the others connect by ICE alone. After a tenth, half and all of
them, everybody is disconnected, and what the server still holds is printed. The exit code is 1 if
something has grown, ended or complained. All traffic is on loopback.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
import itertools
import json
import os
import random
import re
import sys
from typing import Any, cast

import aiohttp
from aioice import Candidate, Connection
from pi_camera_stream.core.with_parent import with_parent

from .common import command, proc
from .common.networks import free_port
from .load import units
from .video.page import Watch
from .video.rtp_pages import Receiver

STAY_S = (2.0, 8.0)
LET_GO_S = 25.0  # who never connects is let go after 15 s, and H.264 rests some seconds later
GROWTH_MB, GROWTH = 6.0, 1.06  # of memory, between the middle and the end
COMPLAINT = re.compile(rb'Traceback|exception was never retrieved|was destroyed|did not close')
OFFER = '\r\n'.join([
    'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 102', 'c=IN IP4 0.0.0.0', 'a=ice-ufrag:{ufrag}',
    'a=ice-pwd:{password}', 'a=fingerprint:sha-256 ' + ':'.join(['6C'] * 32),
    'a=setup:actpass', 'a=mid:0', 'a=recvonly', 'a=rtcp-mux', 'a=rtpmap:102 H264/90000',
    'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f', ''])


class Soak:
    """The server, and all who come."""

    def __init__(self, process: asyncio.subprocess.Process, port: int,
                 session: aiohttp.ClientSession) -> None:
        self.process, self.session = process, session
        self.address = f'http://127.0.0.1:{port}/'
        self.said = b''
        self.complaints: list[str] = []
        self.samples: list[dict[str, float]] = []
        self.visits = self.pictures = self.half_open = 0
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._numbers = itertools.count()

    async def listen(self) -> None:
        """Hear what the server says."""
        async for line in cast(asyncio.StreamReader, self.process.stdout):
            with suppress(ValueError):
                self._told.put_nowait(json.loads(line))
                continue
            if COMPLAINT.search(line):
                self.complaints.append(line.decode(errors='replace').strip())

    async def visit(self, leaving: int) -> None:
        """Watch for a while, and leave in one of three ways."""
        receiver = Receiver(next(self._numbers), Watch('tier=auto'), self.session, self.address)
        try:
            await receiver.enter()
            if receiver.reason:
                self.complaints.append(receiver.reason)
            until_s = asyncio.get_running_loop().time() + random.uniform(*STAY_S)  # noqa: S311
            while asyncio.get_running_loop().time() < until_s:
                await receiver.report()
                await asyncio.sleep(0.05)
            self.visits += 1
            self.pictures += receiver.count
            if leaving == 0:
                await receiver.leave()
        finally:
            await receiver.close(abruptly=leaving == 2)

    async def open_half(self, by_ice: bool) -> None:
        """Send an offer, and connect no further than ICE, if at all."""
        ice = Connection(ice_controlling=True)
        try:
            await ice.gather_candidates()
            offer = OFFER.format(ufrag=ice.local_username, password=ice.local_password)
            async with self.session.post(f'{self.address}whep', data=offer, headers={
                    'Content-Type': 'application/sdp'}) as answer:
                text = await answer.text()
                if answer.status != 201:
                    self.complaints.append(text.strip())
                    return
            self.half_open += 1
            if by_ice:
                await self._connect(ice, text)
        finally:
            await ice.close()

    async def settle(self, when: str) -> None:
        """Wait until all have been let go, and look at what the server holds."""
        await asyncio.sleep(LET_GO_S)
        async with self.session.get(f'{self.address}state') as answer:
            viewers = (await answer.json())['viewers']
        cast(asyncio.StreamWriter, self.process.stdin).write(b'\n')
        told = await asyncio.wait_for(self._told.get(), LET_GO_S)
        now = proc.snapshot(self.process.pid)
        self.samples.append({'MB': now.rss_mb, 'sockets': now.sockets, 'threads': now.threads,
                             **told})
        held = ', '.join(f'{value:.0f} {name}' for name, value in self.samples[-1].items())
        print(f'{when}: after {self.visits} visits with {self.pictures} frames and '
              f'{self.half_open} half open: {held}, {viewers} viewers; load '
              f'{os.getloadavg()[0]:.1f}', flush=True)
        if viewers:
            self.complaints.append(f'{viewers} viewers are still there')

    def growth(self) -> list[str]:
        """Return what has grown, in sentences; the first sample is of a server that is warm."""
        first, middle, last = self.samples
        found = [f'{name} have grown from {first[name]:.0f} to {last[name]:.0f}'
                 for name in ('sockets', 'threads', 'tasks', 'peers') if last[name] > first[name]]
        if last['MB'] > GROWTH * middle['MB'] + GROWTH_MB:
            found.append(f'memory has grown from {middle["MB"]:.0f} to {last["MB"]:.0f} MB')
        return found

    async def _connect(self, ice: Connection, answer: str) -> None:
        ice.remote_username = re.findall('a=ice-ufrag:(.*?)\r', answer)[-1]
        ice.remote_password = re.findall('a=ice-pwd:(.*?)\r', answer)[-1]
        for candidate in re.findall('a=candidate:(.*?)\r', answer):
            await ice.add_remote_candidate(Candidate.from_sdp(candidate))
        await ice.add_remote_candidate(None)
        await ice.connect()
        await asyncio.sleep(LET_GO_S)


@asynccontextmanager
async def serving() -> AsyncIterator[Soak]:
    """Run `serve`."""
    port = free_port()
    words = with_parent([
        sys.executable, '-m', 'benchmarks.programs.counting', 'serve', '--source', 'pattern',
        '--size', '640x360', '--fps', '15', '--address', '127.0.0.1', '--port', str(port),
        '--max-viewers', '1000'])
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT)
    async with aiohttp.ClientSession() as session:
        soak = Soak(process, port, session)
        listening = asyncio.create_task(soak.listen())
        try:
            await _wait_for(session, soak.address)
            yield soak
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await listening


async def _wait_for(session: aiohttp.ClientSession, address: str) -> None:
    for _ in range(300):
        with suppress(aiohttp.ClientError):
            async with session.get(f'{address}healthz'):
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f'nobody listens at {address}')


async def _come(soak: Soak, viewers: int, half_open: int, seconds: float) -> None:
    """Let so many come, evenly spread over the time."""
    tasks = []
    guests = sorted([(number / viewers, True, number) for number in range(viewers)]
                    + [(number / half_open, False, number) for number in range(half_open)])
    began_s = asyncio.get_running_loop().time()
    for at, watches, number in guests:
        await asyncio.sleep(max(0.0, began_s + at * seconds - asyncio.get_running_loop().time()))
        tasks.append(asyncio.create_task(
            soak.visit(number % 3) if watches else soak.open_half(number % 2 == 1)))
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, ConnectionError):
            soak.complaints.append(f'{type(result).__name__}: {result}')


async def _run(minutes: float, viewers: int, half_open: int) -> int:
    async with serving() as soak:
        seconds = 60 * minutes - 3 * LET_GO_S
        for when, part in (('beginning', 0.1), ('middle', 0.4), ('end', 0.5)):
            await _come(soak, max(3, round(part * viewers)), max(2, round(part * half_open)),
                        max(1.0, part * seconds))
            await soak.settle(when)
        problems = [*soak.complaints, *soak.growth()]
        if soak.process.returncode is not None:
            problems.append(f'the server has ended with exit code {soak.process.returncode}')
    print('\n'.join(problems) or 'nothing has grown, ended or complained')
    return 1 if problems else 0


def main(arguments: Sequence[str]) -> int:
    """Run it; return the exit code."""
    parser = command.parser('webrtc_soak', __doc__)
    parser.add_argument('--minutes', type=units.positive, default=10.0, metavar='M',
                        help='default: 10')
    parser.add_argument('--viewers', type=units.at_least_one, default=200, metavar='N',
                        help='who come and go (default: 200)')
    parser.add_argument('--half-open', type=units.at_least_one, default=200, metavar='N',
                        help='who do not connect, or by ICE alone (default: 200)')
    options = parser.parse_args(arguments)
    return asyncio.run(_run(options.minutes, options.viewers, options.half_open))
