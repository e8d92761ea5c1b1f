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

"""When frames were sent: one who takes them in as they come, and looks at them afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import socket
import threading
import time

import av
from pi_camera_stream.codecs.h264 import NEXT_BEGINS
from pi_camera_stream.core.errors import PermanentError

from .marked import number_of, Seen

_PATIENCE_S = 30.0
_LOOK_S = 0.05
_READ_BYTES = 65536


class Tap:
    """
    Reads raw H.264 by TCP, and notes when each access unit was whole.

    It decodes nothing meanwhile, so that whoever is measured has the processor.
    """

    def __init__(self, address: str, port: int) -> None:
        self._peer = address, port
        self._stopping, self._flows = threading.Event(), threading.Event()
        self._units: list[tuple[bytes, int]] = []
        self._thread = threading.Thread(target=self._read, name='tap', daemon=True)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Read as long as the context lasts; it begins when something comes."""
        self._thread.start()
        try:
            if not self._flows.wait(_PATIENCE_S):
                raise PermanentError('the server has sent nothing: --log shows what it prints')
            yield
        finally:
            self._stopping.set()
            self._thread.join()

    def sent(self) -> list[Seen]:
        """Return the pictures that were sent, when the context has ended."""
        decoder = av.CodecContext.create('h264', 'r')
        found: list[Seen] = []
        for data, at_ns in self._units:
            for picture in decoder.decode(av.Packet(data)):  # each at once: none is reordered
                number = number_of(picture.to_ndarray(format='gray'))
                if number is not None:
                    found.append(Seen(number, at_ns))
        return found

    def _read(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError), socket.create_connection(self._peer, 1.0) as connection:
                connection.settimeout(1.0)
                self._take(connection)
            self._stopping.wait(_LOOK_S)

    def _take(self, connection: socket.socket) -> None:
        waiting = bytearray()
        while not self._stopping.is_set() and (data := connection.recv(_READ_BYTES)):
            at_ns = time.time_ns()
            waiting += data
            *units, rest = bytes(waiting).split(NEXT_BEGINS)
            waiting[:] = rest
            self._units += [(unit, at_ns) for unit in units if unit]
            if units:
                self._flows.set()
