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
Watch what a Janus has by WebRTC, as many as are wanted, until standard input ends.

`playing` is said when all get frames, and one has decoded as many --pictures as wanted. What has
come is said at the end, as JSON: for each the times of its frames in ns, and how many packets were
missing; and of the one that decodes, numbers and times of its pictures. The others decode
nothing: many decoders take more than there is.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import json
import secrets
import sys
import time
from typing import Any

import aiohttp
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from pi_camera_stream.core import block_code
from pi_camera_stream.core.shutdown_signals import leave

from ..players.rtsp_client import Counted

_VIDEO_TYPES = range(96, 128)
_AGAIN_S = 0.1


class Viewer:
    """One that watches; `numbers` are those of the pictures that it has decoded, with times."""

    def __init__(self, session: aiohttp.ClientSession, url: str, decodes: bool) -> None:
        self.counted, self.numbers = Counted(), list[tuple[int, int]]()
        self._session, self._url, self._decodes = session, url, decodes
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on('track', self._on_track)
        self._decoding: asyncio.Task[None] | None = None

    async def watch(self, mount_point: int) -> None:
        """Watch until the task is cancelled, or Janus ends it."""
        handle = self._url
        for request in ({'janus': 'create'},
                        {'janus': 'attach', 'plugin': 'janus.plugin.streaming'}):
            handle += f'/{(await self._post(handle, request))["data"]["id"]}'
        events = handle.rpartition('/')[0] + '?maxev=1'
        while 'age_ms' not in str(await self._say(handle, {'request': 'info', 'id': mount_point})):
            await asyncio.sleep(_AGAIN_S)  # it has nothing yet
        await self._say(handle, {'request': 'watch', 'id': mount_point})
        while 'jsep' not in (event := await self._get(events)):
            pass
        await self._connection.setRemoteDescription(RTCSessionDescription(**event['jsep']))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        for transceiver in self._connection.getTransceivers():
            self._count(transceiver.receiver.transport)
        # Janus takes the last fingerprint, whatever its hash.
        answer = '\r\n'.join(line for line in self._connection.localDescription.sdp.splitlines()
                             if not line.startswith(('a=fingerprint:sha-384',
                                                     'a=fingerprint:sha-512')))
        await self._say(handle, {'request': 'start'}, {'type': 'answer', 'sdp': answer + '\r\n'})
        while (await self._get(events)).get('janus') != 'hangup':
            pass

    async def close(self) -> None:
        await self._connection.close()

    def _count(self, transport: Any) -> None:
        """Look at packets before aiortc does; it gets none where nothing is decoded."""
        handle: Callable[..., Awaitable[None]] = transport._handle_rtp_data

        async def count(data: bytes, **options: Any) -> None:
            if data[1] & 0x7F in _VIDEO_TYPES:
                self.counted.packet(data)
            if self._decodes:
                await handle(data, **options)

        transport._handle_rtp_data = count

    def _on_track(self, track: MediaStreamTrack) -> None:
        if self._decodes:
            self._decoding = asyncio.get_running_loop().create_task(self._decode(track))

    async def _decode(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):  # it has ended
            while True:
                picture = (await track.recv()).to_ndarray(format='gray')
                code = block_code.read(picture)
                if code is not None:
                    self.numbers.append((code.number, time.time_ns()))

    async def _say(self, handle: str, body: dict[str, Any], jsep: Any = None) -> Any:
        return await self._post(handle, {'janus': 'message', 'body': body,
                                         **({'jsep': jsep} if jsep else {})})

    async def _post(self, url: str, message: dict[str, Any]) -> Any:
        async with self._session.post(url, json={'transaction': secrets.token_hex(6), **message}
                                      ) as answer:
            return await answer.json()

    async def _get(self, url: str) -> Any:
        async with self._session.get(url) as answer:
            return await answer.json()


async def main() -> None:
    """Watch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--url', required=True)
    parser.add_argument('--count', type=int, required=True)
    parser.add_argument('--mount-point', type=int, default=1)
    parser.add_argument('--pictures', type=int, default=1)
    options = parser.parse_args()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        viewers = [Viewer(session, options.url, number == 0) for number in range(options.count)]
        tasks = [asyncio.create_task(viewer.watch(options.mount_point)) for viewer in viewers]
        saying = asyncio.create_task(_say_when_playing(viewers, options.pictures))
        reading = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await asyncio.wait({reading, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            print(*(repr(task.exception()) for task in tasks if task.done()), file=sys.stderr)
            leave(1)
        for task in (*tasks, saying):
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        print(json.dumps({
            'players': [[one.counted.frames_ns, one.counted.missing] for one in viewers],
            'ended': [repr(one) for one in ended if not isinstance(one, asyncio.CancelledError)],
            'decoded': viewers[0].numbers}))
        for viewer in viewers:
            await viewer.close()


async def _say_when_playing(viewers: list[Viewer], pictures: int) -> None:
    while len(viewers[0].numbers) < pictures or not all(one.counted.frames_ns for one in viewers):
        await asyncio.sleep(0.05)
    print('playing', flush=True)


if __name__ == '__main__':
    asyncio.run(main())
