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

"""Bytes that a sender sends over UDP or TCP, as they arrive and with the time they do."""

import ipaddress
import select
import socket
import struct
import time

from ..runtime.worker_status import WorkerStatus
from ...stream_address import StreamAddress
from ....core.errors import TemporaryError

_CHUNK_BYTES = 2**16
_UDP_BUFFER_BYTES = 2**20  # half a second of 16 Mbit/s; the system may grant less
_CONNECT_S = 3.0


class SenderChangedError(Exception):
    """From here on come the bytes of another sender, or of the same one anew."""


class UdpInput:
    """What arrives at a UDP port, or of a multicast group, from whomever, for ever."""

    def __init__(self, address: StreamAddress, status: WorkerStatus) -> None:
        """
        Bind the port, and join the group on every network there is, or on `?localaddr=`.

        Raises TemporaryError when it is in use, or there is no network.
        """
        self.arrival_ns = 0  # of what was read last, by CLOCK_MONOTONIC
        self._status = status
        status.sentence = (
            f'nothing arrives at UDP port {address.port} ({address.shown}): check that the sender '
            "runs, that it sends to this computer's address, and that no firewall is in between")
        family, host = _resolve(address)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER_BYTES)
        group = bool(host) and ipaddress.ip_address(host).is_multicast
        try:
            if group:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._bind(host, address.port)
            if group:
                self._join(family, host, address.options.get('localaddr', ''))
        except OSError as error:
            self.close()
            raise TemporaryError(
                f'cannot bind UDP port {address.port} ({error.strerror}): see with `ss -ulpn '
                f'sport = :{address.port}` whether another program does') from error

    def read(self) -> bytes:
        data = self._socket.recv(_CHUNK_BYTES)
        self.arrival_ns = time.monotonic_ns()
        self._status.hear(len(data), self.arrival_ns / 1e9)
        return data

    def close(self) -> None:
        self._socket.close()

    def _bind(self, host: str, port: int) -> None:
        try:
            self._socket.bind((host, port))
        except OSError as error:
            if not host or error.errno not in (99, 22):  # EADDRNOTAVAIL: it is the sender's
                raise
            self._socket.bind(('', port))

    def _join(self, family: int, host: str, own_address: str) -> None:
        group = socket.inet_pton(family, host)
        if own_address:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                    group + socket.inet_aton(own_address))
            return
        problem = OSError(19, 'there is no network')
        joined = 0
        for index, _ in socket.if_nameindex():
            try:
                if family == socket.AF_INET6:
                    self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                            group + struct.pack('@I', index))
                else:
                    self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                            group + struct.pack('@4si', bytes(4), index))
                joined += 1
            except OSError as error:  # not this one
                problem = error
        if not joined:
            raise problem


class TcpInput:
    """
    What a sender writes to a connection, which it makes or we make.

    Where we listen, a new connection replaces an old one: a sender that lost its power never
    closes.
    """

    def __init__(self, address: StreamAddress, status: WorkerStatus) -> None:
        """Connect, or wait for the first connection; TemporaryError when that cannot be."""
        self.arrival_ns = 0
        self._status = status
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        silence = f'{address.shown} is connected, and sends nothing: check what the sender prints'
        if not address.listens:
            self._connection = self._connect(address)
            status.sentence = silence
            return
        status.sentence = (f'no sender has connected to TCP port {address.port}: start the '
                           "sender, with this computer's address and that port")
        family, host = _resolve(address)
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, address.port))
            self._listener.listen(1)
        except OSError as error:
            self.close()
            raise TemporaryError(
                f'cannot bind TCP port {address.port} ({error.strerror}): see with `ss -tlpn '
                f'sport = :{address.port}` whether another program does') from error
        self._accept()
        status.sentence = silence

    def read(self) -> bytes:
        """Wait for bytes; SenderChangedError when another connection has taken its place."""
        assert self._connection is not None  # noqa: S101 - for mypy
        waiting = [self._connection, *([self._listener] if self._listener else [])]
        ready, _, _ = select.select(waiting, [], [])
        if self._listener in ready:
            self._accept()
            raise SenderChangedError
        try:
            data = self._connection.recv(_CHUNK_BYTES)
        except OSError:
            data = b''
        self.arrival_ns = time.monotonic_ns()
        if data:
            self._status.hear(len(data), self.arrival_ns / 1e9)
            return data
        if self._listener is not None:
            self._accept()
            raise SenderChangedError
        raise TemporaryError('the sender has closed the connection')

    def close(self) -> None:
        for end in (self._connection, self._listener):
            if end is not None:
                end.close()

    def _accept(self) -> None:
        assert self._listener is not None  # noqa: S101 - for mypy
        connection = self._listener.accept()[0]
        if self._connection is not None:
            self._connection.close()
        self._connection = connection

    def _connect(self, address: StreamAddress) -> socket.socket:
        try:
            connection = socket.create_connection((address.host, address.port), _CONNECT_S)
        except OSError as error:
            raise TemporaryError(
                f'nothing answers at {address.shown} ({error.strerror or error}): start the '
                'sender there, for example `rpicam-vid -t 0 -n --inline --listen -o '
                f'tcp://0.0.0.0:{address.port}`') from error
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _resolve(address: StreamAddress) -> tuple[int, str]:
    """Return the address family and the numeric host to bind to."""
    if not address.host:
        return socket.AF_INET, ''
    try:
        family, _, _, _, where = socket.getaddrinfo(address.host, address.port)[0]
    except OSError as error:
        raise TemporaryError(
            f"the name '{address.host}' of {address.shown} cannot be found ({error.strerror}): "
            'give the number instead, for example 192.168.1.20') from error
    if not isinstance(where[0], str):
        raise TemporaryError(f"'{address.host}' has no address that Python supports: give its "
                             'IPv4 number')
    return family, where[0]
