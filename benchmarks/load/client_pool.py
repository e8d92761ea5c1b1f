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

"""All viewers of a server, in one thread, and what they are told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
import selectors
import time

from pi_camera_stream.core.errors import PermanentError

from .record import Record
from ..common.multipart import MultipartError, MultipartParser
from ..common.viewer import Viewer

_BUFFER_BYTES = 262_144
_FIRST_PICTURE_S = 30.0
_POLL_S = 0.05


@dataclass(frozen=True)
class ClientConfig:
    """
    What the viewers are to do; it travels as JSON.

    Attributes
    ----------
    path
        What they ask for.
    stuck
        So many more who read nothing.
    churn
        Come and go for `seconds`, instead of staying.
    server_pid
        The process that is measured.
    helper_pids
        Others, by name, whose CPU time is told as well.
    result
        The file to write, JSON.

    """

    address: str
    port: int
    path: str
    viewers: int
    stuck: int
    warm_up_s: float
    seconds: float
    churn: bool
    server_pid: int
    helper_pids: dict[str, int]
    result: str


class ClientPool:
    """
    Viewers who come, watch and leave.

    Attributes
    ----------
    record
        What they get; put a new one here to begin anew.
    connected
        Those who watch at present, by number.
    connections
        How many have got through to the server.
    lost
        How many have been turned away or cut off by the server, by reason.

    Parameters
    ----------
    path
        What they ask for; nothing where it is empty.
    parser
        Makes what reads the answer to a viewer, by their number.

    """

    def __init__(self, address: tuple[str, int], path: str,
                 parser: Callable[[int], MultipartParser] = lambda _: MultipartParser()) -> None:
        self.record = Record()
        self.connected: dict[int, Viewer] = {}
        self.connections = 0
        self.lost: Counter[str] = Counter()
        self._address, self._parser = address, parser
        self._request = (
            f'GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n'
            'User-Agent: pi_camera_stream-bench\r\n\r\n').encode() if path else b''
        self._selector = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._stuck: set[Viewer] = set()
        self._numbers = 0

    def connect(self, stuck: bool = False) -> Viewer:
        """Let a viewer come; a stuck one sends the request and then reads nothing."""
        viewer = Viewer(self._numbers, self._address, self._request,
                        self._parser(self._numbers))
        self._numbers += 1
        if stuck:
            self._stuck.add(viewer)
        else:
            self.connected[viewer.number] = viewer
        self._selector.register(viewer.socket, selectors.EVENT_WRITE, viewer)
        return viewer

    def disconnect(self, viewer: Viewer, abruptly: bool = False) -> None:
        """Let a viewer leave."""
        self.connected.pop(viewer.number, None)
        self._stuck.discard(viewer)
        try:
            self._selector.unregister(viewer.socket)
        except KeyError:  # a stuck one
            pass
        viewer.close(abruptly)

    def disconnect_all(self) -> None:
        """Let all leave."""
        for viewer in [*self.connected.values(), *self._stuck]:
            self.disconnect(viewer)

    def run_until(self, until_s: float) -> None:
        """Let them watch until `until_s` (time.monotonic)."""
        while (remaining_s := until_s - time.monotonic()) > 0:
            for key, events in self._selector.select(remaining_s):
                viewer = key.data
                try:
                    if events & selectors.EVENT_WRITE:
                        self._on_connected(viewer)
                    else:
                        self._on_readable(viewer)
                except (OSError, MultipartError) as error:
                    self.lost[str(error)] += 1
                    self.disconnect(viewer)

    def wait_for_picture(self) -> None:
        """
        Return when one viewer has got one picture and has left: the server is ready.

        Raises
        ------
        PermanentError
            None came for a long time.

        """
        deadline_s = time.monotonic() + _FIRST_PICTURE_S
        while not self.record.frames:
            if time.monotonic() > deadline_s:
                reason = next(iter(self.lost), 'it sends none')
                raise PermanentError(f'no frame came from the server: {reason}')
            if not self.connected:
                self.connect()
            self.run_until(time.monotonic() + _POLL_S)
        self.disconnect_all()
        self.record = Record()
        self.connections = 0
        self.lost.clear()

    def _on_connected(self, viewer: Viewer) -> None:
        viewer.send_request()
        self.connections += 1
        if viewer in self._stuck:
            self._selector.unregister(viewer.socket)
        else:
            self._selector.modify(viewer.socket, selectors.EVENT_READ, viewer)

    def _on_readable(self, viewer: Viewer) -> None:
        parts = viewer.read(self._buffer)
        if parts:
            now_s = time.time()
            for part in parts:
                self.record.add(viewer.number, part, now_s)
