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

"""A client of WHEP: aiortc, as a program uses it, on loopback."""

import asyncio
import io
from urllib.parse import urljoin

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from pi_camera_stream.web.webrtc import aiortc_inside

WAIT_S = 30.0


class WhepClient:
    """
    Watch one topic, or listen, and keep what comes.

    Attributes
    ----------
    frames
        What was decoded (av.VideoFrame, or AudioFrame where kinds begin so), at most 200.
    changed
        Is set when one more has come.

    """

    def __init__(self, session, url, kinds=('video',)):
        self.session, self.url = session, url
        self.frames, self.changed, self._kind = [], asyncio.Event(), kinds[0]
        self.place = self.answer = None
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for kind in kinds:
            transceiver = self.connection.addTransceiver(kind, direction='recvonly')
            aiortc_inside.use_addresses(transceiver.receiver.transport.transport, ['127.0.0.1'])
        self.connection.on('track', self._on_track)
        self._receiving = None

    async def offer(self):
        """Return an offer, with candidates."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def ask(self, **options):
        """Send an offer; return status and text of the answer."""
        return await self.send(await self.offer(), **options)

    async def send(self, offer, content_type='application/sdp', headers=None):
        body = io.BytesIO(offer if isinstance(offer, bytes) else offer.encode())
        # A client of aiohttp 3.8 that is answered before its body is sent leaves the body out, and
        # would use the connection again.
        async with self.session.post(self.url, data=body, headers={
                'Connection': 'close', 'Content-Type': content_type, **(headers or {})}) as answer:
            text = await answer.text()
            self.headers = answer.headers
            if answer.status == 201:
                self.place = urljoin(str(self.url), answer.headers['Location'])
                self.answer = text
            return answer.status, text

    async def watch(self, **options):
        """Send an offer, and connect; return when the first picture has come."""
        status, text = await self.ask(**options)
        assert status == 201, text
        await self.connect()
        await self.more()

    async def connect(self):
        await self.connection.setRemoteDescription(RTCSessionDescription(self.answer, 'answer'))

    async def more(self, count=1):
        """Wait until so many more pictures have come; return the last one."""
        for _ in range(count):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), WAIT_S)
        return self.frames[-1]

    async def state(self):
        async with self.session.get(self.place) as answer:
            return await answer.json() if answer.status == 200 else None

    async def leave(self):
        async with self.session.delete(self.place) as answer:
            return answer.status

    async def close(self):
        if self._receiving is not None:
            self._receiving.cancel()
        await self.connection.close()

    def _on_track(self, track):
        if track.kind == self._kind:
            self._receiving = asyncio.ensure_future(self._receive(track))

    async def _receive(self, track):
        while True:
            self.frames.append(await track.recv())
            del self.frames[:-200]
            self.changed.set()
