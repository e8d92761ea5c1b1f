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

"""A reverse proxy that has a server below a path, and takes that path away, as nginx does."""

from contextlib import suppress
import socket
import socketserver
import threading

from .processes import WAIT_S

_END = b'\r\n\r\n'
_NOTHING = b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


class PathProxy(socketserver.ThreadingTCPServer):
    """
    Hand on what is asked below a path to a port of 127.0.0.1; a context manager.

    Without `websockets`, none gets through, as with many a company's proxy.

    Attributes
    ----------
    url
        Of the server, through the proxy.
    missed
        Paths that were asked for beside it.

    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, port, path='/cam/', websockets=True):
        super().__init__(('127.0.0.1', 0), _Handler)
        self.port, self.path, self.missed = port, path, []
        self.websockets = websockets
        self.url = f'http://127.0.0.1:{self.server_address[1]}{path}'

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(socketserver.BaseRequestHandler):
    """One request a connection, but for WebSockets."""

    def handle(self):
        head, _, body = self._head().partition(_END)
        first, *lines = head.split(b'\r\n')
        if not head:
            return  # a browser opens connections in advance
        method, path, version = first.split(b' ')
        below = self.server.path.encode()
        if not path.startswith(below):
            self.server.missed.append(path.decode())
            self.request.sendall(_NOTHING)
            return
        upgrades = any(line.lower().startswith(b'upgrade:') for line in lines)
        if upgrades and not self.server.websockets:
            self.request.sendall(_NOTHING)
            return
        if not upgrades:
            lines = [line for line in lines if not line.lower().startswith(b'connection:')]
            lines.append(b'Connection: close')
        first = b' '.join((method, path[len(below) - 1:], version))
        with socket.create_connection(('127.0.0.1', self.server.port), WAIT_S) as server:
            server.settimeout(None)
            server.sendall(b'\r\n'.join((first, *lines)) + _END + body)
            back = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
            back.start()
            _pass_on(self.request, server)
            back.join()

    def _head(self):
        data = b''
        with suppress(ConnectionError):
            while _END not in data:
                chunk = self.request.recv(65536)
                if not chunk:
                    return b''
                data += chunk
        return data


def _pass_on(source, sink):
    """Copy until one of them ends, and let the other know."""
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
