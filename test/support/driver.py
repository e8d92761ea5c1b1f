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
A page without a face: it watches, and drives as it is told.

As a program, `python -m support.driver URL [unnamed]`, it takes the wheel, drives at full speed
and prints a line of JSON for each command that the bridge has heard, and for each picture.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
import itertools
import json
import struct
import sys
import threading
import time

import aiohttp

from .processes import WAIT_S, wait_until

PERIOD_S = 1 / 30
_HEAD = struct.Struct('>BBHIQ')
_ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED,
          aiohttp.WSMsgType.ERROR)


@dataclass
class Hands:
    """What the driver holds; None for nothing."""

    throttle: float | None = None
    steering: float | None = None
    share: float = 1.0


class Driver:
    """
    One page, in a thread of its own; a context manager. Its clock is the robot's.

    Attributes
    ----------
    hands
        What it sends 30 times a second while it drives; may be replaced at any time.
    state
        The last `state` that it was told.
    given
        When each command was given, in s, by its sequence.
    heard
        When the bridge's answer to a command came, in s, by its sequence.
    pictures
        When each picture came, its stamp, both in s, its tier and its bytes.
    named
        Whether it tells which viewer it is, and so has priority.
    silent
        While it is set, nothing is sent while it drives.
    behind_s
        By how much the clock of its commands is behind.
    code
        The WebSocket's closing code, once it is closed.

    """

    def __init__(self, url, watch=True, token='', tls=None, cookie='', origin=None):
        self._url, self._watch, self._tls = url, watch, tls
        self._headers = {'Origin': url.rstrip('/') if origin is None else origin}
        if token:
            self._headers['Authorization'] = f'Bearer {token}'
        if cookie:
            self._headers['Cookie'] = cookie
        self.hands = Hands()
        self.state, self.viewer = {}, ''
        self.given, self.heard, self.pictures = {}, {}, []
        self.named, self.silent = True, False
        self.behind_s = 0.0
        self.seen_ms = self.code = self.error = None
        self.clock_ms = None  # the last `clock`: sent, the robot's, received
        self._numbers = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        if self.error is not None:
            self._thread.join()
            raise self.error
        wait_until(lambda: self.state)
        return self

    def __exit__(self, *_):
        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:  # it has ended in the meantime
                pass
        self._thread.join(WAIT_S)

    @property
    def drives(self):
        """Whether this page has the wheel, as far as it knows."""
        return self.state.get('you', False)

    def take(self):
        """Take the wheel, or ask for it."""
        self.tell(type='take', **({'viewer': self.viewer} if self.named else {}))

    def sit_down(self):
        """Take the wheel, and wait until it is so and a picture is there."""
        wait_until(lambda: self.viewer or not self._watch)
        self.take()
        wait_until(lambda: self.drives and (self.seen_ms or not self._watch))

    def hold(self, throttle=1.0, steering=0.0, share=1.0):
        """Hold the controls."""
        self.hands = Hands(throttle, steering, share)

    def let_go(self):
        """Hold nothing."""
        self.hands = Hands()

    def tell(self, **message):
        """Send a message; return when it is on its way."""
        self.send(json.dumps(message))

    def send(self, data, times=1):
        """Send text or bytes, as they are, so many times; False when the connection has ended."""
        async def send():
            for _ in range(times):
                await (self._socket.send_str if isinstance(data, str) else
                       self._socket.send_bytes)(data)
        try:
            asyncio.run_coroutine_threadsafe(send(), self._loop).result(WAIT_S)
        except ConnectionError:
            return False
        return not self._socket.closed

    def command(self, **changed):
        """Return a command as this page would send it now, but for what is changed."""
        now_s = time.time() - self.behind_s
        return {'type': 'drive', 'sequence': next(self._numbers), 'time_ms': now_s * 1e3,
                'seen_ms': self.seen_ms, 'throttle': self.hands.throttle,
                'steering': self.hands.steering, 'share': self.hands.share} | changed

    def wait_for(self, **expected):
        """Wait until the bridge tells a state that has all these values."""
        return wait_until(lambda: expected.items() <= self.state.items() and self.state)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._drive())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self.error = error
        finally:
            self._loop.run_until_complete(self._tidy_up())
            self._loop.close()
            self._ready.set()

    async def _tidy_up(self):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)  # as aiohttp asks for, until the connections are closed

    async def _drive(self):
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession(
                headers=self._headers, connector=aiohttp.TCPConnector(ssl=self._tls or True)))
            open_socket = session.ws_connect
            self._socket = await stack.enter_async_context(open_socket(f'{self._url}drive'))
            tasks = [self._listen(), self._send(), self._keep_clock()]
            if self._watch:
                pictures = await stack.enter_async_context(
                    open_socket(f'{self._url}ws', max_msg_size=0))
                tasks.append(self._look(pictures))
            self._ready.set()
            await asyncio.gather(*tasks)

    async def _listen(self):
        async for message in self._socket:
            content = json.loads(message.data)
            if content['type'] == 'state':
                self.state = content
            elif content['type'] == 'heard':
                self.heard[content['sequence']] = time.time()
            else:
                self.clock_ms = (content['client_ms'], content['server_ms'], time.time() * 1e3)
        self.code = self._socket.close_code
        self.state = {}

    async def _send(self):
        while self.code is None:
            if self.drives and not self.silent:
                command = self.command()
                if self.heard:
                    last = next(reversed(self.heard))
                    command['round_trip_ms'] = (self.heard[last] - self.given.get(last, 0)) * 1e3
                self.given[command['sequence']] = command['time_ms'] / 1e3
                try:
                    await self._socket.send_json(command)
                except ConnectionError:
                    return
            await asyncio.sleep(PERIOD_S)

    async def _keep_clock(self):
        while self.code is None:
            try:
                await self._socket.send_json({'type': 'clock', 'client_ms': time.time() * 1e3})
            except ConnectionError:
                return
            await asyncio.sleep(1)

    async def _look(self, socket):
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                content = json.loads(message.data)
                self.viewer = content.get('viewer', self.viewer)
                continue
            _, tier, _, sequence, stamp_ns = _HEAD.unpack_from(message.data)
            now_s = time.time()
            self.pictures.append((now_s, stamp_ns / 1e9, tier, len(message.data)))
            self.seen_ms = stamp_ns / 1e6
            try:
                await socket.send_json({'type': 'ack', 'sequence': sequence,
                                        'age_ms': max(0.0, now_s * 1e3 - self.seen_ms)})
            except ConnectionError:
                return


def main():
    """Drive at full speed until it is killed, and tell what happens."""
    with Driver(sys.argv[1]) as driver:
        driver.named = len(sys.argv) < 3
        driver.sit_down()
        driver.hold()
        heard = pictures = 0
        while driver.code is None:
            for sequence, heard_s in list(driver.heard.copy().items())[heard:]:
                heard += 1
                print(json.dumps({'given_s': driver.given[sequence], 'heard_s': heard_s}))
            for came_s, taken_s, tier, size in driver.pictures[pictures:]:
                pictures += 1
                print(json.dumps({'came_s': came_s, 'taken_s': taken_s, 'tier': tier,
                                  'size': size}))
            sys.stdout.flush()
            time.sleep(PERIOD_S)


if __name__ == '__main__':
    main()
