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

"""User and password, as an HTTP camera asks for them (RFC 7617 and RFC 7616)."""

import base64
from collections.abc import Mapping, Sequence
import hashlib
import re
import secrets

_PARAMETER = re.compile(r'([\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_DIGEST = re.compile(r'(?:^|[\s,])digest[ \t]+(.*)', re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r'(?:^|[\s,])basic(?:[\s,]|$)', re.IGNORECASE)
_HASHES = {'MD5': 'md5', 'SHA-256': 'sha256'}


def authorize(challenges: Sequence[str], user: str, password: str, target: str) -> str:
    """
    Return what to answer to one of the `WWW-Authenticate` of a 401; nothing if none is understood.

    `target` is what the request asks for, as in its first line. A camera that does not say what it
    wants gets Basic.
    """
    for challenge in challenges:
        if match := _DIGEST.search(challenge):
            parameters: dict[str, str] = {}
            for name, quoted, plain in _PARAMETER.findall(match[1]):
                parameters.setdefault(name.lower(), quoted or plain)
            if answer := _digest(parameters, user, password, target):
                return answer
    if not challenges or any(_BASIC.search(challenge) for challenge in challenges):
        return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()
    return ''


def _digest(asked: Mapping[str, str], user: str, password: str, target: str) -> str:
    algorithm = asked.get('algorithm', 'MD5').upper()
    name = _HASHES.get(algorithm.removesuffix('-SESS'))
    qops = [qop.strip().lower() for qop in asked.get('qop', '').split(',') if qop.strip()]
    if name is None or (qops and 'auth' not in qops):
        return ''

    def digest(*parts: str) -> str:
        return hashlib.new(name, ':'.join(parts).encode(), usedforsecurity=False).hexdigest()

    realm, nonce = asked.get('realm', ''), asked.get('nonce', '')
    own_nonce, count = secrets.token_hex(8), '00000001'
    secret = digest(user, realm, password)
    if algorithm.endswith('-SESS'):
        secret = digest(secret, nonce, own_nonce)
    request = digest('GET', target)
    fields = {'username': user.replace('\\', r'\\').replace('"', r'\"'), 'realm': realm,
              'nonce': nonce, 'uri': target}
    if qops:
        fields['response'] = digest(secret, nonce, count, own_nonce, 'auth', request)
        fields['cnonce'] = own_nonce
    else:
        fields['response'] = digest(secret, nonce, request)
    if 'opaque' in asked:
        fields['opaque'] = asked['opaque']
    text = ', '.join(f'{field}="{value}"' for field, value in fields.items())
    return f'Digest {text}' + (f', qop=auth, nc={count}' if qops else '') + (
        f', algorithm={asked["algorithm"]}' if 'algorithm' in asked else '')
