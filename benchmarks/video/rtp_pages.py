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
Many receivers of WebRTC without a decoder: a process of pages that cost little themselves.

Its argument, what it prints and what it writes are those of `pages`. aiortc connects; frames are
seen by the heads of their packets, and what a browser would tell of them is told: when each came,
and what is missing. A frame counts when all up to its end is there.
"""

import asyncio
from contextlib import suppress
import json
from pathlib import Path
import re
import sys
import time
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from pi_camera_stream.core.shutdown_signals import end_at_once

from .page import Watch
from .pages import Visit
from .pictures import H264, Picture
from .rtp_feedback import write_feedback, write_nack, write_pli
from .rtp_frames import Frames, Head, unwrap

_START_S, _POLL_S = 30.0, 0.05  # the latter between two reports
_NUMBER_ID = 13
_TELLING = ('a=rtcp-fb:* transport-cc\r\na=extmap:13 http://www.ietf.org/id/draft-holmer-rmcat-'
            'transport-wide-cc-extensions-01\r\n')
_RTX = re.compile(r'a=rtpmap:(\d+) rtx/')
_RTP = range(128, 192)  # the first byte of RTP and RTCP (RFC 7983)
_RTCP = range(192, 224)  # the second one of the latter (RFC 5761)
_HZ = 90_000


class Receiver:
    """One viewer, from its offer on."""

    def __init__(self, number: int, watch: Watch, session: aiohttp.ClientSession,
                 address: str) -> None:
        self.number, self._watch = number, watch
        self._session, self._url = session, f'{address}whep?{watch.query}'
        self.asked_ns, self.reason = 0, ''
        self.frames = Frames()
        self.packets = self.nacks = 0
        self._seen: list[tuple[int, int, int]] = []  # when, RTP time, bytes
        self._came_s: dict[int, float] = {}
        self._asked_clock = False
        self._last = self._counter = self._ssrc = 0
        self._rtx: set[int] = set()
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._place = ''
        self._clock: dict[str, Any] = {}
        self._transport: Any = None

    async def enter(self) -> None:
        connection = self._connection
        transceiver = connection.addTransceiver('video', direction='recvonly')
        self._transport = transceiver.receiver.transport
        await connection.setLocalDescription(await connection.createOffer())
        self.asked_ns = time.time_ns()
        async with self._session.post(
                self._url, data=connection.localDescription.sdp + _TELLING,
                headers={'Content-Type': 'application/sdp'}) as answer:
            text = await answer.text()
            if answer.status != 201:
                self.reason = text.strip()
                return
            self._place = urljoin(str(answer.url), answer.headers['Location'])
        self._rtx = set(map(int, _RTX.findall(text)))
        await connection.setRemoteDescription(RTCSessionDescription(text, 'answer'))
        ice = self._transport.transport._connection  # which has no public way to see datagrams
        receive = ice.data_received

        def take(data: bytes | None, component: int) -> None:
            # In the aioice of Debian 12, None is the end.
            if data is not None and len(data) > 1 and data[0] in _RTP and data[1] not in _RTCP:
                self._take(data)
            else:
                receive(data, component)

        ice.data_received = take

    async def report(self) -> None:
        """Tell what came since the last time, and ask for what did not."""
        now_s = time.monotonic()
        said = [write_nack(self._ssrc, one) for one in self.frames.missing(now_s)]
        self.nacks += len(said)
        if self._came_s:
            said.append(write_feedback(self._came_s, self._counter))
            self._counter += 1
            self._came_s = {}
        if self.frames.give_up(now_s):
            said.append(write_pli(self._ssrc))
        if self._seen and not self._asked_clock:
            self._asked_clock = True
            await self._look_at_clock()
        with suppress(ConnectionError):
            for packet in said:
                await self._transport._send_rtp(packet)

    async def leave(self) -> None:
        """Say that it leaves."""
        if self._place:
            await self._look_at_clock()
            async with self._session.delete(self._place):
                pass

    async def close(self, abruptly: bool = False) -> None:
        """End the connection; abruptly as one whose cable is pulled out."""
        if abruptly and self._transport is not None:
            await self._transport.transport._connection.close()
        await self._connection.close()

    @property
    def count(self) -> int:
        """Return how many pictures have come."""
        return len(self._seen)

    def pictures(self) -> list[Picture]:
        """Return what came; nothing where nobody knows how old it was."""
        if self._clock.get('rtp_timestamp') is None:
            return []
        tier, found = self._clock['tier'], []
        for sequence, (came_ns, rtp, size) in enumerate(self._seen):
            ticks = unwrap_time(rtp, self._clock['rtp_timestamp'])
            stamp_ns = round(self._clock['stamp_ms'] * 1e6 + ticks * 1e9 / _HZ)
            found.append(Picture(self.number, came_ns, 0, stamp_ns, tier, H264, False, sequence,
                                 size))
        return found

    async def _look_at_clock(self) -> None:
        async with self._session.get(self._place) as answer:
            told = await answer.json() if answer.status == 200 else {}
        if told.get('rtp_timestamp') is not None:
            self._clock = told

    def _take(self, data: bytes) -> None:
        now_s, head = time.monotonic(), Head.read(data, _NUMBER_ID)
        self.packets += 1
        if head.number is not None:
            self._last = unwrap(head.number, self._last)
            self._came_s[self._last] = now_s
        if head.kind in self._rtx:
            # Its own number is encrypted; which one it is, is told by what is missing.
            self._fill(head, now_s)
            return
        self._ssrc = head.ssrc
        self._note(self.frames.add(head.sequence, head.timestamp, head.marker, head.size, now_s))

    def _fill(self, head: Head, now_s: float) -> None:
        asked = self.frames.oldest_asked()
        if asked is not None:
            self._note(self.frames.add(asked & 0xFFFF, head.timestamp, head.marker,
                                       head.size, now_s))

    def _note(self, frames: list[tuple[int, int]]) -> None:
        now_ns = time.time_ns()
        self._seen += [(now_ns, timestamp, size) for timestamp, size in frames]


def unwrap_time(time_of: int, last: int) -> int:
    """Return how many ticks an RTP time is after another one."""
    return (time_of - last + (1 << 31)) % (1 << 32) - (1 << 31)


async def watch(visit: Visit) -> dict[str, Any]:
    """Let all come, watch and go; return what is to be written down."""
    address = f'http://{visit.address}:{visit.port}/'
    async with aiohttp.ClientSession() as session:
        await _wait_for(session, address)
        receivers = [Receiver(number, one, session, address)
                     for number, one in enumerate(visit.watches)]
        await asyncio.gather(*(receiver.enter() for receiver in receivers))
        print(json.dumps(time.time_ns()), flush=True)
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        while not ended.done():
            for receiver in receivers:
                await receiver.report()
            await asyncio.sleep(_POLL_S)
        await asyncio.gather(*(receiver.leave() for receiver in receivers))
        await asyncio.gather(*(receiver.close() for receiver in receivers))
    lost = sum(receiver.nacks for receiver in receivers)
    return {
        'pictures': [picture for receiver in receivers for picture in receiver.pictures()],
        'asked_ns': [receiver.asked_ns for receiver in receivers],
        'reasons': [receiver.reason or None for receiver in receivers],
        'broken': [receiver.frames.given_up for receiver in receivers],
        'stale': [0] * len(receivers), 'lost': [], 'cpu_s': time.process_time(),
        'notes': [f'{sum(receiver.packets for receiver in receivers)} packets, {lost} asked for '
                  f'again; the receivers took {time.process_time():.1f} s of CPU']}


async def _wait_for(session: aiohttp.ClientSession, address: str) -> None:
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            async with session.get(f'{address}healthz'):
                return
        except aiohttp.ClientError:
            if time.monotonic() > deadline_s:
                sys.exit(f'nobody listens at {address} after {_START_S:g} s')
            await asyncio.sleep(_POLL_S)


def main() -> None:
    """Watch, and write down what came."""
    end_at_once()
    visit = Visit.read(sys.argv[1])
    Path(visit.result).write_text(json.dumps(asyncio.run(watch(visit))))


if __name__ == '__main__':
    main()
