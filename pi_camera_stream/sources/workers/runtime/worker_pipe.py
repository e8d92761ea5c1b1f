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
What every capture worker does with its pipes, by nothing but the standard library.

The records are described, and for the node implemented, in `sources/records.py`.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
import json
import os
import signal
import struct
import threading
import time
from typing import Any, Callable, Iterator, NoReturn  # noqa: UP035 - Python 3.9 has them

_HEAD = struct.Struct('<2sBcI')
_FRAME = struct.Struct('<QQI')
_UNIT = struct.Struct('<QQ')
# Access units that wait to be written, as `core/group_buffer.py` has it.
_UNITS, _MOST_UNITS, _MOST_BEHIND_S = 8, 64, 1.0
_GRACE_S = 0.08  # how long the camera may take to stop; the node waits for 0.1 s
_leaving = threading.Lock()


class Failure(Exception):
    """
    A sentence with the remedy, and whether it is useless to try again.

    Where there is `no_camera`, the node may know better why.
    """

    def __init__(self, sentence: str, permanent: bool = False, no_camera: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.no_camera = no_camera


class Device:
    """What delivers, as far as the node can tell it something."""

    def set(self, _values: dict[str, Any]) -> str:
        """Set controls; return an error, or nothing."""
        return 'it has no controls'

    def describe_controls(self) -> dict[str, Any]:
        """Return them as the hello has them, with their present values, if these can be told."""
        return {}

    def limit_bitrate(self, bitrate_bps: float | None) -> None:
        """Keep to so many bits a second, if it can; None for no limit."""

    def take(self, settings: dict[str, Any], number: int) -> None:
        """Go on with other settings, and say hello with that number; Failure if that fails."""

    def want_metadata(self, each: bool) -> None:
        """Tell the metadata of each picture from now on, or only now and then."""

    def want_video(self, wanted: bool) -> None:
        """Send the access units that there are beside the JPEGs, or none from now on."""

    def request_key_frame(self) -> None:
        """Let one of the next access units be a key frame, if it can."""

    def limit_video_bitrate(self, bitrate_bps: float) -> None:
        """Keep the access units to so many bits a second, if it can."""

    def stop(self) -> None:
        """Let go of the hardware."""


class WorkerPipe:
    """
    Messages to be written, the newest frame only, and access units, by group.

    Any thread may put, and never waits; the main one writes. A frame waits for one access unit at
    the most.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: list[bytes] = []
        self._frame: tuple[bytes, ...] = ()
        self._units: deque[tuple[float, bytes, bytes]] = deque()  # when put, head and data
        self._until_key = False  # access units are left out up to the next key frame
        self._failed = False

    def send(self, kind: bytes, body: dict[str, Any]) -> None:
        with self._changed:
            self._messages.append(_message(kind, body))
            self._changed.notify()

    def send_frame(self, jpeg: bytes, stamp_ns: int, number: int, exposure_us: int = 0,
                   metadata: dict[str, Any] | None = None) -> None:
        head = _HEAD.pack(b'PC', 1, b'F', _FRAME.size + len(jpeg))
        if metadata is not None:
            head = _message(b'M', metadata) + head
        with self._changed:
            self._frame = (head + _FRAME.pack(stamp_ns, number, exposure_us), jpeg)
            self._changed.notify()

    def forget_frame(self) -> None:
        """Do not write the frame that waits."""
        with self._changed:
            self._frame = ()

    def send_unit(self, data: bytes, stamp_ns: int, number: int, key: bool) -> bool:
        """Offer an access unit; False when it is left out, and a key frame is needed."""
        head = _HEAD.pack(b'PC', 1, b'V', _UNIT.size + len(data)) + _UNIT.pack(stamp_ns, number)
        now_s = time.monotonic()
        with self._changed:
            waiting = len(self._units)
            if key and (self._until_key or waiting >= _UNITS):
                self._units.clear()
                self._until_key = False
            elif waiting >= _MOST_UNITS or (
                    waiting >= _UNITS and now_s - self._units[0][0] > _MOST_BEHIND_S):
                self._units.clear()
                self._until_key = True
            if not self._until_key:
                self._units.append((now_s, head, data))
                self._changed.notify()
            return not self._until_key

    def forget_units(self) -> None:
        """Do not write the access units that wait; the next one is a key frame."""
        with self._changed:
            self._units.clear()
            self._until_key = False

    def send_failure(self, failure: Failure) -> None:
        """Say why there are no frames; the process ends behind it."""
        with self._changed:
            if not self._failed:
                self.send(b'E', {'sentence': str(failure), 'permanent': failure.permanent,
                                 'no_camera': failure.no_camera})
            self._failed = True

    def fail(self, sentence: str, permanent: bool = False) -> NoReturn:
        """Say it, and wait for the end; not in the main thread."""
        self.send_failure(Failure(sentence, permanent))
        while True:
            threading.Event().wait()

    def write(self, fd: int) -> bool:
        """Wait until there is something, and write it; False when that was the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._frame or self._units)
            parts = [*self._messages, *self._frame]
            if self._units:
                parts += self._units.popleft()[1:]
            self._messages, self._frame = [], ()
            goes_on = not self._failed
        while parts:
            written = os.writev(fd, parts)
            while parts and written >= len(parts[0]):
                written -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][written:]
        return goes_on


