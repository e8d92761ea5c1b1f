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

"""Servers that help a client through a router (STUN and TURN); by default, there are none."""

from collections.abc import Iterable
from dataclasses import dataclass
import re

from ...core.errors import PermanentError

_SERVER = re.compile(
    r'(?P<scheme>stun|turns?):(?:(?P<user>[^:@\s]+):(?P<password>[^@\s]+)@)?'
    r'(?P<place>(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?)', re.ASCII)


@dataclass(frozen=True)
class IceServer:
    url: str  # as browsers know it
    user: str | None = None
    password: str | None = None

    def link(self) -> str:
        """Return how a client hears of it, in an HTTP header (RFC 9725, 4.6)."""
        secret = '' if self.user is None else (
            f'; username="{self.user}"; credential="{self.password}"; credential-type="password"')
        return f'<{self.url}>; rel="ice-server"{secret}'


def read_ice_servers(words: Iterable[str]) -> tuple[IceServer, ...]:
    """Return the servers; PermanentError where one cannot be read."""
    return tuple(map(_read, words))


def _read(word: str) -> IceServer:
    match = _SERVER.fullmatch(word)
    if match is None or (match['scheme'] == 'stun') != (match['user'] is None):
        # Without the word, which may have a password in it.
        raise PermanentError(
            "the parameter 'ice_servers' contains something that is not a server: write "
            'stun:stun.example.org:3478 or turn:user:password@turn.example.org:3478, several '
            'separated by commas')
    return IceServer(f'{match["scheme"]}:{match["place"]}', match['user'], match['password'])
