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
What a capture worker does with its pipes; it imports nothing but the standard library.

The records are described, and for the node implemented, in `sources/records.py`.
"""

from __future__ import annotations

from contextlib import suppress
import json
import os
import signal
import struct
import threading
from typing import Any, Callable, Iterator, NoReturn  # noqa: UP035 - Python 3.9 has them

_HEAD = struct.Struct('<2sBcI')
_FRAME = struct.Struct('<QQI')
_GRACE_S = 0.08  # how long the camera may take to stop; the node waits for 0.1 s
_leaving = threading.Lock()


class Failure(Exception):
    """A sentence with the remedy, and whether it is useless to try again."""

    def __init__(self, sentence: str, permanent: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent


class Outbox:
    """What is to be written: messages, and the newest picture only. Putting never blocks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: list[bytes] = []
        self._frame: tuple[bytes, ...] = ()

    def say(self, kind: bytes, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        with self._changed:
            self._messages.append(_HEAD.pack(b'PC', 1, kind, len(data)) + data)
            self._changed.notify()

    def show(self, jpeg: bytes, stamp_ns: int, number: int, exposure_us: int) -> None:
        head = _HEAD.pack(b'PC', 1, b'F', _FRAME.size + len(jpeg))
        with self._changed:
            self._frame = (head + _FRAME.pack(stamp_ns, number, exposure_us), jpeg)
            self._changed.notify()

    def write(self, fd: int) -> None:
        """Wait until there is something, and write it."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._frame)
            parts = [*self._messages, *self._frame]
            self._messages, self._frame = [], ()
        while parts:
            written = os.writev(fd, parts)
            while parts and written >= len(parts[0]):
                written -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][written:]


def messages(fd: int) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield (kind, body) of the records that come, until the pipe ends."""
    with os.fdopen(fd, 'rb', closefd=False) as pipe:
        while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
            _, _, kind, size = _HEAD.unpack(head)
            body = pipe.read(size)
            if len(body) < size:
                return
            yield kind, json.loads(body)


def run(open_camera: Callable[[dict[str, Any], Outbox], Any]) -> NoReturn:
    """
    Be a worker, until the node closes the pipe or says SIGTERM.

    `open_camera` returns what has `set(values)`, which returns an error or nothing, `limit(bps)`,
    with None for no limit, and `stop()`; it puts its hello and its frames into the outbox, or
    raises `Failure`.
    """
    # What libraries print goes to standard error: here it would corrupt the records.
    out = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # A thread of its own waits for the signal: the main one may be deep in a driver.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    outbox, cameras, received = Outbox(), [], messages(0)  # type: Outbox, list[Any], Any
    threading.Thread(target=_await_signal, args=(cameras,), daemon=True).start()
    for _, settings in received:
        threading.Thread(target=_obey, args=(received, cameras, outbox), daemon=True).start()
        with suppress(BrokenPipeError):  # the node has gone
            try:
                cameras.append(open_camera(settings, outbox))
            except Failure as failure:
                outbox.say(b'E', {'sentence': str(failure), 'permanent': failure.permanent})
                outbox.write(out)
            while cameras:
                outbox.write(out)
        break
    _leave(cameras)


def _await_signal(cameras: list[Any]) -> None:
    signal.sigwait({signal.SIGTERM})
    _leave(cameras)


def _obey(received: Iterator[tuple[bytes, dict[str, Any]]], cameras: list[Any],
          outbox: Outbox) -> None:
    """Do as the node says, until it says no more."""
    try:
        for kind, body in received:
            if kind == b'S' and cameras:
                if 'controls' in body:
                    outbox.say(b'A', {'error': cameras[0].set(body['controls'])})
                if 'bitrate' in body:
                    cameras[0].limit(body['bitrate'])
    finally:
        _leave(cameras)


def _leave(cameras: list[Any]) -> NoReturn:
    """End the process, having stopped the camera if that lets itself be stopped."""
    _leaving.acquire()  # whoever comes second waits for the end
    # The kernel ends us then: a driver that hangs may hold the interpreter's lock, so that no
    # thread of ours would run any more.
    signal.setitimer(signal.ITIMER_REAL, _GRACE_S)
    try:
        if cameras:
            cameras[0].stop()
    finally:
        os._exit(0)
