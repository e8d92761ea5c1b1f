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

"""A camera that answers byte for byte what a test says, through a real socket."""

from contextlib import contextmanager
import socket
import ssl
import threading

RATE = 30.0  # pieces a second
_TLS = b'\x16\x03'  # how a client begins who wants it; without it, servers answer at once


class RawCamera:
    """
    Send each caller what `answer(request, call)` yields, piece by piece, then close.

    `request` is the head that came, as text, `call` the number of the call, from 1. With the paths
    of a certificate and its key it speaks TLS.
    """

    def __init__(self, answer, rate=RATE, certificate=None):
        self.requests = []
        self._answer, self._rate = answer, rate
        self._tls = certificate and ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if certificate:
            self._tls.load_cert_chain(*certificate)
        self._closing = threading.Event()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def url(self, path='/', user='', host='127.0.0.1'):
        return f'http{"s" if self._tls else ""}://{user}{host}:{self.port}{path}'

    def close(self):
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection):
        connection.settimeout(5.0)
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        with connection:
            try:
                request = b''
                while b'\r\n\r\n' not in request and not request.startswith(_TLS):
                    chunk = connection.recv(4096)
                    if not chunk:
                        return
                    request += chunk
                self.requests.append(request.decode(errors='replace'))
                for piece in self._answer(self.requests[-1], len(self.requests)):
                    connection.sendall(piece)
                    if self._closing.wait(1 / self._rate):
                        return
            except OSError:
                pass


@contextmanager
def raw_camera(answer, rate=RATE, certificate=None):
    """Run such a camera."""
    camera = RawCamera(answer, rate, certificate)
    try:
        yield camera
    finally:
        camera.close()


def head(kind='multipart/x-mixed-replace; boundary=b7', *more, status='200 OK'):
    """Return the head of an answer."""
    lines = [f'HTTP/1.1 {status}', *([f'Content-Type: {kind}'] if kind else []), *more]
    return '\r\n'.join([*lines, '', '']).encode()


def whole(status, body=b'', kind='text/html', *more):
    """Return an answer that is whole at once."""
    return head(kind, f'Content-Length: {len(body)}', *more, status=status) + body


def parts(pictures):
    """Yield a usual stream for ever."""
    yield head()
    while True:
        for picture in pictures:
            yield (b'--b7\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n'
                   % (len(picture), picture))
