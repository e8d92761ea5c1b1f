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

import asyncio
import errno
import socket
from types import SimpleNamespace

from pi_camera_stream.core.segments import can_cut
from pi_camera_stream.web.webrtc import bursts
from pi_camera_stream.web.webrtc.bursts import Bursts
import pytest

PACKETS = [bytes([number]) * size for number, size in enumerate((9, 9, 9, 8, 8, 5))]


class Dtls:
    """As of aiortc: what encrypts, and the way below it."""

    def __init__(self, transport, address):
        self.state, self._tx_srtp = 'connected', SimpleNamespace(protect=lambda data: data + b'!')
        pair = SimpleNamespace(protocol=SimpleNamespace(transport=transport), remote_addr=address)
        self.transport = SimpleNamespace(
            _connection=SimpleNamespace(_nominated={1: pair}), _send=self._send)
        self.one_by_one = []

    async def _send(self, data):
        self.one_by_one.append(data)

    async def _send_rtp(self, data):
        self.one_by_one.append(data)


async def with_receiver(scenario):
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as there:
        there.bind(('127.0.0.1', 0))
        there.setblocking(False)
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=('127.0.0.1', 0))
        dtls = Dtls(transport, there.getsockname())
        try:
            await scenario(dtls, transport, lambda: loop.sock_recv(there, 2048))
        finally:
            transport.close()


def test_packets_of_one_size_are_one_call_and_the_socket_stays(monkeypatch):
    called = []

    class Counting(socket.socket):
        def sendmsg(self, buffers, *others):
            called.append(len(buffers))
            return super().sendmsg(buffers, *others)

    async def scenario(dtls, transport, receive):
        one = Bursts(dtls)
        for _ in range(2):
            await one.send(PACKETS)
            assert [await receive() for _ in PACKETS] == [packet + b'!' for packet in PACKETS]
        transport.sendto(b'after it', dtls.transport._connection._nominated[1].remote_addr)
        assert await receive() == b'after it'

    monkeypatch.setattr(bursts.socket, 'socket', Counting)
    asyncio.run(with_receiver(scenario))
    assert called == 2 * [4, 2]


@pytest.mark.parametrize(('error', 'again'), [(errno.EIO, False), (errno.EAGAIN, True)])
def test_what_cannot_be_sent_so_aiortc_sends_in_its_order(monkeypatch, error, again):
    tried = []

    class Refusing(socket.socket):
        def sendmsg(self, *_):
            tried.append(1)
            raise OSError(error, '')

    async def scenario(dtls, _transport, _receive):
        one = Bursts(dtls)
        await one.send(PACKETS)
        assert dtls.one_by_one == [packet + b'!' for packet in PACKETS]  # encrypted once
        await one.send(PACKETS)
        assert len(tried) == 1 + again

    monkeypatch.setattr(bursts.socket, 'socket', Refusing)
    asyncio.run(with_receiver(scenario))


def test_by_a_relay_and_by_another_aiortc_each_is_sent_as_it_sends():
    async def scenario(dtls, transport, _receive):
        pair = dtls.transport._connection._nominated[1]
        pair.protocol.transport = SimpleNamespace(sendto=None)  # of TURN, which is none of asyncio
        await Bursts(dtls).send(PACKETS)
        assert dtls.one_by_one == PACKETS
        pair.protocol.transport = transport
        del dtls._tx_srtp
        await Bursts(dtls).send(PACKETS)
        assert dtls.one_by_one == 2 * PACKETS

    asyncio.run(with_receiver(scenario))


def test_who_asks_an_old_kernel_hears_that_it_cannot():
    with socket.socket() as one:  # of TCP, which has no such option either
        assert not can_cut(one)
