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

"""The web server of the bridge on loopback, in this process, with a camera that goes on."""

from contextlib import contextmanager
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time

from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.tls import server_context
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.server import WebServer
from pi_camera_stream.web.stream.catalog import Catalog

from . import pictures
from .processes import WAIT_S
from .streams import Stream

TOPIC, TYPE = '/camera/image_raw/compressed', 'sensor_msgs/msg/CompressedImage'
FRAME_S = 0.02
GET = 'GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n'
UPGRADE = ('GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
           'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n')


class Site:
    """What a test sees of it."""

    def __init__(self, size, tls, rules, recordings=None, **options):
        self.catalog = Catalog(TOPIC, lambda name: Stream(
            name, time.time_ns, lambda _: None, RenditionEncoder(), RenditionSpec()))
        self.catalog.update({TOPIC: TYPE})
        self.said = []
        self.app = Application(self.catalog, rules, self.said.append, recordings=recordings)
        self.server = WebServer(self._build, '127.0.0.1', 0, tls, **options)
        self._picture, self._size = pictures.jpeg(*size), size
        self._ending = threading.Event()
        self._camera = threading.Thread(target=self._film, daemon=True)

    def _build(self, reaper):
        self.reaper = reaper
        return self.app.build(reaper)

    def _film(self):
        sequence = 0
        while not self._ending.wait(FRAME_S):
            sequence += 1
            for stream in self.catalog.streams():
                if not stream.idle:
                    stream.offer(Frame(self._picture, time.time_ns(), sequence, *self._size))

    def __enter__(self):
        self.server.start()
        self._camera.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self.server.stop()

    def viewers(self):
        """Return how many watch."""
        return sum(len(stream.viewers) for stream in self.catalog.streams())

    def asking(self):
        """Return how many requests are being answered."""
        return len(self.reaper._requests)

    def connections(self):
        """Return how many there are, as was seen within the last second."""
        return len(self.reaper._requests.keys() | self.reaper._waiting_since_s.keys())

    @contextmanager
    def connected(self, text='', buffer_bytes=None, tls=None, source='127.0.0.1'):
        """Connect and send something; give the socket."""
        with socket.socket() as client:
            if buffer_bytes is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            client.settimeout(WAIT_S)
            client.bind((source, 0))
            client.connect(('127.0.0.1', self.server.port))
            if tls is not None:
                client = tls.wrap_socket(client, server_hostname='localhost')
            with client:
                client.sendall(text.encode())
                yield client


def ended(client):
    """Wait until the other side has closed a connection from which nothing was asked."""
    try:
        return client.recv(1) == b''
    except ConnectionResetError:
        return True


def reset(client, timeout_s=WAIT_S):
    """Wait for the end of a connection without reading; return whether it has come to that."""
    poll = select.poll()
    poll.register(client, 0)
    return bool(poll.poll(timeout_s * 1e3))


@contextmanager
def site(size=(64, 48), tls=None, rules=None, **options):
    with Site(size, tls, rules or AccessRules(), **options) as running:
        yield running


def certificate(folder, missing):
    """Return the context of a server with a certificate of its own, and one of its clients."""
    if shutil.which('openssl') is None:
        missing('the command openssl is not installed')
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
         '-nodes', '-keyout', 'key', '-out', 'crt', '-days', '36500', '-subj', '/CN=localhost',
         '-addext', 'subjectAltName=DNS:localhost'], cwd=folder, check=True, capture_output=True)
    return (server_context(f'{folder}/crt', f'{folder}/key'),
            ssl.create_default_context(cafile=f'{folder}/crt'))
