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
Viewers of the bridge who stay, come again, or read nothing, each in a thread of its own.

As a program, `python -m support.watching TOPIC...`, it is FrameSubscribers, which print how many
pictures they have got, as a line of JSON a second.
"""

import asyncio
import itertools
import json
import math
import select
import socket
import struct
import sys
import threading
import time

import aiohttp
from benchmarks.common.multipart import MultipartError
from benchmarks.common.viewer import Viewer

from .processes import wait_until

_HEAD = struct.Struct('>BBHIQ')
_BUFFER_BYTES = 1 << 18
_PATIENCE_S = 0.5  # how long it takes at the most to see that it is to leave
_PAUSE_S = 0.2  # before one who was turned away comes again


class Watcher:
    """
    A viewer who comes again whenever the connection ends; a context manager.

    Attributes
    ----------
    pictures
        When each picture came, its stamp, both in s, and its bytes; status pictures, too.
    query
        What it asks for, behind the path.
    visits
        How many connections there have been, those that were turned away included.

    """

    def __init__(self, port, query='', kinds=('mjpeg',), stay_s=math.inf):
        """`kinds` are tried in turn, for `stay_s` each: `mjpeg`, `websocket` or `stuck`."""
        self.pictures, self.visits = [], 0
        self._port, self.query = port, query
        self._kinds, self._stay_s = kinds, stay_s
        self._ending = threading.Event()
        self._waking, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.leave()
        self._thread.join()
        self._waking.close()

    def leave(self):
        """Close the connection, by MJPEG at once, and do not come again."""
        self._ending.set()
        self._wake.close()

    def wait_for_pictures(self, count, size=None):
        """Wait until so many more have come, of that many bytes if that is said."""
        seen = len(self.pictures)
        wait_until(lambda: sum(size in (None, picture[2])
                               for picture in self.pictures[seen:]) >= count)

    def ages_s(self, since_s):
        """Return how old the pictures were that have come since then."""
        ages = itertools.takewhile(lambda one: one[0] >= since_s, reversed(list(self.pictures)))
        return [came_s - taken_s for came_s, taken_s, _ in ages]

    def _run(self):
        for kind in itertools.cycle(self._kinds):
            self.visits += 1
            until_s = time.monotonic() + self._stay_s
            try:
                {'mjpeg': self._mjpeg, 'stuck': self._stuck,
                 'websocket': lambda until_s: asyncio.run(self._websocket(until_s))}[kind](until_s)
            except (OSError, MultipartError, aiohttp.ClientError):
                self._ending.wait(_PAUSE_S)
            if self._ending.is_set():
                return

    def _goes_on(self, until_s):
        return not self._ending.is_set() and time.monotonic() < until_s

    def _connect(self):
        viewer = Viewer(0, ('127.0.0.1', self._port), (
            f'GET /stream.mjpg{self.query} HTTP/1.1\r\n'
            f'Host: 127.0.0.1:{self._port}\r\n\r\n').encode())
        try:
            select.select([], [viewer.socket], [], _PATIENCE_S)
            viewer.send_request()
        except OSError:
            viewer.close(abruptly=False)
            raise
        return viewer

    def _mjpeg(self, until_s):
        viewer, buffer = self._connect(), memoryview(bytearray(_BUFFER_BYTES))
        try:
            while self._goes_on(until_s):
                ready, _, _ = select.select([viewer.socket, self._waking], [], [], _PATIENCE_S)
                if viewer.socket in ready:
                    came = viewer.read(buffer)
                    self.pictures += [(time.time(), part.stamp_s, part.size) for part in came]
        finally:
            viewer.close(abruptly=False)

    def _stuck(self, until_s):
        viewer = self._connect()
        while self._goes_on(until_s):
            self._ending.wait(_PATIENCE_S)
        viewer.close(abruptly=False)

    async def _websocket(self, until_s):
        async with aiohttp.ClientSession() as session, session.ws_connect(
                f'http://127.0.0.1:{self._port}/ws{self.query}', max_msg_size=0,
                headers={'Origin': f'http://127.0.0.1:{self._port}'}) as connection:
            while self._goes_on(until_s) and not connection.closed:
                try:
                    message = await connection.receive(_PATIENCE_S)
                except asyncio.TimeoutError:
                    continue
                if message.type is not aiohttp.WSMsgType.BINARY:
                    continue
                sequence, stamp_ns = _HEAD.unpack_from(message.data)[3:]
                now_s = time.time()
                self.pictures.append((now_s, stamp_ns / 1e9, len(message.data)))
                await connection.send_json({'type': 'ack', 'sequence': sequence, 'age_ms': max(
                    0.0, (now_s - stamp_ns / 1e9) * 1e3)})


def main():
    """Subscribe until the process is ended."""
    from pi_camera_stream import FrameSubscriber
    counts = dict.fromkeys(sys.argv[1:], 0)

    def read(topic):
        with FrameSubscriber(topic) as frames:
            for _ in frames:
                counts[topic] += 1

    for topic in counts:
        threading.Thread(target=read, args=(topic,), daemon=True).start()
    try:
        while True:
            print(json.dumps(counts), flush=True)
            time.sleep(1.0)
    except (BrokenPipeError, KeyboardInterrupt):
        pass


if __name__ == '__main__':
    main()
