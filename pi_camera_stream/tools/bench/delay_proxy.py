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
A TCP proxy that delivers everything later, as a long way does, in a process of its own.

What comes in at one side goes out at the other so many ms later, in both directions, unchanged
and in order. Bandwidth is not limited. The end of a connection travels along; a reset goes
through at once. Of each direction of a connection the proxy reads ahead at most what is under way
in the delay at 160 Mbit/s, and at least 1 MiB: if the receiver does not take what has arrived, the
proxy stops to read, and the sender feels it as with a long, fat pipe.

It shows what it costs that pictures are long under way, and that an answer of the viewer takes as
long. But it is no network: TCP acknowledges on both sides of it without a delay, so whatever works
by acknowledgements (congestion control, TCP_INFO, what is unsent) does not see the long way.
"""

import argparse
from collections import deque
import selectors
import socket
import struct
import time

from .interrupt import end_at_sigint

_CHUNK_BYTES = 65_536
_MIN_AHEAD_BYTES = 1 << 20
_AHEAD_BYTES_PER_S = 20_000_000
_RESET = struct.pack('ii', 1, 0)


class _End:
    """One socket of a pair: what is read here is written at the peer."""

    peer: '_End'

    def __init__(self, connection: socket.socket, connecting: bool) -> None:
        self.socket = connection
        self.connecting = connecting
        self.arrived: deque[memoryview] = deque()  # to be written here
        self.ahead_bytes = 0  # read here, not yet written at the peer
        self.read_all = False  # the end has been read here
        self.write_end = False  # the end is to be written here, behind what has arrived
        self.written_all = False
        self.closed = False
        self.events = 0
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class DelayProxy:
    """
    The proxy; it works in the thread that calls `run`.

    Attributes
    ----------
    port
        Where it listens, at 127.0.0.1.

    """

    def __init__(self, port: int, target: tuple[str, int], delay_s: float) -> None:
        self._target = target
        self._delay_s = delay_s
        self._ahead_bytes = max(_MIN_AHEAD_BYTES, round(delay_s * _AHEAD_BYTES_PER_S))
        self._underway: deque[tuple[float, _End, bytes]] = deque()  # when due, for whom, what
        self._ends: set[_End] = set()  # all that are open
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(('127.0.0.1', port), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Work for ever."""
        while True:
            self.step(None)

    def step(self, timeout_s: float | None) -> None:
        """Wait for something to do, for `timeout_s` at the most, and do it."""
        if self._underway:
            wait_s = max(0.0, self._underway[0][0] - time.monotonic())
            timeout_s = wait_s if timeout_s is None else min(wait_s, timeout_s)
        for key, events in self._selector.select(timeout_s):
            if key.data is None:
                self._accept()
            else:
                self._attend(key.data, events)
        now_s = time.monotonic()
        while self._underway and self._underway[0][0] <= now_s:
            _, end, data = self._underway.popleft()
            self._arrive(end, data)

    def close(self) -> None:
        """Stop to listen, and end all connections."""
        for end in list(self._ends):
            self._reset(end)
        self._selector.close()
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has gone again
            return
        near, far = _End(connection, False), _End(socket.socket(), True)
        near.peer, far.peer = far, near
        self._ends |= {near, far}
        far.socket.connect_ex(self._target)
        self._listen(near)
        self._listen(far)

    def _attend(self, end: _End, events: int) -> None:
        if end.closed:  # by its peer, in the same round
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._write(end)
            if events & selectors.EVENT_READ and not end.closed:
                self._read(end)
        except OSError:
            self._reset(end)
        else:
            self._listen(end)
            self._listen(end.peer)

    def _arrive(self, end: _End, data: bytes) -> None:
        """Take in at `end` what its peer has read some time ago; nothing is the end."""
        if end.closed:
            return
        if data:
            end.arrived.append(memoryview(data))
        else:
            end.write_end = True
        self._attend(end, 0 if end.connecting else selectors.EVENT_WRITE)

    def _read(self, end: _End) -> None:
        try:
            data = end.socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        end.read_all = not data
        end.ahead_bytes += len(data)
        self._underway.append((time.monotonic() + self._delay_s, end.peer, data))

    def _write(self, end: _End) -> None:
        if end.connecting:
            error = end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, 'cannot connect')
            end.connecting = False
        try:
            while end.arrived:
                sent = end.socket.send(end.arrived[0])
                end.peer.ahead_bytes -= sent
                if sent == len(end.arrived[0]):
                    end.arrived.popleft()
                else:
                    end.arrived[0] = end.arrived[0][sent:]
        except BlockingIOError:
            return
        if end.write_end and not end.written_all:
            end.socket.shutdown(socket.SHUT_WR)
            end.written_all = True
            if end.peer.written_all:
                self._reset(end)

    def _listen(self, end: _End) -> None:
        """Tell the selector what `end` waits for now."""
        if end.closed:
            return
        events = 0
        if end.connecting or end.arrived:
            events |= selectors.EVENT_WRITE
        if not end.connecting and not end.read_all and end.ahead_bytes < self._ahead_bytes:
            events |= selectors.EVENT_READ
        if events == end.events:
            return
        if not end.events:
            self._selector.register(end.socket, events, end)
        elif not events:
            self._selector.unregister(end.socket)
        else:
            self._selector.modify(end.socket, events, end)
        end.events = events

    def _reset(self, end: _End) -> None:
        """Close both; what both sides have ended already is not harmed by it."""
        for one in (end, end.peer):
            if not one.closed:
                one.closed = True
                self._ends.discard(one)
                if one.events:
                    self._selector.unregister(one.socket)
                if not (end.written_all and end.peer.written_all):
                    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.socket.close()


def main() -> None:
    """Forward connections until SIGINT."""
    end_at_sigint()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--to', nargs=2, metavar=('ADDRESS', 'PORT'), required=True)
    parser.add_argument('--delay-ms', type=float, required=True)
    options = parser.parse_args()
    DelayProxy(options.port, (options.to[0], int(options.to[1])), options.delay_ms / 1e3).run()


if __name__ == '__main__':
    main()
