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
import math
import socket

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.outlets import rtp_transports
from pi_camera_stream.outlets.rtp import Packer, RtpSender
from pi_camera_stream.outlets.rtp_transports import InterleavedTransport, UdpTransport
from pi_camera_stream.outlets.rtsp_messages import Delivery
from pi_camera_stream.web.stream.delivery import Transport
import pytest

FRAME = Frame(b'\0\0\1\x65' + b'x' * 3000, 0, 1, 64, 48, codec='h264')


@pytest.mark.parametrize(('measured_s', 'taken_s'), [
    (None, None), (0.03, 0.0), (0.09, pytest.approx(0.05)), (math.inf, math.inf)])
def test_a_late_acknowledgement_is_no_narrow_link(monkeypatch, measured_s, taken_s):
    monkeypatch.setattr(Transport, 'take_transit_s', lambda _: measured_s)
    transport = InterleavedTransport.__new__(InterleavedTransport)
    assert transport.take_transit_s() == taken_s


def udp(port, control_port):
    return UdpTransport(('127.0.0.1', 1), ('127.0.0.1', 1), Delivery(None, port, control_port),
                        Packer(), RtpSender(lambda: 0))


def test_a_player_that_does_not_listen_yet_is_no_error():
    async def scenario():
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            one.bind(('127.0.0.1', 0))
            port = one.getsockname()[1]
        transport = udp(port, port + 1)
        for _ in range(3):
            transport.write_now(FRAME, 0)  # what comes back is heard at the next one
            await asyncio.sleep(0.01)
        assert transport.lost == 0
        transport.close()
        with pytest.raises(ConnectionResetError):
            transport.write_now(FRAME, 0)
        transport.close()

    asyncio.run(scenario())


def test_what_the_kernel_does_not_take_is_told_of(monkeypatch):
    class Full(socket.socket):
        def send(self, *_):
            raise BlockingIOError

        sendmsg = send

    async def scenario():
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            one.bind(('127.0.0.1', 0))
            monkeypatch.setattr(rtp_transports.socket, 'socket', Full)
            transport = udp(one.getsockname()[1], 9)
        lost = []
        transport.on_loss = lambda: lost.append(True)
        transport.write_now(FRAME, 0)
        assert (transport.lost, lost) == (1, [True])
        transport.close()

    asyncio.run(scenario())
