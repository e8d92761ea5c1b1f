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


"""How we prove to a server that we know a password (RFC 7616, RFC 2069)."""

import base64
from collections.abc import Iterator
import hashlib
import re
import secrets

_SCHEME = re.compile(r'(?:^|,)\s*(Basic|Digest)\s+', re.IGNORECASE)
_FIELD = re.compile(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.ASCII)
_HASHES = {'': 'md5', 'MD5': 'md5', 'SHA-256': 'sha256'}


class ClearTextError(Exception):
    """A server wants to hear the password itself."""


class Login:
    """One user, with what a server has asked last. Nobody is told the password itself."""

    def __init__(self, user: str, secret: str, clear: bool = False) -> None:
        """Make it; `clear` is whether the password may be sent in clear text after all."""
        self._user, self._secret, self._clear = user, secret, clear
        self._asked: dict[str, str] | None = None  # fields of the challenge
        self._count = 0
        self._basic = False

    def take(self, challenge: str) -> bool:
        """
        Take in what a server asks; return whether it can be answered, and was not yet.

        ClearTextError where only the password itself would do.
        """
        schemes = list(_challenges(challenge))
        for scheme, fields in schemes:
            if scheme == 'digest' and fields.get('algorithm', '').upper() in _HASHES \
                    and 'nonce' in fields:
                new = self._asked is None or self._asked['nonce'] != fields['nonce']
                self._asked, self._count = fields, 0
                return new
        if any(scheme == 'basic' for scheme, _ in schemes):
            if not self._clear:
                raise ClearTextError
            was, self._basic = self._basic, True
            return not was
        return False

    def answer(self, method: str, url: str) -> str:
        """Return the Authorization header of a request; empty while nothing was asked."""
        if self._asked is None:
            said = base64.b64encode(f'{self._user}:{self._secret}'.encode()).decode()
            return f'Basic {said}' if self._basic else ''
        asked = self._asked
        algorithm = asked.get('algorithm', '')
        kind = _HASHES[algorithm.upper()]
        realm, nonce = asked.get('realm', ''), asked['nonce']
        who = _hash(kind, f'{self._user}:{realm}:{self._secret}')
        what = _hash(kind, f'{method}:{url}')
        fields = {'username': self._user, 'realm': realm, 'nonce': nonce, 'uri': url}
        if 'auth' in re.split(r'[,\s]+', asked.get('qop', '')):
            self._count += 1
            count, mine = f'{self._count:08x}', secrets.token_hex(8)
            fields['response'] = _hash(kind, f'{who}:{nonce}:{count}:{mine}:auth:{what}')
            end = f', qop=auth, nc={count}, cnonce="{mine}"'
        else:
            fields['response'], end = _hash(kind, f'{who}:{nonce}:{what}'), ''
        if 'opaque' in asked:
            fields['opaque'] = asked['opaque']
        quoted = ', '.join(f'{name}="{_escaped(value)}"' for name, value in fields.items())
        return f'Digest {quoted}{f", algorithm={algorithm}" if algorithm else ""}{end}'


def _challenges(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each scheme that a server offers, and its fields."""
    found = list(_SCHEME.finditer(header))
    ends = [*(one.start() for one in found[1:]), len(header)]
    for one, end in zip(found, ends, strict=False):
        yield one[1].lower(), {
            field[1].lower(): field[2] if field[2] is not None else field[3]
            for field in _FIELD.finditer(header[one.end():end])}


def _escaped(text: str) -> str:
    return re.sub(r'[\x00-\x1f\x7f]', '', text).replace('\\', '\\\\').replace('"', '\\"')


def _hash(kind: str, text: str) -> str:
    return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()
