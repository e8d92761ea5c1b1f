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
What two doctors say to each other, and the one who answers.

The one who asks sends `ask` to the group and `call` to the peer it was told of. Who answers says
`heard` or `here` to the asker alone, which shows what got through to it, and `back` to the group,
which shows what gets through to the asker. Nobody answers unless somebody runs `doctor --answer`.
"""

import os
import selectors
import socket

from .environment import MAX_DOMAIN, our_domain
from .multicast_sockets import GROUP, interfaces, is_ours, receive, receiver, sender

_NAME = b'pi_camera_stream doctor'


def port_for(domain: int | None) -> int:
    """
    Return the UDP port that doctors use in a ROS domain.

    It is none of DDS, but among those of the domain, which a firewall lets pass together.
    """
    return 7400 + 250 * min(domain or 0, MAX_DOMAIN) + 9


def message(word: str, nonce: str) -> bytes:
    """Return what to send."""
    return b' '.join((_NAME, word.encode(), nonce.encode()))


def parse(data: bytes) -> tuple[str, str]:
    """Return the word and the nonce of a message; empty ones when it is something else."""
    words = data.split(b' ')
    if len(words) != 4 or b' '.join(words[:2]) != _NAME or len(data) > 100:
        return '', ''
    return words[2].decode(errors='replace'), words[3].decode(errors='replace')


def answer() -> None:
    """
    Answer until KeyboardInterrupt.

    Raises
    ------
    OSError
        The network does not let us.

    """
    port, joined = port_for(our_domain(os.environ)), interfaces()
    senders = [sender(interface) for interface in joined]
    direct, group = receiver(port, [], ''), receiver(port, joined)
    where = ', '.join(f'{interface.name} ({interface.address})' for interface in joined)
    print(f'Answering on {where or "no network"}, UDP port {port}, until Ctrl-C. On the other '
          'machine:', *(f'  python3 -m pi_camera_stream doctor --peer {interface.address}'
                        for interface in joined), sep='\n', flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(direct, selectors.EVENT_READ, ('call', 'here'))
        selector.register(group, selectors.EVENT_READ, ('ask', 'heard'))
        while True:
            for key, _ in selector.select():
                expected, reply = key.data
                data, asker = receive(key.fileobj)  # type: ignore[arg-type]
                word, nonce = parse(data)
                if word != expected or is_ours(asker[0]):
                    continue
                print(f'{"multicast" if word == "ask" else "a call"} from {asker[0]}', flush=True)
                _send(direct, message(reply, nonce), asker)
                for each in senders:
                    _send(each, message('back', nonce), (GROUP, port))


def _send(by: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    try:
        by.sendto(data, to)
    except OSError as error:
        print(f'cannot send to {to[0]} ({error.strerror})', flush=True)
