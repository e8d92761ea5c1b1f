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
Who is in which ROS domain, as seen from outside: by announcements, and by ports in use.

DDS participants of all makers announce themselves to 239.255.0.1 at a port that tells the domain
(RTPS 2.5, 9.6.2: 7400 + 250 * domain), every 3 s (Fast DDS) or less often. Those that keep to
this machine announce nothing there, but have ports of their own: an even one, 10 above, for
announcements, and the next one for data, two for each further participant.
"""

from dataclasses import dataclass, field
import selectors
import socket
import threading

from .environment import MAX_DOMAIN
from .multicast_sockets import interfaces, receive, receiver

_FIRST_PORT, _DOMAIN_GAIN, _UNICAST = 7400, 250, 10
_MAGIC = b'RTPS'
_HEADER_BYTES = 20
MAKERS = {b'\x01\x0f': 'Fast DDS', b'\x01\x10': 'Cyclone DDS', b'\x01\x01': 'Connext'}


@dataclass(frozen=True)
class Participant:
    """A participant that announced itself: its address, who made its DDS, and its name there."""

    address: str
    maker: str
    prefix: bytes


@dataclass
class Listener:
    """
    Listens to the announcements in all domains, in a thread, until `stop`.

    Attributes
    ----------
    found
        Participants by domain; of use after `stop`.
    failure
        Why nothing can be heard.

    """

    found: dict[int, set[Participant]] = field(default_factory=dict)
    failure: str = ''
    _thread: threading.Thread | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        joined = [interface for interface in interfaces() if interface.can_multicast]
        sockets: list[socket.socket] = []
        with selectors.DefaultSelector() as selector:
            try:
                for domain in range(MAX_DOMAIN + 1):
                    sockets.append(receiver(_FIRST_PORT + _DOMAIN_GAIN * domain, joined))
                    selector.register(sockets[-1], selectors.EVENT_READ, domain)
                while not self._ending.is_set():
                    for key, _ in selector.select(0.1):
                        data, (address, _) = receive(key.fileobj)  # type: ignore[arg-type]
                        participant = parse(data, address)
                        if participant is not None:
                            self.found.setdefault(key.data, set()).add(participant)
            except OSError as error:
                self.failure = error.strerror or str(error)
            finally:
                for each in sockets:
                    each.close()


def parse(data: bytes, address: str) -> Participant | None:
    """Return who has sent an RTPS message; None when it is something else."""
    if len(data) < _HEADER_BYTES or data[:4] != _MAGIC:
        return None
    return Participant(address, MAKERS.get(data[6:8], 'another DDS'), data[8:20])


@dataclass(frozen=True)
class Local:
    """Participants on this machine in one domain; `open` when they meet other machines, too."""

    participants: int
    open: bool


def local_domains(table: str) -> dict[int, Local]:
    """Return who has ports of which domain here, by the text of /proc/net/udp."""
    offsets: dict[int, set[int]] = {}
    for line in table.splitlines()[1:]:
        port = int(line.split()[1].rpartition(':')[2], 16) - _FIRST_PORT
        if 0 <= port < _DOMAIN_GAIN * (MAX_DOMAIN + 1):
            offsets.setdefault(port // _DOMAIN_GAIN, set()).add(port % _DOMAIN_GAIN)
    found = {}
    for domain, ports in sorted(offsets.items()):
        # Both of a pair: a single port may belong to any program.
        pairs = sum(port >= _UNICAST and port % 2 == 0 and port + 1 in ports for port in ports)
        if pairs:
            found[domain] = Local(pairs, 0 in ports)
    return found

