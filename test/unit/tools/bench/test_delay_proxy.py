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

import os
import select
import socket
import threading
import time

from pi_camera_stream.tools.bench.delay_proxy import DelayProxy
import pytest

WAIT_S = 30.0
DELAY_S = 0.02


@pytest.fixture
def listener():
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(WAIT_S)
        yield server


@pytest.fixture
def proxy(listener):
    """Run a proxy before `listener`, in a thread."""
    running = DelayProxy(0, listener.getsockname(), DELAY_S)
    ending = threading.Event()

    def run():
        while not ending.is_set():
            running.step(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    yield running
    ending.set()
    thread.join(WAIT_S)
    running.close()


@pytest.fixture
def pair(proxy, listener):
    """Return both ends of a connection through the proxy: the viewer's and the server's."""
    with socket.create_connection(('127.0.0.1', proxy.port), WAIT_S) as viewer:
        server, _ = listener.accept()
        server.settimeout(WAIT_S)
        with server:
            yield viewer, server


def receive(connection, size):
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(65536)
        assert piece, 'it has ended'
        data += piece
    return bytes(data)


def test_bytes_come_through_in_order_in_both_directions(pair):
    viewer, server = pair
    there, back = os.urandom(5_000_000), os.urandom(3_000_000)
    senders = [threading.Thread(target=viewer.sendall, args=(there,)),
               threading.Thread(target=server.sendall, args=(back,))]
    for sender in senders:
        sender.start()
    assert receive(server, len(there)) == there
    assert receive(viewer, len(back)) == back
    for sender in senders:
        sender.join(WAIT_S)


def test_nothing_comes_before_its_time(pair):
    viewer, server = pair
    for _ in range(5):
        began_s = time.monotonic()
        viewer.sendall(b'?')
        assert receive(server, 1) == b'?'
        assert time.monotonic() - began_s >= DELAY_S
        server.sendall(b'!')
        assert receive(viewer, 1) == b'!'
        assert time.monotonic() - began_s >= 2 * DELAY_S


def test_the_end_comes_behind_the_last_byte_and_one_direction_can_go_on(pair):
    viewer, server = pair
    viewer.sendall(b'request')
    viewer.shutdown(socket.SHUT_WR)
    assert receive(server, 7) == b'request'
    assert server.recv(1) == b''
    server.sendall(b'answer')
    server.close()
    assert receive(viewer, 6) == b'answer'
    assert viewer.recv(1) == b''


def test_a_reset_goes_through(pair):
    viewer, server = pair
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    viewer.close()
    with pytest.raises(ConnectionResetError):
        server.recv(1)


def test_who_does_not_read_stops_the_sender(pair):
    _, server = pair
    server.setblocking(False)
    sent = 0
    while select.select([], [server], [], 1.0)[1]:
        sent += server.send(bytes(65536))
        assert sent < 200_000_000  # by far more than the kernel and the proxy hold together


def test_where_nobody_listens_the_connection_ends(proxy, listener):
    listener.close()
    with socket.socket() as viewer, pytest.raises(ConnectionResetError):
        viewer.settimeout(WAIT_S)
        viewer.connect(('127.0.0.1', proxy.port))
        viewer.recv(1)
