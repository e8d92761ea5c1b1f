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

"""One viewer: a connection that takes in an endless picture, without a thread."""

import socket
import struct

from .multipart import HEAD_BYTES, MultipartParser, Part

_AT_ONCE = struct.pack('ii', 1, 0)  # struct linger: close with RST, and throw away what is unsent


class Viewer:
    """
    A non-blocking connection to a server of pictures.

    It is connecting at first; when it can be written to, `send_request` is due, then `read`
    whenever there is something.

    Attributes
    ----------
    number
        Tells viewers apart in a Record.

    """

    def __init__(self, number: int, address: tuple[str, int], request: bytes,
                 parser: MultipartParser | None = None) -> None:
        self.number = number
        self.socket = socket.socket()
        self._request = request
        self._parser = parser or MultipartParser()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)

    def send_request(self) -> None:
        """
        Ask for the stream.

        Raises
        ------
        OSError
            The connection has failed.

        """
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, 'cannot connect')
        self.socket.sendall(self._request)

    def read(self, buffer: memoryview) -> list[Part]:
        """
        Take in what has come; return the pictures that are whole now.

        Parameters
        ----------
        buffer
            Room for what is read, of no use afterwards; all viewers can share it.

        Raises
        ------
        OSError
            The connection has ended.
        MultipartError
            The server sends something else.

        """
        left = self._parser.left
        if left:
            # What is not looked at is not copied either (tcp(7)): viewers elsewhere would not take
            # the server's processor for it.
            size = self.socket.recv_into(buffer, min(left, len(buffer)), socket.MSG_TRUNC)
        else:
            size = self.socket.recv_into(buffer, HEAD_BYTES)
        if not size:
            raise ConnectionError('the server has ended the connection')
        return self._parser.skip(size) if left else self._parser.feed(buffer[:size])

    def close(self, abruptly: bool) -> None:
        """Leave: abruptly as one who has crashed, otherwise as one who closes the window."""
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.socket.close()
