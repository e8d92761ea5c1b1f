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
The process of all viewers by WebRTC of one server. Its argument is a Watching as JSON.

They are aiortc's, and tell the server what aiortc's tell. One decodes, and sees which picture it
has; of the others, frames and bytes count. As in a browser, a frame is there with its last packet;
aiortc's own jitter buffer would wait for the next one.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
import sys
import time
from typing import Any

import aiohttp
from aiortc import (
    jitterbuffer,
    RTCConfiguration,
    RTCPeerConnection,
    rtcrtpreceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
import av
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.frame import Image
from pi_camera_stream.core.shutdown_signals import end_at_once

from .viewers_main import KEPT, Watching
from ..common import proc
from ..players.marked import number_of
from ..video.decoding import luma

_START_S, _POLL_S = 15.0, 0.1
_ALL_S = 4.0  # so long are the others waited for; who has no picture then may get one later


class JitterBuffer(jitterbuffer.JitterBuffer):  # type: ignore[misc]
    """One that gives a frame as soon as the packet with the marker bit is there."""

    def _remove_frame(self, sequence_number: int) -> jitterbuffer.JitterFrame | None:
        packets: list[Any] = []
        for count in range(self.capacity):
            packet = self._packets[((self._origin or 0) + count) % self.capacity]
            if packet is None or (packets and packet.timestamp != packets[0].timestamp):
                break
            packets.append(packet)
            if packet.marker:
                self.remove(len(packets))
                return jitterbuffer.JitterFrame(
                    b''.join(one._data for one in packets), packets[0].timestamp)
        return super()._remove_frame(sequence_number)


class Decoder:
    """Decode what comes to one viewer, and count what comes to each."""

    def __init__(self, codec: Any) -> None:
        name = codec.name.lower()
        self._decoder = av.CodecContext.create('libvpx' if name == 'vp8' else 'h264', 'r')
        self._decoder.thread_count = 1
        self._decoder.flags |= 1 << 19  # AV_CODEC_FLAG_LOW_DELAY

    def decode(self, frame: jitterbuffer.JitterFrame) -> list[Any]:
        """Return the picture, and how many bytes it had."""
        return [(len(frame.data), picture) for picture in
                self._decoder.decode(av.Packet(frame.data))]


class Counting:
    """In place of a decoder."""

    def decode(self, frame: jitterbuffer.JitterFrame) -> list[Any]:
        return [(len(frame.data), None)]


@dataclass
class Seen:
    """
    What was seen since it was made.

    Attributes
    ----------
    pictures
        Number and time (ns) of what was decoded.

    """

    frames: Counter[int]
    size: int
    pictures: list[tuple[int, int]]


class Viewers:
    """All of them, in one event loop."""

    def __init__(self, told: Watching) -> None:
        self._config = told.client
        self._url = f'http://{told.client.address}:{told.client.port}{told.client.path}'
        self._connections: list[RTCPeerConnection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.seen = Seen(Counter(), 0, [])
        self.kept: list[Image] = []
        self._every = max(1, round(told.client.seconds * 30 / KEPT))

    async def come(self) -> None:
        """Connect all; the one who decodes comes first: a decoder is made for the first frame."""
        async with aiohttp.ClientSession() as session:
            rtcrtpreceiver.get_decoder = Decoder
            await self._connect(session, 0)
            if not await self._wait_for(1, _START_S):
                raise PermanentError('no picture came from the server')
            rtcrtpreceiver.get_decoder = lambda _: Counting()
            await asyncio.gather(*(self._connect(session, number)
                                   for number in range(1, self._config.viewers)))
            await self._wait_for(self._config.viewers, _ALL_S)

    async def _connect(self, session: aiohttp.ClientSession, number: int) -> None:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connections.append(connection)
        connection.addTransceiver('video', direction='recvonly')
        connection.on('track', partial(self._on_track, number))
        await connection.setLocalDescription(await connection.createOffer())
        answer = await self._ask(session, connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(answer, 'answer'))

    def _on_track(self, number: int, track: Any) -> None:
        self._tasks.append(asyncio.ensure_future(self._take(number, track)))

    async def go(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(connection.close() for connection in self._connections))

    async def _ask(self, session: aiohttp.ClientSession, offer: str) -> str:
        until_s = time.monotonic() + _START_S
        while True:
            try:
                async with session.post(self._url, data=offer, headers={
                        'Content-Type': 'application/sdp'}) as answer:
                    text = await answer.text()
                    if answer.status == 201:
                        return text
                    reason = text.strip()
            except aiohttp.ClientError as error:
                reason = str(error)
            if time.monotonic() > until_s:
                raise PermanentError(f'the server takes no viewer by WebRTC: {reason}')
            await asyncio.sleep(_POLL_S)

    async def _wait_for(self, viewers: int, most_s: float) -> bool:
        """Wait until so many have a picture; return whether they have."""
        until_s = time.monotonic() + most_s
        while len(self.seen.frames) < viewers and time.monotonic() < until_s:
            await asyncio.sleep(_POLL_S / 5)
        return len(self.seen.frames) >= viewers

    async def _take(self, number: int, track: Any) -> None:
        while True:
            try:
                size, picture = await track.recv()
            except MediaStreamError:  # it has ended
                return
            seen = self.seen
            seen.frames[number] += 1
            seen.size += size
            if picture is None:
                continue
            now_ns = time.time_ns()
            grey = _brightness(picture)
            which = number_of(grey)
            if which is not None:
                seen.pictures.append((which, now_ns))
            if seen.frames[number] % self._every == 0:
                self.kept.append(luma(picture))


def _brightness(picture: Any) -> Image:
    """Return that of a picture without a copy of it."""
    plane = picture.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[
        :picture.height, :picture.width]


async def watch(told: Watching) -> dict[str, Any]:
    """Watch, and return what was measured."""
    config, viewers = told.client, Viewers(told)
    await viewers.come()
    await asyncio.sleep(config.warm_up_s)
    viewers.seen = seen = Seen(Counter(), 0, [])
    viewers.kept = []
    pids = proc.with_children({'server': config.server_pid, **config.helper_pids})
    clock, began_s = proc.CpuClock(pids), time.monotonic()
    await asyncio.sleep(config.seconds)
    cpu_s, busy, span_s = clock.used_s(), clock.busy(), time.monotonic() - began_s
    viewers.seen, kept = Seen(Counter(), 0, []), viewers.kept
    memory_mb = sum(proc.snapshot(pid).rss_mb for pid in pids.values())
    await viewers.go()
    for number, picture in enumerate(kept[:KEPT]):
        np.save(f'{config.result}.{number}.npy', picture)
    frames = seen.frames.total()
    if not frames:
        raise PermanentError('no viewer has got a picture')
    of_each = [seen.frames[number] for number in range(config.viewers)]
    return {'frames': frames, 'frames_of_each': of_each, 'span_s': span_s, 'cpu_s': cpu_s,
            'frames_per_s_min': min(of_each) / span_s,
            'frames_per_s_mean': frames / config.viewers / span_s,
            'frame_kb': seen.size / frames / 1e3, 'machine_busy': busy, 'lost': {},
            'memory_mb': memory_mb, 'seen': seen.pictures}


def main() -> int:
    """Do what is told; return 1 with one sentence when it cannot be done."""
    end_at_once()
    told = Watching.read(sys.argv[1])
    rtcrtpreceiver.JitterBuffer = JitterBuffer
    try:
        result = asyncio.run(watch(told))
    except (PermanentError, OSError) as error:
        print(f'viewers: error: {error}', file=sys.stderr)
        return 1
    Path(told.client.result).write_text(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
