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

"""A bridge that sends H.264 as a test wants it, spoilt as well; what pages tell it, it notes."""

import asyncio
from contextlib import suppress
import itertools
from pathlib import Path
import struct
import threading
import time

from aiohttp import web, WSMsgType
import cv2
import numpy as np
import pi_camera_stream
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.core import block_code

from .processes import WAIT_S

_HEAD = struct.Struct('>BBBBIq')
_TIERS = ['full', 'high', 'medium', 'low', 'lowest', 'h264', 'h264_small']
_STATIC = Path(pi_camera_stream.__file__).parent / 'web' / 'static'
_UNDER_WAY = 20
_TOPIC = '/camera/image_raw/compressed'


class H264Bridge:
    """
    One camera, whose picture is orange with a moving bar and the coded blocks; a context manager.

    What can be set at any time, holds from the next picture on.

    Attributes
    ----------
    url
        Of the page.
    encoder
        Returns an encoder for one page.
    h264
        Whether H.264 is sent, from the next picture on, which is a key frame then.
    size
        (width, height) of the pictures.
    spoil
        Is called with each access unit and whether it is a key frame; returns what is sent.
    deaf
        Whether requests for key frames are not heard.
    behind_ms
        How much older the H.264 is than the JPEG.
    queries, messages
        What pages have asked for in the address of `/ws`, and all that they have said.
    sent
        The sequences of the pictures on the last connection.

    """

    def __init__(self, fps=15, reason='', port=0):
        self.h264, self.size, self.deaf, self.behind_ms = False, (640, 360), False, 0
        self.encoder = lambda: H264Encoder(1e6, fps)
        self.spoil = lambda data, key: data
        self.queries, self.messages, self.sent = [], [], []
        self._fps, self._reason, self._port = fps, reason, port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def said(self, kind):
        """Return what pages have said of one kind."""
        return [message for message in list(self.messages) if message['type'] == kind]

    def say(self, **message):
        """Say something to the page that came last."""
        asyncio.run_coroutine_threadsafe(self._socket.send_json(message), self._loop).result()

    def want_key(self):
        """Let the next access unit be a key frame."""
        self._camera.encoder.request_key_frame()

    def hang_up(self):
        """End the connection."""
        asyncio.run_coroutine_threadsafe(self._socket.close(), self._loop).result()

    def unanswered(self):
        """Return the sequences that the page has not acknowledged, but for those under way."""
        answered = {message['sequence'] for message in self.said('ack')}
        return [sequence for sequence in self.sent[:-_UNDER_WAY] if sequence not in answered]

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self):
        self._ending = asyncio.Event()
        app = web.Application()
        app.router.add_get('/', self._page)
        app.router.add_static('/static/', _STATIC)
        app.router.add_get('/state', self._state)
        app.router.add_get('/streams', self._streams)
        app.router.add_get('/ws', self._websocket)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, '127.0.0.1', self._port).start()
        self.url = f'http://127.0.0.1:{runner.addresses[0][1]}/'
        self._ready.set()
        await self._ending.wait()
        await runner.cleanup()

    async def _page(self, _):
        return web.FileResponse(_STATIC / 'viewer' / 'index.html')

    async def _state(self, _):
        return web.json_response({'viewers': 1, 'streams': [], 'machine': {}})

    async def _streams(self, _):
        return web.json_response({'default': _TOPIC, 'streams': [
            {'topic': _TOPIC, 'type': 'sensor_msgs/msg/CompressedImage'}]})

    async def _websocket(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        able = 'h264' in request.query.get('codecs', '')
        self.queries.append(dict(request.query))
        self.sent, self.messages, self._socket = [], [], socket
        await socket.send_json({
            'type': 'hello', 'topic': _TOPIC, 'viewer': 'x', 'tiers': _TIERS if able
            else _TIERS[:5], **({'h264': self._reason} if able else {})})
        self._camera = camera = _Camera(self, socket)
        sending = asyncio.create_task(camera.send())
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._hear(message.json(), socket, camera)
        sending.cancel()
        return socket

    async def _hear(self, message, socket, camera):
        self.messages.append(message)
        if message['type'] == 'clock':
            await socket.send_json({**message, 'server_ms': time.time_ns() / 1e6})
        elif message['type'] == 'keyframe' and not self.deaf:
            camera.encoder.request_key_frame()
        elif message['type'] == 'tier' and message['tier'] != 'auto':
            self.h264 = message['tier'].startswith('h264')


class _Camera:
    """What one page gets."""

    def __init__(self, bridge, socket):
        self.encoder = bridge.encoder()
        self._bridge, self._socket = bridge, socket

    async def send(self):
        was_h264 = False
        with suppress(ConnectionError):
            for number in itertools.count(1):
                bridge = self._bridge
                stamp_ns = time.time_ns()
                if bridge.h264 and not was_h264:
                    self.encoder.request_key_frame()
                was_h264 = bridge.h264
                if was_h264:
                    stamp_ns -= bridge.behind_ms * 1_000_000
                message = self._message(number, stamp_ns, was_h264)
                if message:
                    await self._socket.send_bytes(message)
                    bridge.sent.append(number)
                await asyncio.sleep(1 / bridge._fps)

    def _message(self, number, stamp_ns, is_h264):
        image = _picture(number, stamp_ns, *self._bridge.size)
        if is_h264:
            frame = self.encoder.encode(image, stamp_ns, number)
            if frame is None:
                return b''
            data, tier, key = self._bridge.spoil(frame.data, frame.key), 5, frame.key
        else:
            data, tier, key = cv2.imencode('.jpg', image)[1].tobytes(), 0, False
        return _HEAD.pack(1, tier, is_h264, key, number, stamp_ns) + data


def _picture(number, stamp_ns, width, height):
    image = np.full((height, width, 3), (60, 120, 200), np.uint8)
    at = number * 8 % width
    image[:height // 2, at:at + 40] = (230, 220, 90)
    block_code.draw(image, block_code.BlockCode(number, stamp_ns // 1000))
    return image
