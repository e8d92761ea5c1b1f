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

"""Who knows the access token, without its being sent (RFC 2617 as RTSP clients have it)."""

from collections.abc import Iterable
from enum import Enum
import hashlib
import hmac
import re
import secrets

_REALM = 'pi_camera_stream'
_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.ASCII)


class Proof(Enum):
    NONE = 'none'  # nothing was said, or of another connection
    WRONG = 'wrong'
    RIGHT = 'right'


class Digest:
    """
    The exchange on one connection.

    What it asks is another thing on each, so that nobody can use what somebody else answered. It
    is without `qop`, which not all players know, and with MD5, because they know nothing else.
    """

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(16)

    @property
    def challenge(self) -> str:
        return f'Digest realm="{_REALM}", nonce="{self._nonce}"'

    def check(self, header: str, method: str, passwords: Iterable[str]) -> tuple[Proof, str]:
        """Return whether an Authorization header proves that one is known, and which."""
        scheme, _, text = header.partition(' ')
        fields = {match[1].lower(): match[2] if match[2] is not None else match[3]
                  for match in _FIELD.finditer(text)}
        if scheme.lower() != 'digest':
            return Proof.WRONG if scheme else Proof.NONE, ''
        if fields.get('nonce') != self._nonce:
            return Proof.NONE, ''
        said = fields.get('response', '')
        found = [password for password in passwords if hmac.compare_digest(
            said.encode('latin-1', 'replace'), self._response(fields, method, password).encode())]
        return (Proof.RIGHT, found[0]) if found else (Proof.WRONG, '')

    def _response(self, fields: dict[str, str], method: str, password: str) -> str:
        who = _md5(f'{fields.get("username", "")}:{_REALM}:{password}')
        what = _md5(f'{method}:{fields.get("uri", "")}')
        return _md5(f'{who}:{self._nonce}:{what}')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode('utf-8', 'replace'), usedforsecurity=False).hexdigest()
