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

"""A network camera that sends JPEGs by HTTP, as real ones do."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

BOUNDARY = 'myboundary'


class MjpegServer(ThreadingHTTPServer):
    """
    Send `pictures` in turn, one for each `release()`, to whoever asks for /stream.

    /login wants a password, /page is a web page, and all else is not found.
    """

    daemon_threads = True

    def __init__(self, pictures, with_length):
        super().__init__(('127.0.0.1', 0), _Handler)
        self.pictures = pictures
        self.with_length = with_length
        self.released = threading.Semaphore(0)
        self.closing = False

    def url(self, path, user=''):
        return f'http://{user}127.0.0.1:{self.server_port}{path}'

    def release(self, count=1):
        """Let the next pictures go."""
        self.released.release(count)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition('?')[0]
        if path == '/stream':
            self._stream()
        elif path == '/page':
            body = b'<html><body>a camera</body></html>' * 200
            self._head(200, 'text/html', body)
        elif path == '/login':
            self._head(401, 'text/plain', b'no', ('WWW-Authenticate', 'Basic realm="camera"'))
        else:
            self._head(404, 'text/plain', b'not here')

    def _head(self, code, kind, body=b'', *more):
        self.send_response(code)
        if body:
            self.send_header('Content-Length', str(len(body)))
        for name, value in (('Content-Type', kind), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self):
        self._head(200, f'multipart/x-mixed-replace; boundary={BOUNDARY}')
        number = 0
        try:
            while self.server.released.acquire() and not self.server.closing:
                jpeg = self.server.pictures[number % len(self.server.pictures)]
                number += 1
                length = f'Content-Length: {len(jpeg)}\r\n' if self.server.with_length else ''
                self.wfile.write(f'--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n{length}\r\n'
                                 .encode() + jpeg + b'\r\n')
        except OSError:
            pass

    def log_message(self, *_):
        pass


@contextmanager
def mjpeg_server(pictures, with_length=True):
    """Run the camera."""
    server = MjpegServer(pictures, with_length)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.closing = True
        server.release(10)
        server.shutdown()
        thread.join()
        server.server_close()
