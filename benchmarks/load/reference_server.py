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
The usual way to show a camera to browsers: a thread for each viewer, and one Condition.

It is what the examples of camera libraries and many tutorials do, and stands here only to be
measured beside the bridge. Its pictures come from a timer in its own process: it has no ROS.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import itertools
import threading
import time
from typing import Any

from pi_camera_stream.core.pacing import Pacer
from pi_camera_stream.core.shutdown_signals import end_at_once

from ..common.command import server_options
from ..common.pictures import load_pictures


class NewestFrame:
    """The newest picture with its time, and the Condition that all viewers' threads wait on."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._frame = (b'', 0.0)

    def put(self, jpeg: bytes) -> None:
        """Replace the picture, stamp it with the present, and wake everybody."""
        with self._condition:
            self._frame = (jpeg, time.time())
            self._condition.notify_all()

    def wait(self) -> tuple[bytes, float]:
        """Return the next picture that comes, and its stamp in seconds."""
        with self._condition:
            self._condition.wait()
            return self._frame


class ReferenceServer(ThreadingHTTPServer):
    """Serve the newest frames to everyone at every address."""

    request_queue_size = 1024  # that all can come at once is not what is to be measured

    def __init__(self, address: tuple[str, int], newest: NewestFrame) -> None:
        super().__init__(address, _Handler)
        self.newest = newest

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent about viewers who have left."""


class _Handler(BaseHTTPRequestHandler):

    server: ReferenceServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Cache-Control', 'no-cache, private')
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=FRAME')
        self.end_headers()
        while True:
            jpeg, stamp_s = self.server.newest.wait()
            self.wfile.write(b'--FRAME\r\n')
            self.send_header('Content-Type', 'image/jpeg')
            self.send_header('Content-Length', str(len(jpeg)))
            self.send_header('X-Timestamp', f'{stamp_s:.6f}')
            self.end_headers()
            self.wfile.write(jpeg)
            self.wfile.write(b'\r\n')

    def log_message(self, *_: Any) -> None:
        """Print nothing for a request."""


def main() -> None:
    """Serve until SIGINT."""
    end_at_once()
    options = server_options(__doc__)
    newest = NewestFrame()
    server = ReferenceServer((options.address, options.port), newest)
    threading.Thread(target=server.serve_forever, name='accept', daemon=True).start()
    pacer = Pacer()
    for jpeg in itertools.cycle(load_pictures(options.folder)):
        while not pacer.wait(1.0 / options.fps, 1.0):
            pass
        newest.put(jpeg)


if __name__ == '__main__':
    main()
