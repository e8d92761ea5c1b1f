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

"""The secrets by which the door knows who may watch and who drive, and whether they are good."""

from enum import Enum
import hashlib
import hmac
import math
import string

from ...core.errors import PermanentError

_TOKEN_LENGTH = 8  # characters at least
_ENOUGH_BITS = 56  # of a token: who tries a thousand a second needs a million years
_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase, string.punctuation)
_ADVICE = 'use one that `python3 -m pi_camera_stream secure` makes, or `openssl rand -hex 16`'


class Token(Enum):
    """The secrets that there may be; the values are their parameters, less `_token`."""

    ACCESS = 'access'
    DRIVER = 'driver'


def check_token(token: Token, secret: str) -> None:
    name = f'{token.value}_token'
    if any(char.isspace() or not char.isprintable() for char in secret):
        raise PermanentError(f"the parameter '{name}' contains spaces or control characters: "
                             f'{_ADVICE}')
    if 0 < len(secret) < _TOKEN_LENGTH:
        raise PermanentError(f"the parameter '{name}' is easy to guess, with fewer than "
                             f'{_TOKEN_LENGTH} characters: {_ADVICE}')


def weakness(token: Token, secret: str) -> str:
    """Return a sentence about a token that could be found by trying; empty otherwise."""
    letters = sum(len(alphabet) for alphabet in _ALPHABETS
                  if not set(alphabet).isdisjoint(secret))
    if secret and len(secret) * math.log2(max(2, letters)) < _ENOUGH_BITS:
        return (f"the parameter '{token.value}_token' is short enough to be found by trying: "
                f'{_ADVICE}')
    return ''


def same_secret(candidate: str, secret: str) -> bool:
    """Return whether they are the same, and not empty; it takes as long wherever they differ."""
    # Digests, which have the same length, whatever the candidate's is. Headers that are no UTF-8
    # come as lone surrogates, which would not encode otherwise.
    one, other = (hashlib.sha256(text.encode(errors='surrogatepass')).digest()
                  for text in (candidate, secret))
    return hmac.compare_digest(one, other) and bool(secret)
