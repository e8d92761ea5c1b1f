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

"""A robot that may be driven and only listens."""

import asyncio
import json
import struct
import threading
import time

from aiohttp import web, WSMsgType
from pi_camera_stream.web import app as application
from pi_camera_stream.web.access import access

from . import pictures
from .listening import listen
from .processes import WAIT_S

STATE_S = 0.2
PICTURE_S = 0.1


class Robot:
    """
    What the page speaks with: the page itself, pictures, and `/drive`.

    Attributes
    ----------
    heard
        All messages of `/drive`, each with the number of its connection in `connection`.
    asked
        Paths of all requests.
    stamps_ms
        Of the pictures that were sent.
    mute
        Whether it says nothing any more over `/drive`.
    deaf
        Whether it does not confirm what it hears.

    """

    def __init__(self, driving=True):
        self.heard, self.asked, self.stamps_ms = [], [], []
        self.mute = self.deaf = False
        self.state = {
            'driver': '', 'asking': '', 'latched': False, 'latched_by': '', 'reason': '',
            'limit': 1.0, 'linear': 0.0, 'angular': 0.0, 'max_linear': 0.5, 'reverse': True,
            'buttons': [], 'battery': None}
        self._driving = driving
        self._changed = threading.Condition()
        self._sockets, self._seat = [], None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def connections(self):
        """How many connections there have been."""
        return len(self._sockets)

    @property
    def listened_to(self):
        """Whether there is a connection now."""
        return any(not socket.closed for socket in self._sockets)

    def say(self, **changes):
        """Change something of what it says, and say it."""
        self._do(self._say(**changes))

    def change_driver(self, number, driver='you'):
        """Let the connection with that number drive; None for somebody else, or nobody."""
        self._seat = number
        self.say(driver=driver)

    def hang_up(self):
        """End all connections."""
        for socket in self._sockets:
            self._do(socket.close())

    def wait_for(self, condition, since=0):
        """Return the first message that meets the condition."""
        found = []

        def look():
            found[:] = [message for message in self.heard[since:] if condition(message)]
            return found

        with self._changed:
            assert self._changed.wait_for(look, WAIT_S), self.heard[since:]
        return found[0]

    def wait_for_kind(self, kind, since=0):
        """Return the first message of that type."""
        return self.wait_for(lambda message: message['type'] == kind, since)

    def motions(self, since=0):
        """Return throttle and steering of all drive messages."""
        return [motion(message) for message in self.heard[since:] if message['type'] == 'drive']

    def start(self):
        """Return the address of its page."""
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self.address

    def stop(self):
        """End everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._listen())
        beat = self._loop.create_task(self._beat())
        self._ready.set()
        self._loop.run_forever()
        beat.cancel()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _listen(self):
        app = web.Application(middlewares=[self._note])
        app.router.add_get('/', self._page)
        app.router.add_get('/ws', self._pictures)
        app.router.add_get('/drive', self._drive)
        app.router.add_get('/state', self._state)
        app.router.add_get('/streams', self._streams)
        app.router.add_static('/static/', application._STATIC)
        runner = await listen(app, shutdown_timeout=0)
        self.address = f'http://127.0.0.1:{runner.addresses[0][1]}/'
        return runner

    @web.middleware
    async def _note(self, request, handler):
        self.asked.append(request.path)
        return await handler(request)

    async def _page(self, _):
        return web.FileResponse(application._STATIC / 'viewer' / 'index.html',
                                headers=access._HTML_HEADERS)

    async def _streams(self, _):
        return web.json_response({'default': '/camera', 'streams': [
            {'topic': topic, 'type': 'sensor_msgs/msg/CompressedImage'}
            for topic in ('/camera', '/rear')]})

    async def _state(self, _):
        state = {'viewers': 0, 'streams': []}
        return web.json_response(state | ({'driving': {}} if self._driving else {}))

    async def _pictures(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({
            'type': 'hello', 'topic': request.query.get('topic', '/camera'), 'tiers': ['full'],
            'viewer': 'eyes'})
        sending = asyncio.create_task(self._send_pictures(socket))
        async for message in socket:
            await _tell_time(socket, json.loads(message.data))
        sending.cancel()
        return socket

    async def _send_pictures(self, socket):
        jpeg = pictures.jpeg(640, 360)
        for sequence in range(1 << 20):
            stamp_ns = time.time_ns()
            self.stamps_ms.append(stamp_ns / 1e6)
            await socket.send_bytes(struct.pack('>BBHIQ', 1, 0, 0, sequence, stamp_ns) + jpeg)
            await asyncio.sleep(PICTURE_S)

    async def _drive(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = len(self._sockets)
        self._sockets.append(socket)
        await self._say()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._hear(json.loads(message.data), number, socket)
        if self._seat == number:
            self._seat = None
            await self._say(driver='')
        return socket

    async def _hear(self, message, number, socket):
        if message['type'] == 'clock':
            if not self.mute:
                await _tell_time(socket, message)
            return
        with self._changed:
            self.heard.append({'connection': number, **message})
            self._changed.notify_all()
        if message['type'] == 'drive' and not (self.mute or self.deaf):
            await socket.send_json({'type': 'heard', 'sequence': message['sequence']})
        elif message['type'] == 'take' and not self.state['driver']:
            self._seat = number
            await self._say(driver='you', asking='')
        elif message['type'] == 'leave':
            self._seat = None
            await self._say(driver='', asking='')
        elif message['type'] == 'stop':
            await self._say(latched=True, latched_by='Bob')
        elif message['type'] == 'release':
            await self._say(latched=False)

    async def _say(self, **changes):
        self.state |= changes
        if self.mute:
            return
        for number, socket in enumerate(self._sockets):
            if not socket.closed:
                await socket.send_json({
                    'type': 'state', 'you': number == self._seat, **self.state})

    async def _beat(self):
        while True:
            await asyncio.sleep(STATE_S)
            await self._say()


async def _tell_time(socket, message):
    if message['type'] == 'clock':
        await socket.send_json({'type': 'clock', 'client_ms': message['client_ms'],
                                'server_ms': time.time_ns() / 1e6})


def motion(message):
    """Return throttle and steering of a drive message."""
    return message['throttle'], message['steering']
