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
Attack a web server of ours on this machine, until the standard input is closed.

As a program, `python -m benchmarks.programs.attacker KIND PORT [--tls]`. The kinds are

silent   1000 connections that say nothing, or of TLS only how it begins
stuck    300 that ask for endless pictures, single ones and pages, and never read
flood    one viewer who sends messages as fast as it can, and comes again when it is let go

Whoever is let go comes again. They come from 127.0.0.2, and say that they are from 192.0.2.66: to
a server with `trusted_proxies=127.0.0.2` they are one stranger.
"""

from collections.abc import Iterator
import contextlib
from contextlib import contextmanager
import itertools
import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

KINDS = ('silent', 'stuck', 'flood')
SOURCE, STRANGER = '127.0.0.2', '192.0.2.66'
SILENT, STUCK = 1000, 300
_BUFFER_BYTES = 4096
_PERIOD_S = 0.2  # between two looks at who has been let go
_HEAD = f'HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {STRANGER}\r\n'
_TEXTS = tuple(
    f'GET {path} {_HEAD}\r\n' * times for path, times in (
        ('/stream.mjpg', 1), ('/snapshot.jpg', 8), ('/static/driving/driving.css', 15)))
_UPGRADE = (f'GET /ws {_HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n'
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n')
_MESSAGE = b'{"type":"clock","client_ms":1}'
_FRAMES = (b'\x81' + bytes([0x80 | len(_MESSAGE)]) + bytes(4) + _MESSAGE) * 100  # mask 0


@contextmanager
def attack(kind: str, port: int, tls: bool = False) -> Iterator[None]:
    """Let a process attack as long as the context lasts."""
    with subprocess.Popen(
            [sys.executable, '-m', 'benchmarks.programs.attacker', kind, str(port),
             *(['--tls'] if tls else [])], stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.kill()


def connect(port: int, tls: bool, text: bytes) -> socket.socket:
    """Return a connection on which that has been sent, and from which little is taken."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    one.settimeout(5.0)
    one.bind((SOURCE, 0))
    one.connect(('127.0.0.1', port))
    if tls:
        one = _BLIND.wrap_socket(one)
    if text:
        one.sendall(text)
    return one


def crowd(port: int, number: int, tls: bool, texts: tuple[bytes, ...]) -> None:
    """Keep so many connections, whoever is let go of them."""
    poll = select.poll()
    there: dict[int, socket.socket] = {}
    for text in itertools.cycle(texts):
        if len(there) == number:
            time.sleep(_PERIOD_S)
        for descriptor, _ in poll.poll(0):
            poll.unregister(descriptor)
            there.pop(descriptor).close()
        if len(there) < number:
            with contextlib.suppress(OSError):
                one = connect(port, tls, text)
                there[one.fileno()] = one
                poll.register(one, select.POLLRDHUP)


def flood(port: int, tls: bool) -> None:
    """Send messages without end."""
    while True:
        with contextlib.suppress(OSError), connect(port, tls, _UPGRADE.encode()) as one:
            threading.Thread(target=_take_all, args=(one,), daemon=True).start()
            while True:
                one.settimeout(60.0)
                one.sendall(_FRAMES)
        time.sleep(_PERIOD_S)


def _take_all(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while one.recv(1 << 16):
            pass


def _blind() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


_BLIND = _blind()


def main() -> None:
    kind, port, tls = sys.argv[1], int(sys.argv[2]), '--tls' in sys.argv
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    if kind == 'silent':
        crowd(port, SILENT, False, (b'', b'\x16\x03\x01'))
    elif kind == 'stuck':
        crowd(port, STUCK, tls, tuple(text.encode() for text in _TEXTS))
    else:
        flood(port, tls)


if __name__ == '__main__':
    main()