def _message(kind: bytes, body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    return _HEAD.pack(b'PC', 1, kind, len(data)) + data


def messages(fd: int) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield (kind, body) of the records that come, until the pipe ends."""
    with os.fdopen(fd, 'rb', closefd=False) as pipe:
        while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
            _, _, kind, size = _HEAD.unpack(head)
            body = pipe.read(size)
            if len(body) < size:
                return
            yield kind, json.loads(body)


def run(open_device: Callable[[dict[str, Any], WorkerPipe], Device]) -> NoReturn:
    """
    Be a worker, until the node closes the pipe or says SIGTERM.

    `open_device` gets what the node says first, and the pipe; it returns what puts its hello and
    its frames there from now on, or raises `Failure`.
    """
    # What libraries print goes to standard error: here it would corrupt the records.
    out = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # A thread of its own waits for the signal: the main one may be deep in a driver.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pipe, devices, received = WorkerPipe(), [], messages(0)  # type: WorkerPipe, list[Any], Any
    threading.Thread(target=_await_signal, args=(devices,), daemon=True).start()
    for _, settings in received:
        threading.Thread(target=_obey, args=(received, devices, pipe), daemon=True).start()
        try:
            devices.append(open_device(settings, pipe))
        except Failure as failure:
            pipe.send_failure(failure)
        with suppress(OSError):  # the node has gone
            while pipe.write(out):
                pass
        break
    _leave(devices)


def _await_signal(devices: list[Any]) -> None:
    signal.sigwait({signal.SIGTERM})
    _leave(devices)


def _obey(received: Iterator[tuple[bytes, dict[str, Any]]], devices: list[Any],
          pipe: WorkerPipe) -> None:
    try:
        for kind, body in received:
            if kind == b'S' and devices:
                if 'settings' in body:
                    devices[0].take(body['settings'], body['number'])
                if 'metadata' in body:
                    devices[0].want_metadata(body['metadata'])
                if 'controls' in body:
                    answer = {'error': devices[0].set(body['controls'])}
                    if controls := devices[0].describe_controls():
                        answer['controls'] = controls
                    pipe.send(b'A', answer)
                if 'bitrate' in body:
                    devices[0].limit_bitrate(body['bitrate'])
                if 'video_bitrate' in body:
                    devices[0].limit_video_bitrate(body['video_bitrate'])
                if 'video' in body:
                    devices[0].want_video(body['video'])
                if 'key_frame' in body:
                    devices[0].request_key_frame()
    except Failure as failure:
        pipe.send_failure(failure)  # the main thread ends the process behind it
        threading.Event().wait()
    finally:
        _leave(devices)


def _leave(devices: list[Any]) -> NoReturn:
    """End the process, having stopped the device if that lets itself be stopped."""
    _leaving.acquire()  # whoever comes second waits for the end
    # The kernel ends us then: a driver that hangs may hold the interpreter's lock, so that no
    # thread of ours would run any more.
    signal.setitimer(signal.ITIMER_REAL, _GRACE_S)
    try:
        if devices:
            devices[0].stop()
    finally:
        os._exit(0)
